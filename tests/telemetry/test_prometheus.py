"""What Prometheus reads."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from promoter import telemetry
from promoter.telemetry.metrics import METRICS
from promoter.telemetry.prometheus import PrometheusMeter, start_metrics
from promoter.version import VERSION
from tests.needs import need


@pytest.fixture
def meter() -> Iterator[PrometheusMeter]:
    made = start_metrics()
    yield made
    telemetry.use_meter(None)


def scrape(meter: PrometheusMeter) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    body, _ = meter.render()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def series(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def record_all() -> None:
    """Each metric once."""
    for metric in METRICS.values():
        labels = dict.fromkeys(metric.labels, "x")
        record = {
            "counter": telemetry.count,
            "gauge": telemetry.gauge,
            "histogram": telemetry.observe,
        }[metric.kind]
        record(metric.name, 1, **labels)


def test_what_was_recorded_is_read(meter: PrometheusMeter) -> None:
    telemetry.count("promoter_looks_total", repository="shop", result="good")
    telemetry.count("promoter_looks_total", 2, repository="shop", result="good")
    telemetry.observe("promoter_look_seconds", 1.5, repository="shop")
    telemetry.gauge("promoter_looks_running", 3)
    read = scrape(meter)
    assert read[series("promoter_looks_total", repository="shop", result="good")] == 3
    assert read[series("promoter_look_seconds_sum", repository="shop")] == 1.5
    assert read[series("promoter_look_seconds_bucket", repository="shop", le="1.0")] == 0
    assert read[series("promoter_look_seconds_bucket", repository="shop", le="2.0")] == 1
    assert read[series("promoter_looks_running")] == 3
    assert read[series("promoter_build_info", version=VERSION)] == 1
    assert read[series("process_open_fds")] > 0
    assert not [name for name, _ in read if name.endswith("_created")]


def test_a_state_that_is_gone_disappears(meter: PrometheusMeter) -> None:
    def standing(**rows: float) -> dict[tuple[str, ...], float]:
        return {("dev", state): value for state, value in rows.items()}

    telemetry.gauges("promoter_targets", standing(current=2, waiting=1), repository="shop")
    telemetry.gauges("promoter_targets", standing(current=5), repository="other")
    telemetry.gauges("promoter_targets", standing(current=3), repository="shop")
    found = {labels: value for (name, labels), value in scrape(meter).items() if "targets" in name}
    one, other = (
        series("promoter_targets", repository=each, environment="dev", state="current")
        for each in ("shop", "other")
    )
    assert found == {one[1]: 3, other[1]: 5}
    telemetry.gauges("promoter_targets", {}, repository="other")
    assert other not in scrape(meter)
    telemetry.gauges("promoter_targets", {("new", "dev", "current"): 1})
    assert one not in scrape(meter), "without a label that stays, all are replaced"


@pytest.mark.parametrize(
    ("accept", "kind", "end"),
    [
        ("", "text/plain", b"\n"),
        ("text/plain;version=0.0.4;q=0.5", "text/plain", b"\n"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text",
            b"# EOF\n",
        ),
    ],
)
def test_it_speaks_as_it_is_asked(
    meter: PrometheusMeter, accept: str, kind: str, end: bytes
) -> None:
    body, content_type = meter.render(accept)
    assert content_type.startswith(kind)
    assert body.endswith(end)


def test_a_mistake_of_ours_is_told_once_and_stops_nothing(
    meter: PrometheusMeter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    before = scrape(meter).keys()
    for _ in range(2):
        telemetry.count("promoter_no_such_total")
        telemetry.count("promoter_looks_total", repository="shop")
        telemetry.gauges("promoter_targets", {("dev",): 1}, repository="shop")
    telemetry.gauge("promoter_webhooks_total", 1, source="a", result="b")
    assert scrape(meter).keys() == before
    assert len(caplog.records) == 4


def test_promtool_finds_no_fault(meter: PrometheusMeter) -> None:
    promtool = need("promtool")
    record_all()
    body, _ = meter.render()
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=body, capture_output=True, check=False
    )
    said = (checked.stdout + checked.stderr).decode()
    ours = [line for line in said.splitlines() if line.startswith("promoter_")]
    assert ours == []
