"""What was read once by its digest, so that it is not read again: in memory, and on disk for the
next process. Disposable: whatever is missing, damaged or not writable is only slower."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from promoter.registries.content import is_content_of

_IN_MEMORY = 32 << 20
_ON_DISK = 256 << 20
_LOOK_AGAIN = 16  # parts of the bound: so much is written before the folder is measured again
_LEAVE = 0.9  # of the bound, so that not every file that comes drives out another one
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO would block
_PART = re.compile(r"[0-9a-f]{2}")
_FILE = re.compile(r"[0-9a-f]{62}|\.[0-9a-f]{16}\.tmp")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class ContentStore:
    """Bytes by scope and digest; thread-safe, and safe for several processes on one folder.

    A scope is a repository at its registry: what one repository holds is no answer to what
    another one does. `folder` None: in memory only. Both bounds are in bytes; what was used
    least recently goes first.
    """

    def __init__(
        self, folder: Path | None = None, *, in_memory: int = _IN_MEMORY, on_disk: int = _ON_DISK
    ) -> None:
        self._folder = folder
        self._memory = _Memory(in_memory)
        self._on_disk = on_disk
        self._lock = threading.Lock()
        # The first write looks what earlier processes left.
        self._unmeasured = on_disk

    def get(self, scope: str, digest: str) -> bytes | None:
        """The bytes, verified against `digest` whenever they come from the disk."""
        found = self._memory.get((scope, digest))
        if found is not None or self._folder is None:
            return found
        file = self._file(self._folder, scope, digest)
        try:
            with os.fdopen(os.open(file, _READ), "rb") as stream:
                data = stream.read(self._on_disk + 1)
            if is_content_of(data, digest):
                self._memory.put((scope, digest), data)
                with suppress(OSError):
                    os.utime(file)  # used now: what goes first is what was not
                return data
            file.unlink()
        except OSError:
            pass
        return None

    def put(self, scope: str, digest: str, data: bytes) -> None:
        """Keep `data`, which the caller has verified."""
        self._memory.put((scope, digest), data)
        if self._folder is None or len(data) > self._on_disk // _LOOK_AGAIN:
            return
        file = self._file(self._folder, scope, digest)
        # A name that no other process takes; a reader sees whole files only. Nothing waits for
        # the disk: what a power cut left half is not what its digest says.
        draft = file.with_name(f".{os.urandom(8).hex()}.tmp")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with os.fdopen(os.open(draft, _CREATE, 0o600), "wb") as stream:
                    stream.write(data)
                draft.replace(file)
            except BaseException:
                with suppress(OSError):
                    draft.unlink()
                raise
        except OSError:
            return
        self._count(len(data))

    @staticmethod
    def _file(folder: Path, scope: str, digest: str) -> Path:
        name = hashlib.sha256(f"{scope}\0{digest}".encode()).hexdigest()
        return folder / name[:2] / name[2:]

    def _count(self, size: int) -> None:
        with self._lock:
            self._unmeasured += size
            if self._unmeasured < self._on_disk // _LOOK_AGAIN:
                return
            self._unmeasured = 0
        self._make_room()

    def _make_room(self) -> None:
        """Drop what was used least recently, drafts of crashed processes with it."""
        found = list(_own_files(self._folder)) if self._folder else []
        total = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if total <= self._on_disk * _LEAVE:
                return
            with suppress(OSError):  # another process makes room, too
                Path(file).unlink()
            total -= size


def _own_files(folder: Path) -> Iterator[tuple[int, int, str]]:
    """When each of our files was used last, its size and its path. A name that we give to none
    is somebody else's file, and a link leads to some."""
    for part in _entries(folder):
        if _PART.fullmatch(part.name) and part.is_dir(follow_symlinks=False):
            for file in _entries(part):
                with suppress(OSError):
                    if _FILE.fullmatch(file.name) and file.is_file(follow_symlinks=False):
                        info = file.stat(follow_symlinks=False)
                        yield info.st_mtime_ns, info.st_size, file.path


def _entries(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


class _Memory:
    """The last used values, up to so many bytes; thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._values: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._size = 0

    def get(self, key: tuple[str, str]) -> bytes | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: tuple[str, str], data: bytes) -> None:
        with self._lock:
            self._size += len(data) - len(self._values.pop(key, b""))
            self._values[key] = data
            while self._size > self._most:
                _, dropped = self._values.popitem(last=False)
                self._size -= len(dropped)
