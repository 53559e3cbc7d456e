"""Traces of one-shots: what the environment asks for, and what can't be done about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promoter.cli import main, traced
from promoter.cli.traced import traced as tracing
from promoter.telemetry import current
from tests.services.collector import collecting

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_what_can_not_be_followed_is_said_in_one_line(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert main(["run"]) == 64
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: OTEL_EXPORTER_OTLP_PROTOCOL: promoter speaks http/protobuf only")


def test_what_promotes_nothing_is_not_traced(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And starts as fast as ever."""
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        assert main(["schema"]) == 0
        assert json.loads(capsys.readouterr().out)
        assert not collector.server.requests


@pytest.mark.parametrize("verb", traced._ONE_SHOTS)
def test_a_one_shot_goes_on_with_the_trace_of_its_job(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("TRACEPARENT", PARENT)
        with tracing(verb):
            here = current()
        span = collector.span(f"promoter {verb}")
    assert here is not None
    assert (here.trace_id, here.span_id) == (span.trace_id, span.span_id)
    assert (span.trace_id, span.parent) == tuple(PARENT.split("-")[1:3])


def test_the_service_belongs_to_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its looks is a trace by itself."""
    monkeypatch.setenv("TRACEPARENT", PARENT)
    with tracing(traced._SERVICE):
        assert current() is None


def test_a_job_that_fails_says_so_in_its_span(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        assert main(["run", "--rules", "nowhere"]) == 64
        assert collector.span("promoter run").trouble.startswith("no such rule file")
    assert "no such rule file" in capsys.readouterr().err
