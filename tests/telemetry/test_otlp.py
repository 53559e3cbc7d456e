"""Spans on their way to a collector: when they are sent, what they say, and who waits for them."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from promoter import telemetry
from promoter.access import redaction
from promoter.errors import InputError
from promoter.telemetry import TraceContext
from promoter.telemetry.otlp import start_tracing
from promoter.version import VERSION
from tests.services.collector import PATH, Collector, collecting
from tests.services.misbehaving import Answer, serving

CAME = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@contextmanager
def traced() -> Iterator[None]:
    stop = start_tracing(os.environ, redaction.redact_log)
    try:
        yield
    finally:
        stop()


def wait_for_exporters() -> None:
    """Those that nobody waits for must not go on in the next test."""
    for thread in threading.enumerate():
        if thread.name.startswith(("OtelBatch", "end-of-traces")):
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        monkeypatch.setenv(ENDPOINT, found.endpoint)
        yield found


class TestWhatIsSent:
    def test_spans_in_each_other(self, collector: Collector) -> None:
        with traced(), telemetry.span("look", parent=CAME, links=[CAME], why="a push") as look:
            look.set(targets=3)
            with telemetry.span("GET", host="registry.example", method="GET") as call:
                call.set(status=503)
                call.fail("503")
            here = telemetry.current()
        outer, inner = collector.span("look"), collector.span("GET")
        assert (outer.trace_id, outer.parent) == (CAME.trace_id, CAME.span_id)
        assert outer.links == (CAME.trace_id,)
        assert outer.attributes == {"promoter.why": "a push", "promoter.targets": "3"}
        assert (inner.trace_id, inner.parent) == (CAME.trace_id, outer.span_id)
        assert inner.trouble == "503"
        assert inner.attributes == {
            "server.address": "registry.example",
            "http.request.method": "GET",
            "http.response.status_code": "503",
        }
        assert here == TraceContext(outer.trace_id, outer.span_id, CAME.flags)
        assert telemetry.current() is None

    def test_a_trace_of_its_own(self, collector: Collector) -> None:
        with traced(), telemetry.span("look"):
            context = telemetry.current()
        root = collector.span("look")
        assert (root.parent, root.service) == ("", "promoter")
        assert context is not None
        assert TraceContext.parse(str(context)) == context
        assert VERSION.encode() in collector.bodies

    def test_names_headers_and_sampler_are_as_the_variables_say(
        self, collector: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_SERVICE_NAME", "bot of the shop")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=blue")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        with traced():
            with telemetry.span("not sampled") as span:
                assert not span.recording
                unsampled = telemetry.current()
                assert unsampled is not None
                assert not unsampled.sampled
            with telemetry.span("sampled before", parent=CAME):
                pass
        assert [each.name for each in collector.spans()] == ["sampled before"]
        assert collector.spans()[0].service == "bot of the shop"
        assert b"blue" in collector.bodies
        assert collector.server.requests[0].header("Authorization") == "Bearer abc"

    def test_no_secret_is(self, collector: Collector) -> None:
        redaction.register("canary-of-spans-81")
        with traced(), telemetry.span("look", why="push by canary-of-spans-81") as span:
            span.set(url="https://bot:canary-of-spans-81@git.example/shop?token=abcdef")
            span.fail("canary-of-spans-81 was refused")
        seen = collector.span("look")
        assert seen.attributes["promoter.why"] == "push by ***"
        assert seen.attributes["promoter.url"] == "https://***@git.example/shop?***"
        assert seen.trouble == "*** was refused"
        assert b"canary" not in collector.bodies


class TestWhether:
    @pytest.mark.parametrize(
        "environment",
        [
            {},
            {"OTEL_SERVICE_NAME": "promoter"},
            {ENDPOINT: ""},
            {ENDPOINT: "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "True"},
            {ENDPOINT: "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
        ],
    )
    def test_nobody_asks(self, environment: dict[str, str]) -> None:
        stop = start_tracing(environment, str)
        with telemetry.span("look"):
            assert telemetry.current() is None
        stop()

    @pytest.mark.parametrize("name", [ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
    def test_an_endpoint_asks(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with collecting() as found:
            monkeypatch.setenv(name, found.endpoint + (PATH if "TRACES" in name else ""))
            with traced(), telemetry.span("look"):
                pass
            assert found.span("look")

    @pytest.mark.parametrize(
        ("environment", "said"),
        [
            ({"OTEL_TRACES_EXPORTER": "zipkin"}, "knows otlp and none"),
            (
                {ENDPOINT: "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
                "OTEL_EXPORTER_OTLP_PROTOCOL: promoter speaks http/protobuf only",
            ),
            ({ENDPOINT: "collector"}, "no address such as http://collector:4318"),
        ],
    )
    def test_what_can_not_be_followed_is_said(
        self, environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match=said):
            start_tracing(os.environ, str)
        assert logging.getLogger("opentelemetry").propagate

    def test_without_the_package_one_line_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, "promoter.telemetry.otlp_exporter", raising=False)
        monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
        with pytest.raises(InputError) as error:
            start_tracing({ENDPOINT: "http://127.0.0.1:4318"}, str)
        assert "install promoter[otel]" in str(error.value)
        assert "\n" not in str(error.value)


class TestACollectorInTrouble:
    def test_one_that_is_down_costs_one_line(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        with serving({}) as server:
            gone = server.host
        monkeypatch.setenv(ENDPOINT, f"http://{gone}")
        # So that several batches fail, each with its tries.
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.01")
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
        monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
        with traced():
            for _ in range(100):
                with telemetry.span("look"):
                    pass
        wait_for_exporters()
        (record,) = caplog.records
        assert "no traces reach 127.0.0.1, the rest goes on: " in record.getMessage()

    def test_one_that_refuses_and_comes_back(
        self,
        collector: Collector,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.INFO)
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
        collector.server.answers["POST", PATH] = [Answer(400), Answer(400), Answer()]
        with traced():
            for _ in range(3):
                with telemetry.span("look"):
                    pass
        told = [each.getMessage() for each in caplog.records if "traces" in each.getMessage()]
        assert [each.partition(",")[0] for each in told] == [
            "no traces reach 127.0.0.1",
            "traces reach 127.0.0.1 again",
        ]

    def test_one_that_never_answers_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The end of a job waits a few seconds at most, and no call waits at all."""
        monkeypatch.setattr("promoter.telemetry.otlp._LONGEST_FLUSH", 0.05)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
        with serving({("POST", PATH): Answer(silent=True)}) as server:
            monkeypatch.setenv(ENDPOINT, f"http://{server.host}")
            with traced(), telemetry.span("look"):
                pass
            while not server.requests:  # it was tried
                time.sleep(0.01)
            wait_for_exporters()
