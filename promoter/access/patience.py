"""Connections that give up an answer as a whole: a socket's own timeout begins anew with every
byte, so that a server that drips its headers would keep a thread for hours."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from contextvars import ContextVar
from typing import Any, cast

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

until: ContextVar[float] = ContextVar("until", default=float("inf"))
"""When `time.monotonic` shows this, an answer whose request begins now must have come."""


class _Bounded(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, end: float) -> None:
        self._raw = raw
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._end:
            raise TimeoutError
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), until.get()))


class _Connection(HTTPConnection):
    _answer: _Response | None = None

    def response_class(self, *args: Any, **named: Any) -> _Response:  # type: ignore[override]
        self._answer = _Response(*args, **named)
        return self._answer

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 does so, too
        try:
            return super().getresponse()
        except BaseException:  # a head that urllib3 refuses (two lengths) leaves it open
            if self._answer is not None:
                self._answer.close()
            raise


class _TlsConnection(_Connection, HTTPSConnection):
    def send(self, data: Any) -> None:
        try:
            super().send(data)
        except ssl.SSLEOFError:
            # TLS 1.3 refuses a client after the handshake: the alert that says why is there to be
            # read, while the request meets a closed door.
            self.sock.recv(1)
            raise


class PatientPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class PatientTlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
