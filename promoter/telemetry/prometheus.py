"""Metrics for Prometheus to scrape. Imported by `serve` alone: it needs the extra `serve`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from promoter import telemetry
from promoter.telemetry.metrics import METRICS, Metric
from promoter.version import VERSION

_log = logging.getLogger(__name__)
Kind = Literal["counter", "gauge", "histogram"]
_Series = tuple[str, tuple[tuple[str, str], ...]]
"""A name, and each label with its value."""


def start_metrics() -> PrometheusMeter:
    """From now on everything is measured; `telemetry.use_meter(None)` ends it."""
    meter = PrometheusMeter()
    telemetry.use_meter(meter)
    telemetry.gauge("promoter_build_info", 1, version=VERSION)
    return meter


class PrometheusMeter:
    """`promoter.telemetry.Meter` over a registry of its own; thread-safe.

    What is not in the list of metrics, or has other labels there, is left out and told once: a
    mistake of ours never stops a promotion. Tests have a meter that raises.
    """

    def __init__(self) -> None:
        # When each series began, as series of their own: nobody asks, and there are as many again.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no type
        self._registry = CollectorRegistry()
        self._gauges = _Gauges()
        self._registry.register(self._gauges)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for each in METRICS.values():
            about = (each.name, each.help, each.labels)
            if each.kind == "counter":
                self._counters[each.name] = Counter(*about, registry=self._registry)
            elif each.kind == "histogram":
                made = Histogram(*about, buckets=each.buckets, registry=self._registry)
                self._histograms[each.name] = made
        # To look the labels up takes the library longer than to count.
        self._counting: dict[_Series, Counter] = {}
        self._timing: dict[_Series, Histogram] = {}
        self._told: set[str] = set()

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The body and its content type: OpenMetrics where `accept` (the header) asks for it."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
        key = (name, tuple(labels.items()))
        counter = self._counting.get(key)
        if counter is None and self._find(name, "counter", labels):
            family = self._counters[name]
            counter = self._counting[key] = family.labels(**labels) if labels else family
        if counter is not None:
            counter.inc(amount)

    def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        key = (name, tuple(labels.items()))
        histogram = self._timing.get(key)
        if histogram is None and self._find(name, "histogram", labels):
            family = self._histograms[name]
            histogram = self._timing[key] = family.labels(**labels) if labels else family
        if histogram is not None:
            histogram.observe(value)

    def gauge(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        if metric := self._find(name, "gauge", labels):
            self._gauges.set(name, tuple(labels[each] for each in metric.labels), value)

    def gauges(
        self, name: str, rows: Mapping[tuple[str, ...], float], within: Mapping[str, str]
    ) -> None:
        metric = METRICS.get(name)
        others = [each for each in metric.labels if each not in within] if metric else []
        width = {len(key) for key in rows} | {len(others)}
        labels = (*within, *others) if len(width) == 1 else ()
        if metric := self._find(name, "gauge", labels):
            named = ({**within, **dict(zip(others, key, strict=True))} for key in rows)
            keys = [tuple(each[label] for label in metric.labels) for each in named]
            fixed = {metric.labels.index(label): value for label, value in within.items()}
            self._gauges.replace(name, fixed, dict(zip(keys, rows.values(), strict=True)))

    def _find(self, name: str, kind: Kind, labels: Iterable[str]) -> Metric | None:
        metric = METRICS.get(name)
        given = set(labels)
        if metric is not None and metric.kind == kind and given == set(metric.labels):
            return metric
        if name not in self._told:
            self._told.add(name)
            _log.error("a bug in promoter: no %s %s with the labels %s", kind, name, sorted(given))
        return None


class _Gauges(Collector):
    """The library's own gauges can't replace all their labels at once: a scrape would see none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, dict[tuple[str, ...], float]] = {}

    def set(self, name: str, key: tuple[str, ...], value: float) -> None:
        with self._lock:
            self._rows.setdefault(name, {})[key] = value

    def replace(
        self, name: str, fixed: Mapping[int, str], rows: Mapping[tuple[str, ...], float]
    ) -> None:
        with self._lock:
            others = {
                key: value
                for key, value in self._rows.get(name, {}).items()
                if any(key[at] != label for at, label in fixed.items())
            }
            self._rows[name] = {**others, **rows}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        with self._lock:
            rows = {name: dict(each) for name, each in self._rows.items()}
        for metric in METRICS.values():
            if metric.kind == "gauge":
                family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
                for key, value in rows.get(metric.name, {}).items():
                    family.add_metric(key, value)
                yield family
