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
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

ZERO = "0" * 40
DATE = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_BACKEND_TIMEOUT = 60
_ADVERTISEMENT = ("GET", "service=git-upload-pack", "version=2")
_CONFIG = """\
[http]
	receivepack = true
[uploadpack]
	allowFilter = true
[receive]
	autogc = false
"""
"""A push into a young repository leaves nothing to collect, and looking for it takes processes."""


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
    # Without git's examples of hooks: worlds are copied file by file.
    git(folder, "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", ".")
    (folder / "hooks").mkdir()
    with (folder / "config").open("a") as config:
        config.write(_CONFIG)
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
    tip = refs(repository).get(f"refs/heads/{branch}")
    above = parents if parents is not None else ((tip,) if tip else ())
    who = f"{name} <{email}> {int(date.timestamp())} +0000"
    lines = [
        b"commit refs/draft\nmark :1\n",
        f"author {who}\ncommitter {who}\n".encode(),
        _data(message.encode()),
        *(f"{'merge' if at else 'from'} {each}\n".encode() for at, each in enumerate(above)),
    ]
    for path, data in files.items():
        quoted = _quoted(path)
        if data is None:
            lines.append(b"D %s\n" % quoted)
        else:
            mode = (modes or {}).get(path, "100644")
            lines += [b"M %s inline %s\n" % (mode.encode(), quoted), _data(data)]
    # The name is unborn again at the end, so that no ref is written.
    stream = b"".join([*lines, b"\nget-mark :1\nreset refs/draft\n\ndone\n"])
    # A pack stays as it comes: to unpack it takes a process more.
    new = git(
        *(repository, "-c", "fastimport.unpackLimit=1"),
        *("fast-import", "--quiet", "--done", "--force"),
        given=stream,
    )
    git(repository, "update-ref", f"refs/heads/{branch}", new, *((tip,) if tip else ()))
    return new


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    """In C style, as git-fast-import(1) reads it."""
    raw = path.encode("utf-8", "surrogateescape")
    return b'"%s"' % b"".join(b"\\%03o" % byte for byte in raw)


def refs(repository: Path) -> dict[str, str]:
    """What a bare repository really holds, read from its files: asked hundreds of times.

    Loose refs before packed ones (gitrepository-layout): one that is packed in between is seen
    twice, never not at all.
    """
    loose: dict[str, str] = {}
    for folder, _, names in os.walk(repository / "refs"):  # passes over what goes away
        for file in (Path(folder, name) for name in names if not name.endswith(".lock")):
            with contextlib.suppress(FileNotFoundError):
                loose[file.relative_to(repository).as_posix()] = file.read_text().strip()
    packed: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError):
        lines = (repository / "packed-refs").read_text("utf-8", "surrogateescape").splitlines()
        for line in lines:
            if not line.startswith(("#", "^")):  # a comment, or what an annotated tag names
                commit, _, name = line.partition(" ")
                packed[name] = commit
    return dict(sorted({**packed, **loose}.items()))


def unpacked(headers: Mapping[str, str] | Message, body: bytes) -> bytes:
    """What a request holds; git packs long ones."""
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


_capabilities: dict[tuple[bytes, str], tuple[int, dict[str, str], bytes]] = {}


def run_backend(
    root: Path,
    method: str,
    target: str,
    headers: Mapping[str, str] | Message,
    body: bytes,
    user: str,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """`git http-backend` for the repositories below `root`: status, headers and content.

    `target` is the path there and the query, `headers` hold what git sends, by lower-case name.
    """
    path, _, query = target.partition("?")
    protocol = headers.get("git-protocol", "")
    # In protocol 2 the first answer tells what the server can do, nothing of refs
    # (gitprotocol-v2, "Capability Advertisement"): one for all repositories that are set up alike.
    tells_capabilities = (method, query, protocol) == _ADVERTISEMENT
    config = root / path.removeprefix("/").removesuffix("/info/refs") / "config"
    key = (config.read_bytes() if tells_capabilities and config.is_file() else b"", path[-10:])
    if key[0] and key in _capabilities:
        return _capabilities[key]
    content = unpacked(headers, body)
    done = subprocess.run(
        ["git", "http-backend"],
        input=content,
        env={
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(root),
            "GIT_PROTOCOL": protocol,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_USER": user,
            "REQUEST_METHOD": method,
            "CONTENT_LENGTH": str(len(content)),
            "CONTENT_TYPE": headers.get("content-type", ""),
            **(environment or {}),
        },
        capture_output=True,
        check=False,
        timeout=_BACKEND_TIMEOUT,
    )
    head, _, told = done.stdout.partition(b"\r\n\r\n")
    answered = dict(line.split(": ", 1) for line in head.decode().splitlines())
    status = int(answered.pop("Status", "200 OK").split(" ")[0])
    if key[0] and status == 200:
        _capabilities[key] = status, answered, told
    return status, answered, told


def heads(repository: Path) -> dict[str, str]:
    """Branch -> commit."""
    above = "refs/heads/"
    found = refs(repository).items()
    return {ref.removeprefix(above): at for ref, at in found if ref.startswith(above)}


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
            user = served.user or "anonymous"
            status, headers, content = run_backend(
                served.root, self.command, self.path, self.headers, body, user
            )
            if writes and self.command == "POST":
                self._note_push(_moves(unpacked(self.headers, body)))
                if served.takes_drop():
                    # Headers first: without any answer, curl would ask again by itself.
                    self._answer(status, headers, content[:0], length=len(content))
                    self.close_connection = True
                    return
            self._answer(status, headers, content)

    def _note_push(self, moves: tuple[tuple[str, str, str], ...]) -> None:
        """What was pushed is written down before the answer: who reads it has the answer."""
        self.served.pushes.append(moves)

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
