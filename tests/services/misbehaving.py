"""A small HTTP server that answers exactly as told: what no real service does on demand.

    answers = {("GET", "/v2/x/tags/list"): Answer(500)}
    with serving(answers) as server:
        ...  # server.host, server.requests

A path is looked up with its query first, then without. A list of answers is given in turn,
the last one for ever; a function makes the answer from the request. What nobody named is
answered 404 with a registry's JSON.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_AT_ONCE = struct.pack("ii", 1, 0)
"""What makes close() send a reset instead of a proper end (socket(7), SO_LINGER)."""
JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """`truncated`: the connection ends in the middle of the body, `reset`: with a TCP reset.
    `silent`: no answer at all as long as the server lives. `dripping`: byte after byte, without
    end; `dripping_head`: already in the headers. `again`: headers beside those of the same name.
    `times`: the body is sent so often. `stray`: bytes behind the end of the body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    truncated: bool = False
    reset: bool = False
    silent: bool = False
    dripping: bool = False
    dripping_head: bool = False
    again: Sequence[tuple[str, str]] = ()
    times: int = 1
    stray: bytes = b""


def json_answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    return Answer(status, {"Content-Type": JSON, **(headers or {})}, json.dumps(value).encode())


def registry_error(status: int, code: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error as the distribution specification has it."""
    return json_answer({"errors": [{"code": code, "message": code.lower()}]}, status, headers)


def web_page(status: int = 200) -> Answer:
    """What a login page or a proxy says."""
    return Answer(status, {"Content-Type": HTML}, b"<!doctype html><title>Sign in</title>")


@dataclass(frozen=True)
class Request:
    """`peer` is the client's end of the connection: equal peers shared one."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: str = ""

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers.items() if k.lower() == name.lower()), None)


Told = Answer | Sequence[Answer] | Callable[[Request], Answer]
Answers = Mapping[tuple[str, str], Told]


@dataclass
class Server:
    """`answers` may be changed while it runs; `requests` holds all that came, in order."""

    host: str
    answers: dict[tuple[str, str], Told]
    requests: list[Request] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: Request) -> Answer:
        with self.lock:
            self.requests.append(request)
            for path in (request.path, request.path.partition("?")[0]):
                found = self.answers.get((request.method, path))
                if isinstance(found, Answer):
                    return found
                if callable(found):
                    return found(request)
                if found:
                    self.answers[request.method, path] = found[1:] or found
                    return found[0]
        return registry_error(404, "UNSUPPORTED")

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests for a path, whatever its query."""
        return [r for r in self.requests if (r.method, r.path.partition("?")[0]) == (method, path)]


@contextmanager
def serving(answers: Answers, *, tls: tuple[Path, Path] | None = None) -> Iterator[Server]:
    """Serve on a free loopback port; `tls`: certificate and key in PEM files."""
    http = _Listener(("127.0.0.1", 0), _Handler)
    server = Server(f"127.0.0.1:{http.server_address[1]}", dict(answers))
    http.told = server
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        http.socket = context.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    told: Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or refuses our certificate, is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener
    timeout = 30
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def _answer(self) -> None:
        told = self.server.told
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        peer = f"{self.client_address[0]}:{self.client_address[1]}"
        headers = dict(self.headers.items())
        answer = told.take(Request(self.command, self.path, headers, body, peer))
        if answer.silent:
            told.stopped.wait()
            self.close_connection = True
            return
        self.send_response_only(answer.status)  # without a Date or Server that nobody asked for
        for name, value in (*answer.headers.items(), *answer.again):
            self.send_header(name, value)
        if answer.dripping or answer.dripping_head:
            if answer.dripping:
                self.end_headers()
            else:
                self.flush_headers()
                self.wfile.write(b"X-Slow: ")
            self.close_connection = True
            while not told.stopped.wait(0.01):
                self.wfile.write(b" ")
            return
        named = {name.lower() for name in answer.headers}
        if not named & {"content-length", "transfer-encoding"}:
            self.send_header("Content-Length", str(len(answer.body) * answer.times))
        self.end_headers()
        if self.command != "HEAD":
            for _ in range(answer.times - 1):
                self.wfile.write(answer.body)
            halved = answer.truncated or answer.reset
            cut = len(answer.body) // 2 if halved else len(answer.body)
            self.wfile.write(answer.body[:cut])
        self.wfile.write(answer.stray)
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.connection.close()
        if answer.truncated or answer.reset:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server's names
