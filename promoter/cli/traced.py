"""Traces of the verbs that promote, where the environment asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from promoter import telemetry
from promoter.access.redaction import redact_log

_VERBS = ("promote", "rollback", "run")


@contextmanager
def traced(verb: str) -> Iterator[None]:
    """What a verb does in the block is one span, below TRACEPARENT where a pipeline gives that
    (opentelemetry.io/docs/specs/otel/context/env-carriers). The last spans are sent at its end,
    within seconds. Raises InputError for OTEL_* variables that can't be followed."""
    wanted = any(name.startswith("OTEL_") or name == "TRACEPARENT" for name in os.environ)
    if verb not in _VERBS or not wanted:
        yield
        return
    from promoter.telemetry.otlp import start_tracing

    stop = start_tracing(os.environ, redact_log)
    try:
        came = telemetry.TraceContext.parse(os.environ.get("TRACEPARENT", ""))
        with telemetry.span(f"promoter {verb}", parent=came):
            yield
    finally:
        stop()
