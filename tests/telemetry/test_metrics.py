"""The written list of metrics is what the code measures: no more, no less, by the field's rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import promoter
from promoter.telemetry.metrics import METRICS, Metric

ROOT = Path(promoter.__file__).parent
_KINDS = {"count": "counter", "observe": "histogram", "gauge": "gauge", "gauges": "gauge"}


@dataclass(frozen=True)
class Recorded:
    """A call of the facade. `labels` are those that it names, `open` whether it may name more."""

    where: str
    kind: str
    name: str
    labels: frozenset[str]
    open: bool


def recorded() -> Iterator[Recorded]:
    """Every place that measures something."""
    for file in sorted(ROOT.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            owner, what = call.func.value, call.func.attr
            if not isinstance(owner, ast.Name) or owner.id != "telemetry" or what not in _KINDS:
                continue
            where = f"{file.relative_to(ROOT)}:{call.lineno}"
            name = call.args[0]
            assert isinstance(name, ast.Constant), f"{where}: a name that nobody can look up"
            assert isinstance(name.value, str), where
            labels = frozenset(each.arg for each in call.keywords if each.arg)
            is_open = what == "gauges" or any(each.arg is None for each in call.keywords)
            yield Recorded(where, _KINDS[what], name.value, labels, is_open)


CALLS = list(recorded())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.where} {call.name}")
def test_what_is_measured_is_written_down(call: Recorded) -> None:
    metric = METRICS[call.name]
    assert metric.kind == call.kind
    if call.open:
        assert call.labels <= set(metric.labels)
    else:
        assert call.labels == set(metric.labels)


def test_what_is_written_down_is_measured() -> None:
    # Webhooks have a room of their own, which is being built.
    awaited = {"promoter_webhooks_total"}
    assert set(METRICS) - {call.name for call in CALLS} <= awaited


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_names_are_as_the_field_has_them(metric: Metric) -> None:
    """prometheus.io/docs/practices/naming."""
    assert re.fullmatch(r"promoter_[a-z][a-z_]*[a-z]", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.name.endswith("_seconds") or metric.kind != "histogram"
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.help.endswith(".")
    assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)
    # They name one of an image's thousands, or a person.
    assert not {"tag", "digest", "image", "release", "version", "user"} & set(metric.labels) or (
        metric.name == "promoter_build_info"
    )
