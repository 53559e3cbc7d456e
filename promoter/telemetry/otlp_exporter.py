"""The OpenTelemetry SDK as it is set up here: in the background, bounded, and quiet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from promoter.version import VERSION

_log = logging.getLogger(__name__)


def make_provider(environment: Mapping[str, str], why: Callable[[], str]) -> TracerProvider:
    """Spans wait in a bounded queue for a thread that exports them; what does not fit is dropped.
    `why` tells what the exporter complained of last. Raises ValueError."""
    named = _resource(environment)
    # What the process ends with is the caller's business, and bounded there.
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_Patient(_make_exporter(), why)))
    return provider


def quieten() -> tuple[Callable[[], None], Callable[[], str]]:
    """The SDK logs each try and each span that it drops: kept out of our log. Gives what lets it
    speak again, and its last words."""
    logger = logging.getLogger("opentelemetry")
    heard, was = _LastWords(), logger.propagate
    logger.addHandler(heard)
    logger.propagate = False

    def unquieten() -> None:
        logger.removeHandler(heard)
        logger.propagate = was

    return unquieten, lambda: heard.words


def _resource(environment: Mapping[str, str]) -> dict[str, str]:
    """What stands there where the variables don't say otherwise."""
    given = environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
    keys = {each.partition("=")[0].strip() for each in given}
    named: dict[str, str] = {}
    if not environment.get("OTEL_SERVICE_NAME") and SERVICE_NAME not in keys:
        named[SERVICE_NAME] = "promoter"
    if SERVICE_VERSION not in keys:
        named[SERVICE_VERSION] = VERSION
    return named


def _make_exporter() -> tuple[OTLPSpanExporter, str]:
    """With the host that it sends to, for people."""
    exporter = OTLPSpanExporter()
    endpoint: str = exporter._endpoint  # noqa: SLF001 - else the rules of two variables stood here
    host = urlsplit(endpoint).hostname
    if host is None:
        raise ValueError("the endpoint is no address such as http://collector:4318")
    return exporter, host


class _Patient(SpanExporter):
    """Says once that spans can't be exported, and once that they are again."""

    def __init__(self, exporter: tuple[OTLPSpanExporter, str], why: Callable[[], str]) -> None:
        self._exporter, self._host = exporter
        self._why = why
        self._is_down = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - whatever it is, it is about spans alone
            result = SpanExportResult.FAILURE
        failed = result is SpanExportResult.FAILURE
        if failed and not self._is_down:
            _log.warning("no traces reach %s, the rest goes on: %s", self._host, self._why())
        elif self._is_down and not failed:
            _log.info("traces reach %s again", self._host)
        self._is_down = failed
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the library has no type


class _LastWords(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words = "no answer"

    def emit(self, record: logging.LogRecord) -> None:
        self.words = record.getMessage()
