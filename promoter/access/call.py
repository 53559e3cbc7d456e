"""One request to a server as it is measured: how long it took and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from promoter import telemetry
from promoter.access.budget import remaining
from promoter.errors import TransientError

_RESOURCES = frozenset({"core", "graphql"})
"""What GitHub limits each for itself; its header may say anything, and a metric may not."""


@dataclass(frozen=True)
class Peer:
    """Whom a request is meant for, as metrics name it: `host` is one that rules or settings name,
    wherever a realm or redirect leads; empty for the services of a cloud."""

    kind: Literal["registry", "token", "forge", "cloud", "other"]
    host: str = ""


OTHER = Peer("other")


class Call:
    """A request that is under way."""

    def __init__(self, peer: Peer, span: telemetry.Span) -> None:
        self.code = "error"
        self._peer = peer
        self._span = span

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """`headers` are found in any case."""
        self.code = f"{status // 100}xx"
        self._span.set(status=status)
        if status >= 500 or status == 429:
            self._span.fail(str(status))
        if not telemetry.metered():
            return
        left = remaining(headers)
        if left is not None:
            said = headers.get("X-RateLimit-Resource", "")
            resource = said if said in _RESOURCES else ""
            labels = {"host": self._peer.host, "kind": self._peer.kind, "resource": resource}
            telemetry.gauge("promoter_rate_remaining_requests", left, **labels)


@contextmanager
def measured(peer: Peer, method: str, host: str, doing: str = "") -> Iterator[Call]:
    """From the request to the end of its answer. `host` is the server that is really asked, which
    a span may tell; `doing` says for what, in words of the code."""
    began = time.monotonic()
    call = None
    try:
        with telemetry.span(method, host=host, method=method, kind=peer.kind, doing=doing) as span:
            call = Call(peer, span)
            yield call
    finally:
        code = call.code if call else "error"
        seconds = time.monotonic() - began
        telemetry.count("promoter_http_requests_total", host=peer.host, kind=peer.kind, code=code)
        telemetry.observe("promoter_http_seconds", seconds, host=peer.host, kind=peer.kind)


def tell_budget(peer: Peer, left: int | None) -> None:
    """What a rate that somebody set allows; None: there is none."""
    if left is not None:
        telemetry.gauge("promoter_rate_budget_requests", left, host=peer.host, kind=peer.kind)


@contextmanager
def refusals(peer: Peer, reason: Literal["budget", "silence"]) -> Iterator[None]:
    """Counts what is not even sent."""
    try:
        yield
    except TransientError:
        telemetry.count(
            "promoter_http_refusals_total", host=peer.host, kind=peer.kind, reason=reason
        )
        raise
