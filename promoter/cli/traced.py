"""Traces of the verbs that promote, where the environment asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from promoter import telemetry
from promoter.access.redaction import redact_log

_ONE_SHOTS = ("promote", "rollback", "run")
_SERVICE = "serve"


@contextmanager
def traced(verb: str) -> Iterator[None]:
    """Spans are exported in the block where OTEL_* variables ask for it, and the last ones sent
    at its end, within seconds. A one-shot is one span, below TRACEPARENT where a pipeline gives
    that (opentelemetry.io/docs/specs/otel/context/env-carriers); each look of the service is one
    by itself. Raises InputError for variables that can't be followed."""
    wanted = any(name.startswith("OTEL_") or name == "TRACEPARENT" for name in os.environ)
    if verb not in (*_ONE_SHOTS, _SERVICE) or not wanted:
        yield
        return
    from promoter.telemetry.otlp import start_tracing

    stop = start_tracing(os.environ, redact_log)
    try:
        if verb == _SERVICE:
            yield
            return
        came = telemetry.TraceContext.parse(os.environ.get("TRACEPARENT", ""))
        with telemetry.span(f"promoter {verb}", parent=came):
            yield
    finally:
        stop()
