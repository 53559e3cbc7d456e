"""Connections that give up an answer as a whole: a socket's own timeout begins anew with every
byte, so that a server that drips its headers would keep a thread for hours."""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextvars import ContextVar
from typing import Any, cast

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
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
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class PatientPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class PatientTlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
