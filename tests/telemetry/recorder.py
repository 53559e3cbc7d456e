"""Exporters of the test's own: what is measured and traced is kept, and what is not as it is
written down fails the test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from promoter import telemetry
from promoter.telemetry import TraceContext, Value
from promoter.telemetry.metrics import METRICS


@dataclass
class Measured:
    """`promoter.telemetry.Meter`; each series by its name and labels."""

    counts: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)
    times: dict[tuple[str, frozenset[tuple[str, str]]], list[float]] = field(default_factory=dict)
    values: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)

    def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
        key = _key(name, "counter", labels)
        self.counts[key] = self.counts.get(key, 0) + amount

    def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        self.times.setdefault(_key(name, "histogram", labels), []).append(value)

    def gauge(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        self.values[_key(name, "gauge", labels)] = value

    def gauges(
        self, name: str, rows: Mapping[tuple[str, ...], float], within: Mapping[str, str]
    ) -> None:
        others = [each for each in METRICS[name].labels if each not in within]
        for key, value in rows.items():
            self.gauge(name, value, {**within, **dict(zip(others, key, strict=True))})

    def counted(self, name: str, **labels: str) -> float:
        return self.counts.get((name, frozenset(labels.items())), 0)

    def names(self) -> set[str]:
        return {name for name, _ in (*self.counts, *self.times, *self.values)}

    def labels(self) -> set[str]:
        """Every value of every label."""
        series = (*self.counts, *self.times, *self.values)
        return {value for _, labels in series for _, value in labels}


def _key(name: str, kind: str, labels: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    metric = METRICS[name]
    assert (metric.kind, set(metric.labels)) == (kind, set(labels)), name
    assert all(isinstance(each, str) for each in labels.values()), labels
    return name, frozenset(labels.items())


@contextmanager
def measuring() -> Iterator[Measured]:
    measured = Measured()
    telemetry.use_meter(measured)
    try:
        yield measured
    finally:
        telemetry.use_meter(None)


@dataclass
class Traced:
    """One span; `parent` None: the root of a trace."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    links: tuple[TraceContext, ...]
    attributes: dict[str, Value]
    trouble: str = ""
    ended: bool = False
    recording = True

    def set(self, **attributes: Value) -> None:
        self.attributes.update(attributes)

    def fail(self, text: str) -> None:
        self.trouble = text

    def end(self) -> None:
        self.ended = True


@dataclass
class Spans:
    """`promoter.telemetry.Tracer`."""

    all: list[Traced] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(
        self,
        name: str,
        parent: TraceContext | None,
        links: Sequence[TraceContext],
        attributes: Mapping[str, Value],
    ) -> Traced:
        trace_id = parent.trace_id if parent else f"{next(self.ids):032x}"
        context = TraceContext(trace_id, f"{next(self.ids):016x}")
        span = Traced(name, context, parent, tuple(links), dict(attributes))
        self.all.append(span)
        return span

    def named(self, name: str) -> list[Traced]:
        return [each for each in self.all if each.name == name]


@contextmanager
def tracing() -> Iterator[Spans]:
    spans = Spans()
    telemetry.use_tracer(spans)
    try:
        yield spans
    finally:
        telemetry.use_tracer(None)
