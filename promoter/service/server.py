"""The HTTP server: uvicorn in a thread of its own, with the guards that it lacks.

It times a connection out between requests only: one that sends nothing, or a byte a minute, stays
for ever. And it logs each request with its whole path, in which secret URLs stand.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from dataclasses import dataclass
from typing import Any, Literal

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from promoter.errors import InputError
from promoter.service.webhooks.few_lines import FewLinesFilter

_log = logging.getLogger(__name__)

_BACKLOG = 128
_MOST_HEADERS = 32 << 10  # bytes of a request's head
_KEEP_ALIVE = 5  # seconds
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


@dataclass(frozen=True)
class Patience:
    """How long, in seconds, a connection may take to send a request's head; from there to the end
    of the response; and to send the rest of a body that nobody wants. And how many there may be:
    beyond it the one goes that has been sending nothing that is asked for, for longest."""

    head: float = 10.0
    answer: float = 30.0
    rest: float = 3.0
    connections: int = 256


class WebServer:
    """Serves an ASGI application from `start` to `stop`."""

    def __init__(self, app: Any, host: str, port: int, patience: Patience | None = None) -> None:
        """`app` is any ASGI application; port 0 takes a free one."""
        self._address = host, port
        config = _Config(
            app,
            http=_GuardedProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            loop="asyncio",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            h11_max_incomplete_event_size=_MOST_HEADERS,
        )
        config.patience = patience or Patience()
        self._config = config
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Listen; gives the port. Raises InputError where the address can't be had."""
        host, port = self._address
        try:
            listening = _listen(host, port)
        except OSError as error:
            raise InputError(
                f"can't listen on {host or '*'}:{port}: {_why(error)}; choose another address"
            ) from None
        _quieten(logging.getLogger("uvicorn.error"))
        found: int = listening.getsockname()[1]
        self._thread = threading.Thread(
            target=asyncio.run, args=[self._server.serve([listening])], name="web", daemon=True
        )
        self._thread.start()
        return found

    def stop(self, within_seconds: float) -> bool:
        """Take no more requests, finish those under way, end the rest. Gives whether the thread
        ended in time; it is a daemon, and keeps no process alive."""
        if self._thread is None:
            return True
        # Half of it for requests under way; uvicorn takes up to 0.2 seconds to look.
        self._config.timeout_graceful_shutdown = within_seconds / 2  # type: ignore[assignment]  # asyncio's
        self._server.should_exit = True
        self._thread.join(within_seconds)
        return not self._thread.is_alive()


class _Config(uvicorn.Config):
    patience: Patience


class _GuardedProtocol(H11Protocol):
    """A connection is in one phase at a time, `since` then, and in none for longer than it may."""

    config: _Config
    phase: Literal["head", "answer", "rest", ""] = ""
    since = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        if len(self.connections) > self.config.patience.connections and not self._send_one_away():
            transport.write(_FULL)
            transport.close()
            return
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def _send_one_away(self) -> bool:
        """What anybody can do, connect, must not keep others out."""
        idle = [
            each
            for each in self.connections
            if isinstance(each, _GuardedProtocol) and each.phase in ("head", "rest")
        ]
        if not idle:
            return False
        oldest = min(idle, key=lambda each: each.since)
        oldest.phase = ""  # it is gone only with the next turn of the loop: not to be chosen again
        oldest.transport.abort()
        return True

    def _look(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            phase: Literal["head", "answer", "rest"] = "answer"
        elif self.conn.their_state is h11.SEND_BODY:
            phase = "rest"
        else:
            phase = "head"
        # A new head after a whole request has its time from then on, whatever came before.
        if phase == self.phase:
            return
        self.phase = phase
        self.since = self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
        seconds: float = getattr(self.config.patience, phase)
        self._timer = self.loop.call_later(seconds, self.transport.abort)


def _listen(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    if not 0 <= port <= 65535:  # `getaddrinfo` takes 65536 for 0
        raise socket.gaierror(socket.EAI_SERVICE, "there is no such port")
    family, *_, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.create_server(
        address[:2],
        family=family,
        backlog=_BACKLOG,
        dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
    )
    # What is accepted inherits it. asyncio sets it only where the socket names its protocol, which
    # this one does not: each response would wait 40 ms for the acknowledgement of its own head.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return os.strerror(error.errno or 0)  # `create_server` adds the address once more


def _quieten(logger: logging.Logger) -> None:
    """Anybody who connects can make uvicorn warn."""
    if not any(isinstance(each, FewLinesFilter) for each in logger.filters):
        logger.addFilter(FewLinesFilter())
