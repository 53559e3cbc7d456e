"""`promoter serve` as a process of its own, and what it says.

with serving(environment, "--poll", "1h") as bot:
    bot.wait_for("opened")
    bot.metric("promoter_looks_total")
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

ROOT = Path(__file__).resolve().parents[2]
_WITHIN = 60.0
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@dataclass
class Serving:
    """`lines` are the log's, each an object as it stands there."""

    process: subprocess.Popen[str]
    port: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _http: urllib3.PoolManager = field(default_factory=urllib3.PoolManager, repr=False)

    def wait_for(self, text: str) -> dict[str, Any]:
        """The first line whose message holds the text; fails where none comes."""

        def found() -> dict[str, Any] | None:
            return next((each for each in self.lines if text in str(each["message"])), None)

        with self._news:
            line = self._news.wait_for(found, _WITHIN)
        assert line is not None, f"nothing says {text!r}: {self.lines}"
        return line

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            return self._http.request("GET", url, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise AssertionError(f"it does not answer; it said {self.lines}") from error

    def metric(self, name: str, labels: str = "") -> float:
        """The sum of all samples with this name whose labels hold `labels`."""
        text = self.get("/metrics").data.decode()
        samples = (match.groups() for match in _SAMPLE.finditer(text))
        return sum(float(at) for n, said, at in samples if n == name and labels in (said or ""))

    def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(_WITHIN)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(_parse(line))
                self._news.notify_all()


def _parse(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        value = json.loads(line)
        if isinstance(value, dict):
            return value
    return {"message": line.rstrip("\n"), "level": "plain"}


def free_port() -> int:
    """One that was free just now: for who must be told of it before the server is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(environment: Mapping[str, str], *flags: str, port: int = 0) -> Iterator[Serving]:
    """Starts it and waits until it listens."""
    bot = Serving(start(environment, *flags, port=port))
    reader = threading.Thread(target=bot._read, daemon=True)
    reader.start()
    try:
        said = bot.wait_for("listening on port")
        bot.port = int(said["message"].rpartition(" ")[2])
        yield bot
    finally:
        bot.process.kill()
        bot.process.wait()
        reader.join()
        if bot.process.stderr is not None:
            bot.process.stderr.close()
        bot._http.clear()


def start(environment: Mapping[str, str], *flags: str, port: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "promoter", "serve", "--listen", f"127.0.0.1:{port}", *flags],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C in the shell that runs the tests is not meant for it.
        start_new_session=True,
    )
