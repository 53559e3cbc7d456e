"""Receives what docker-registry tells of pushes and pulls.

with notification_receiver() as receiver:
    with running_registry(tmp_path, notify=receiver) as registry:
        registry.push_image("shop/web", "1.2.0")
        event = receiver.wait_for("push", "shop/web", tag="1.2.0")
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ENVELOPE = "application/vnd.docker.distribution.events.v1+json"
_WITHIN = 20.0


@dataclass(frozen=True)
class Event:
    """`tag` and `media_type` are None where the registry says nothing (blobs, deletes)."""

    action: str
    repository: str
    digest: str
    tag: str | None
    media_type: str | None


@dataclass
class Receiver:
    """All events so far, in order of arrival. The registry sends `secret` along."""

    url: str
    secret: str
    events: list[Event] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def wait_for(self, action: str, repository: str, *, tag: str | None = None) -> Event:
        """The first event of this kind; fails where none comes."""

        def found() -> Event | None:
            wanted = (action, repository, tag)
            return next((e for e in self.events if (e.action, e.repository, e.tag) == wanted), None)

        with self._news:
            event = self._news.wait_for(found, _WITHIN)
        assert event is not None, f"no {action} of {repository}:{tag} in {self.events}"
        return event

    def take(self, envelope: Any) -> None:
        with self._news:
            for each in envelope["events"]:
                target = each["target"]
                self.events.append(
                    Event(
                        each["action"],
                        target["repository"],
                        target["digest"],
                        target.get("tag"),
                        target.get("mediaType") or None,
                    )
                )
            self._news.notify_all()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = self.server.told
        right = self.headers.get("Authorization") == told.secret
        if right and self.headers.get("Content-Type") == ENVELOPE:
            told.take(json.loads(body))
        self.send_response(200 if right else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    told: Receiver


@contextmanager
def notification_receiver(secret: str = "Bearer of-the-receiver") -> Iterator[Receiver]:
    http = _Server(("127.0.0.1", 0), _Handler)
    http.told = Receiver(f"http://127.0.0.1:{http.server_address[1]}/events", secret)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield http.told
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
