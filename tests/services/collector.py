"""An OpenTelemetry collector: takes spans by OTLP over HTTP, and keeps them.

with collecting() as collector:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    ...  # collector.spans(), once the product has ended
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.services.misbehaving import Answer, Server, serving

PATH = "/v1/traces"


@dataclass(frozen=True)
class SeenSpan:
    """Ids in hexadecimal digits; `parent` is empty at the root of a trace."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    links: tuple[str, ...]
    """The traces of those that it is linked to."""
    attributes: dict[str, str]
    trouble: str
    service: str


@dataclass(frozen=True)
class Collector:
    server: Server

    @property
    def endpoint(self) -> str:
        return f"http://{self.server.host}"

    @property
    def bodies(self) -> bytes:
        return b"\n".join(each.body for each in self.server.requests)

    def spans(self, name: str = "") -> list[SeenSpan]:
        """All that came, or those of that name."""
        return [each for each in self._read() if name in ("", each.name)]

    def span(self, name: str, **attributes: str) -> SeenSpan:
        """The one of that name with these of our own attributes."""
        wanted = {f"promoter.{key}": value for key, value in attributes.items()}.items()
        found = [each for each in self.spans(name) if wanted <= each.attributes.items()]
        assert len(found) == 1, f"{len(found)} of {[each.name for each in self.spans()]}"
        return found[0]

    def _read(self) -> Iterator[SeenSpan]:
        for request in self.server.asked("POST", PATH):
            for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
                about = {each.key: _value(each.value) for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for each in scope.spans:
                        yield SeenSpan(
                            each.name,
                            each.trace_id.hex(),
                            each.span_id.hex(),
                            each.parent_span_id.hex(),
                            tuple(link.trace_id.hex() for link in each.links),
                            {one.key: _value(one.value) for one in each.attributes},
                            each.status.message,
                            about["service.name"],
                        )


def _value(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    return str(getattr(value, kind)) if kind else ""


@contextmanager
def collecting() -> Iterator[Collector]:
    with serving({("POST", PATH): Answer()}) as server:
        yield Collector(server)
