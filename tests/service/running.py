"""The real server with webhooks, on a free loopback port, in this process or in one of its own.

with running_web(tmp_path) as web:
    answer = web.send("harbor", b"{...}", {"authorization": "Bearer ..."})
    web.nudges
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from promoter.service.server import Patience, WebServer
from promoter.service.web import Room, make_web
from promoter.service.webhooks.nudge import Nudge
from promoter.service.webhooks.receiver import Webhooks
from tests.service.webhooks.examples import EXAMPLES, Proof, prove, write_secrets

ROOT = Path(__file__).resolve().parents[2]
_WITHIN = 20.0


@dataclass
class Doctor:
    """Health that a test decides."""

    is_alive: bool = True
    is_ready: bool = True

    def alive(self) -> tuple[bool, str]:
        return self.is_alive, "alive" if self.is_alive else "no look for 20 minutes"

    def ready(self) -> tuple[bool, str]:
        return self.is_ready, "ready" if self.is_ready else "no rules yet"


@dataclass
class RunningWeb:
    port: int
    health: Doctor = field(default_factory=Doctor)
    nudges: list[Nudge] = field(default_factory=list)
    traces: list[str | None] = field(default_factory=list)
    counted: list[tuple[str, str]] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=8), repr=False
    )

    def send(
        self,
        path: str,
        body: bytes | Iterator[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
    ) -> urllib3.BaseHTTPResponse:
        return self._http.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            body=body,
            headers={"Content-Type": "application/json", **(headers or {})},
            retries=False,
            timeout=_WITHIN,
        )

    def send_example(
        self, source: str, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        example = EXAMPLES[source]
        body = json.dumps(example.body).encode()
        return self.send_proved(source, body, {**example.headers, **(headers or {})})

    def send_proved(
        self, source: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        proof = prove(source, body)
        return self.send(path_of(source, proof), body, {**proof.headers, **(headers or {})})

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), _WITHIN)

    def take(self, nudges: Sequence[Nudge], trace: str | None) -> None:
        with self._news:
            self.nudges += nudges
            self.traces.append(trace)
            self._news.notify_all()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Until the nudges are such; fails where they never are."""
        with self._news:
            assert self._news.wait_for(condition, _WITHIN), self.nudges


def path_of(source: str, proof: Proof) -> str:
    return f"/webhooks/{source}" + (f"/{proof.in_url}" if proof.in_url else "").replace(" ", "%20")


@contextmanager
def running_web(
    folder: Path,
    *,
    room: Room | None = None,
    patience: Patience | None = None,
    stop_within: float = _WITHIN,
    **webhooks: Any,
) -> Iterator[RunningWeb]:
    """`folder` gets a secret for each source. `webhooks`: what else `Webhooks` takes."""
    write_secrets(folder)
    web = RunningWeb(0)

    def notify(nudges: Sequence[Nudge], trace: str | None) -> int:
        web.take(nudges, trace)  # looked up each time: a test may put another in its place
        return len(nudges)

    def count(source: str, result: str) -> None:
        web.counted.append((source, result))

    app = make_web(
        Webhooks(folder, notify, count, **webhooks),
        web.health,
        lambda _: (b"promoter_up 1\n", "text/plain; version=0.0.4; charset=utf-8"),
        room,
    )
    server = WebServer(app, "127.0.0.1", 0, patience)
    web.port = server.start()
    try:
        yield web
    finally:
        web._http.clear()
        assert server.stop(stop_within)


@dataclass
class ChildWeb(RunningWeb):
    """The server in a process of its own, whose memory can be measured. It tells its nudges only
    when it ends."""

    process: subprocess.Popen[str] = field(kw_only=True)

    def most_resident(self) -> int:
        """Bytes of memory at most until now, as Linux counts them."""
        text = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        line = next(each for each in text.splitlines() if each.startswith("VmHWM"))
        return int(line.split()[1]) << 10

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def end(self) -> dict[str, Any]:
        """What it heard, and what it logged."""
        out, err = self.process.communicate("", _WITHIN)
        assert self.process.returncode == 0, err
        return {**json.loads(out), "log": err}


@contextmanager
def web_in_a_child(folder: Path, **seconds: float) -> Iterator[ChildWeb]:
    """`seconds`: `body`, `head`, `answer` and `rest`, where a test is to wait for less."""
    write_secrets(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.service.running", str(folder), json.dumps(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield ChildWeb(int(line), process=process)
    finally:
        process.kill()
        process.communicate()


def _serve(folder: Path, seconds: dict[str, float]) -> None:
    """Until its standard input ends; then it prints what it heard."""
    import logging
    from collections import Counter

    logging.basicConfig(format="%(message)s")
    heard: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    body = seconds.pop("body", 10.0)

    def notify(nudges: Sequence[Nudge], _: str | None) -> int:
        heard.update(map(str, nudges))
        return len(nudges)

    app = make_web(
        Webhooks(
            folder,
            notify,
            lambda source, result: counted.update([f"{source} {result}"]),
        ),
        Doctor(),
        lambda _: (b"", "text/plain"),
        Room(seconds=body),
    )
    server = WebServer(app, "127.0.0.1", 0, Patience(**seconds))  # type: ignore[arg-type]  # all are floats
    sys.stdout.write(f"{server.start()}\n")
    sys.stdout.flush()
    sys.stdin.read()
    ended = server.stop(5)
    told = {"heard": heard, "counted": counted, "ended": ended}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), json.loads(sys.argv[2]))
