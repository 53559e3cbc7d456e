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


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(ROOT.rglob("*.py")):
        if file.name != "metrics.py":
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text("utf-8"))


def recorded() -> Iterator[Recorded]:
    """Every place that measures something whose name is written there."""
    for where, tree in modules():
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            owner, what, (first, *_) = call.func.value, call.func.attr, (*call.args, None)
            if not isinstance(owner, ast.Name) or owner.id != "telemetry" or what not in _KINDS:
                continue
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                labels = frozenset(each.arg for each in call.keywords if each.arg)
                is_open = what == "gauges" or any(each.arg is None for each in call.keywords)
                place = f"{where}:{call.lineno}"
                yield Recorded(place, _KINDS[what], first.value, labels, is_open)


def named() -> set[str]:
    """Every name of a metric that the code holds."""
    literals = (
        node.value
        for _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    ends = r"total|seconds|requests|targets|pending|running|broken|info"
    return {each for each in literals if re.fullmatch(rf"promoter_[a-z_]*({ends})", each)}


CALLS = list(recorded())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.where} {call.name}")
def test_what_is_measured_is_written_down(call: Recorded) -> None:
    metric = METRICS[call.name]
    assert metric.kind == call.kind
    if call.open:
        assert call.labels <= set(metric.labels)
    else:
        assert call.labels == set(metric.labels)


def test_what_is_written_down_is_measured_and_nothing_else() -> None:
    assert named() == set(METRICS)


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
