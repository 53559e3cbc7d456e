"""Real bare repositories, over `git http-backend` behind a small HTTP server.

with git_server(tmp_path, user="bot", password="s3cret") as server:
    server.create("shop.git", {"apps/web/values.yaml": b"..."})
    server.url("shop.git")
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

ZERO = "0" * 40
DATE = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_BACKEND_TIMEOUT = 60


def git(
    folder: Path,
    *arguments: str,
    given: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run git on a repository and give what it printed, without the last line break."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=given,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C", **(environment or {})},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode()}")
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def create_repository(
    folder: Path, files: Mapping[str, bytes] | None = None, branch: str = "main"
) -> Path:
    """A bare repository that takes pushes over HTTP; with a first commit where files are given."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
    for key, value in {"http.receivepack": "true", "uploadpack.allowFilter": "true"}.items():
        git(folder, "config", key, value)
    if files is not None:
        commit(folder, files, branch=branch)
    return folder


def commit(
    repository: Path,
    files: Mapping[str, bytes | None],
    *,
    branch: str = "main",
    message: str = "change",
    date: datetime = DATE,
    parents: tuple[str, ...] | None = None,
    modes: Mapping[str, str] | None = None,
    name: str = "Ann",
    email: str = "ann@example.com",
) -> str:
    """Commit files (None: deleted) onto a branch of a bare repository; the new commit's id.

    `parents` None: the branch's tip, if it has one. The tree is that of the first parent with
    the files laid over it.
    """
    index = {"GIT_INDEX_FILE": str(repository / f"index-{threading.get_ident()}")}
    tip = git(repository, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
    above = parents if parents is not None else ((tip,) if tip else ())
    git(repository, "read-tree", *(above[:1] or ("--empty",)), environment=index)
    lines = b""
    for path, data in files.items():
        raw = path.encode("utf-8", "surrogateescape")
        if data is None:
            lines += b"0 %s\t%s\0" % (ZERO.encode(), raw)
        else:
            blob = git(repository, "hash-object", "-w", "--stdin", given=data)
            mode = (modes or {}).get(path, "100644")
            lines += b"%s %s\t%s\0" % (mode.encode(), blob.encode(), raw)
    git(repository, "update-index", "-z", "--index-info", given=lines, environment=index)
    tree = git(repository, "write-tree", environment=index)
    who = {
        f"GIT_{r}_{k}": v
        for r in ("AUTHOR", "COMMITTER")
        for k, v in {"NAME": name, "EMAIL": email, "DATE": f"{int(date.timestamp())} +0000"}.items()
    }
    options = [option for each in above for option in ("-p", each)]
    new = git(repository, "commit-tree", tree, *options, given=message.encode(), environment=who)
    git(repository, "update-ref", f"refs/heads/{branch}", new, *((tip,) if tip else ()))
    return new


def refs(repository: Path) -> dict[str, str]:
    """What a bare repository really holds."""
    lines = git(repository, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ", 1) for line in lines)


@dataclass
class GitServer:
    """A running server. `requests` logs every request, `pushes` the ref updates of every
    receive-pack that came in: (ref, old, new) each, in order of arrival."""

    root: Path
    base: str
    user: str | None
    password: str | None
    read_only: bool
    requests: list[str] = field(default_factory=list)
    pushes: list[tuple[tuple[str, str, str], ...]] = field(default_factory=list)
    _drops: list[int] = field(default_factory=list)
    _status: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, name: str) -> str:
        return f"{self.base}/{name}"

    @property
    def host(self) -> str:
        """`host:port`, the key of a credentials file."""
        return urlsplit(self.base).netloc

    def create(
        self, name: str, files: Mapping[str, bytes] | None = None, branch: str = "main"
    ) -> Path:
        return create_repository(self.root / name, files, branch)

    def drop_next_reply(self, after: int = 0) -> None:
        """The next push, or the one after so many more, is done, and its reply never sent."""
        with self._lock:
            self._drops.append(after)

    def fail_with(self, status: int | None) -> None:
        """Answer every request with this status, until None is set."""
        self._status = status

    def takes_drop(self) -> bool:
        with self._lock:
            dropped = bool(self._drops) and self._drops[0] == 0
            if dropped:
                self._drops.pop(0)
            elif self._drops:
                self._drops[0] -= 1
        return dropped

    def allows(self, header: str | None) -> bool:
        if self.user is None:
            return True
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return header == f"Basic {expected}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # head and body go out apart: 40 ms each otherwise

    @property
    def served(self) -> GitServer:
        return cast("_Server", self.server).served

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._serve(self._read_chunks())
        else:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass

    def _serve(self, body: bytes) -> None:
        served = self.served
        served.requests.append(f"{self.command} {self.path}")
        writes = "git-receive-pack" in self.path
        if served._status is not None:
            self._answer(served._status, {}, b"")
        elif not served.allows(self.headers.get("Authorization")):
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        elif writes and served.read_only:
            self._answer(403, {}, b"read only\n")
        else:
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status, headers, content = self._run_backend(body)
            if writes and self.command == "POST":
                self._note_push(_moves(body))
                if served.takes_drop():
                    # Headers first: without any answer, curl would ask again by itself.
                    self._answer(status, headers, content[:0], length=len(content))
                    self.close_connection = True
                    return
            self._answer(status, headers, content)

    def _note_push(self, moves: tuple[tuple[str, str, str], ...]) -> None:
        """What was pushed is written down before the answer: who reads it has the answer."""
        self.served.pushes.append(moves)

    def _run_backend(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(self.served.root),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_USER": self.served.user or "anonymous",
            "REQUEST_METHOD": self.command,
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env=environment,
            capture_output=True,
            check=False,
            timeout=_BACKEND_TIMEOUT,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200 OK").split(" ")[0])
        return status, headers, content

    def _answer(
        self,
        status: int,
        headers: Mapping[str, str],
        content: bytes,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64
    served: GitServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _moves(body: bytes) -> tuple[tuple[str, str, str], ...]:
    """The commands of a receive-pack request (gitprotocol-pack, "Reference Update Request")."""
    moves = []
    while (size := int(body[:4], 16)) > 0:
        line, body = body[4:size], body[size:]
        old, new, ref = line.split(b"\0")[0].decode().rstrip("\n").split(" ", 2)
        moves.append((ref, old, new))
    return tuple(moves)


@contextlib.contextmanager
def git_server(
    root: Path,
    *,
    user: str | None = None,
    password: str | None = None,
    read_only: bool = False,
) -> Iterator[GitServer]:
    """Serve the repositories below `root` on a free loopback port; with a user, to that user
    only (HTTP Basic)."""
    root.mkdir(parents=True, exist_ok=True)
    server = _Server(("127.0.0.1", 0), _Handler)
    base = f"http://127.0.0.1:{server.server_address[1]}"
    server.served = GitServer(root, base, user, password, read_only)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
