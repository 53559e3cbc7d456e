"""Spans by OTLP over HTTP, through the OpenTelemetry SDK: the extra `otel`.

The OTEL_* variables say whether and where (opentelemetry.io/docs/specs/otel/configuration, "SDK
environment variables" and "OTLP exporter"). A collector that is down, slow or gone costs a dropped
span and one line in the log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from promoter import telemetry
from promoter.errors import InputError
from promoter.model.trace_context import TraceContext
from promoter.version import VERSION

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

_log = logging.getLogger(__name__)
_LONGEST_FLUSH = 3.0
"""Seconds that the end of a process waits for its last spans."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
# What the field calls it (opentelemetry.io/docs/specs/semconv); all else has our own name before.
_NAMES = {
    "host": "server.address",
    "method": "http.request.method",
    "status": "http.response.status_code",
}

Value = str | int | float | bool
Redact = Callable[[str], str]


def start_tracing(environment: Mapping[str, str], redact: Redact) -> Callable[[], None]:
    """Export spans from now on, where the OTEL_* variables ask for it; gives what ends it, which
    takes 3 seconds at most. `redact` masks secrets in what spans say.

    The SDK reads the variables of sampler, resource, headers and limits from the process itself.
    Raises InputError for what can't be done, and where OpenTelemetry is not installed.
    """
    asked_by = _asked_by(environment)
    if asked_by is None:
        return _nothing
    try:
        from promoter.telemetry.otlp_exporter import make_provider, quieten
    except ImportError:
        raise InputError(
            f"{asked_by} asks for traces, and OpenTelemetry is not installed: install"
            " promoter[otel], or set OTEL_SDK_DISABLED=true"
        ) from None
    unquieten, last_words = quieten()
    try:
        provider = make_provider(environment, lambda: redact(last_words()))
    except ValueError as error:
        unquieten()
        raise InputError(f"the OTEL_EXPORTER_OTLP_* variables: {redact(str(error))}") from None
    telemetry.use_tracer(_Tracer(provider, redact))

    def stop() -> None:
        telemetry.use_tracer(None)
        # The SDK waits longer, and for a server that hangs as long as that does.
        ending = threading.Thread(target=provider.shutdown, daemon=True, name="end-of-traces")
        ending.start()
        ending.join(_LONGEST_FLUSH)
        unquieten()

    return stop


def _nothing() -> None:
    """Ends what was not started."""


def _asked_by(environment: Mapping[str, str]) -> str | None:
    """The variable that asks for traces; None: nobody does. Raises InputError."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    exporters = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporters == "none":
        return None
    if exporters not in ("", "otlp"):
        raise InputError("OTEL_TRACES_EXPORTER: promoter knows otlp and none")
    endpoint = next((name for name in _ENDPOINTS if environment.get(name, "").strip()), None)
    asked_by = "OTEL_TRACES_EXPORTER" if exporters else endpoint
    protocol = next((name for name in _PROTOCOLS if environment.get(name, "").strip()), None)
    if asked_by and protocol and environment[protocol].strip().lower() != _PROTOCOL:
        raise InputError(f"{protocol}: promoter speaks {_PROTOCOL} only; its usual port is 4318")
    return asked_by


class _Tracer:
    """`promoter.telemetry.Tracer`."""

    def __init__(self, provider: TracerProvider, redact: Redact) -> None:
        self._tracer = provider.get_tracer("promoter", VERSION)
        self._redact = redact

    def start(
        self,
        name: str,
        parent: TraceContext | None,
        links: Sequence[TraceContext],
        attributes: Mapping[str, Value],
    ) -> _Span:
        from opentelemetry import context, trace

        nowhere = context.Context()
        above = trace.NonRecordingSpan(_of_ours(parent)) if parent else None
        started = self._tracer.start_span(
            name,
            # Never what other code of the process may have made current.
            context=trace.set_span_in_context(above, nowhere) if above else nowhere,
            kind=trace.SpanKind.CLIENT if "host" in attributes else trace.SpanKind.INTERNAL,
            attributes=_spelled(attributes, self._redact),
            links=[trace.Link(_of_ours(each)) for each in links],
        )
        return _Span(started, self._redact)


class _Span:
    """`promoter.telemetry.RunningSpan`."""

    def __init__(self, started: trace.Span, redact: Redact) -> None:
        self._span = started
        self._redact = redact
        here = started.get_span_context()
        ids = (f"{here.trace_id:032x}", f"{here.span_id:016x}")
        self.context = TraceContext(*ids, int(here.trace_flags))

    @property
    def recording(self) -> bool:
        return self._span.is_recording()

    def set(self, **attributes: Value) -> None:
        self._span.set_attributes(_spelled(attributes, self._redact))

    def fail(self, text: str) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR, self._redact(text))

    def end(self) -> None:
        self._span.end()


def _of_ours(here: TraceContext) -> trace.SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    ids = (int(here.trace_id, 16), int(here.span_id, 16))
    return SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(here.flags))


def _spelled(attributes: Mapping[str, Value], redact: Redact) -> dict[str, Value]:
    return {
        _NAMES.get(name, f"promoter.{name}"): redact(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if value != ""
    }
