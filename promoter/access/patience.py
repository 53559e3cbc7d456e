"""Connections that give up an answer as a whole: a socket's own timeout begins anew with every
byte, so that a server that drips its headers would keep a thread for hours."""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from contextvars import ContextVar
from typing import Any, cast

from urllib3 import HTTPConnectionPool, HTTPHeaderDict, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

until: ContextVar[float] = ContextVar("until", default=float("inf"))
"""When `time.monotonic` shows this, an answer whose request begins now must have come."""

_LONGEST_LINE = 65_536  # as http.client has it, and the next one
_MOST_FIELDS = 100
_END = frozenset({b"\r\n", b"\n", b""})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


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
    """Reads a head as its base class does (RFC 9112, section 6.3), but for the parser of mails
    that it has for the fields: that takes as long as all the rest of a request."""

    _method: str  # the base class's
    headers: HTTPHeaderDict  # type: ignore[assignment]

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), until.get()))
        self._begun = False

    def begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        status = 100
        while status == 100:
            version, status, reason = self._read_status()  # type: ignore[attr-defined]
            fields = _read_fields(self.fp)
        if not version.startswith("HTTP/"):
            raise http.client.UnknownProtocol(version)
        self.version = 10 if version in ("HTTP/1.0", "HTTP/0.9") else 11
        self.code = self.status = status
        self.reason = reason.strip()
        self.headers = self.msg = fields  # type: ignore[assignment]
        self.chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.will_close = self._check_close()  # type: ignore[attr-defined]
        self.length = None
        if status in (204, 304) or status < 200 or self._method == "HEAD":
            self.length = 0
            self._close_conn()  # type: ignore[attr-defined]  # there is nothing to be read
        elif not self.chunked:
            length = fields.get("content-length", "")
            self.length = int(length) if length.isascii() and length.isdigit() else None
            self.will_close = self.will_close or self.length is None


def _read_fields(stream: io.BufferedReader) -> HTTPHeaderDict:
    fields = HTTPHeaderDict()
    count = 0
    while (line := stream.readline(_LONGEST_LINE + 1)) not in _END:
        count += 1
        if len(line) > _LONGEST_LINE:
            raise http.client.LineTooLong("header line")
        if count > _MOST_FIELDS:
            raise http.client.HTTPException(f"got more than {_MOST_FIELDS} headers")
        name, _, value = line.decode("latin-1").partition(":")
        # What is no field, or continues one over lines (obsolete since RFC 7230), is left out.
        if _NAME.fullmatch(name):
            fields.add(name, value.strip(" \t\r\n"))
    return fields


class _Connection(HTTPConnection):
    response_class = _Response

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 does so, too
        return _respond(self)


class _TlsConnection(HTTPSConnection):
    response_class = _Response

    def send(self, data: Any) -> None:
        try:
            super().send(data)
        except ssl.SSLEOFError:
            # TLS 1.3 refuses a client after the handshake: the alert that says why is there to be
            # read, while the request meets a closed door.
            self.sock.recv(1)
            raise

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 does so, too
        return _respond(self)


def _respond(connection: HTTPConnection) -> HTTPResponse:
    """As urllib3 does it, without a second look at fields that are parsed already."""
    asked = connection._response_options  # noqa: SLF001
    if asked is None:
        raise http.client.ResponseNotReady
    connection._response_options = None  # noqa: SLF001
    connection.sock.settimeout(connection.timeout)
    answer = http.client.HTTPConnection.getresponse(connection)
    try:
        return HTTPResponse(
            body=answer,
            headers=cast("HTTPHeaderDict", answer.headers),
            status=answer.status,
            version=answer.version,
            version_string=f"HTTP/{answer.version / 10}",
            reason=answer.reason,
            preload_content=asked.preload_content,
            decode_content=asked.decode_content,
            original_response=answer,
            enforce_content_length=asked.enforce_content_length,
            request_method=asked.request_method,
            request_url=asked.request_url,
        )
    except BaseException:  # two lengths, for one
        answer.close()
        raise


class PatientPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class PatientTlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
