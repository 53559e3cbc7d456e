"""Small files that are read again when they changed: a rotated secret needs no restart."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_BYTES = 1 << 20


class Watched(Generic[T]):
    """What `parse` makes of a file's bytes, made again when the file changed; thread-safe."""

    def __init__(self, path: Path, parse: Callable[[bytes], T]) -> None:
        self._path = path
        self._parse = parse
        self._lock = threading.Lock()
        self._known: tuple[tuple[int, ...] | None, T] | None = None

    def get(self) -> T:
        """Raises OSError, and what `parse` raises; neither is remembered."""
        with self._lock:
            # A pipe (`<(...)`) gives its bytes only once: it never changes.
            if self._known and self._known[0] is None:
                return self._known[1]
            if self._known and self._known[0] == _identity(self._path.stat()):
                return self._known[1]
            with self._path.open("rb") as file:
                # Of the opened file and before it is read: a change meanwhile is seen next time.
                identity = _identity(os.fstat(file.fileno()))
                data = file.read(_MOST_BYTES + 1)
            if len(data) > _MOST_BYTES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            value = self._parse(data)
            self._known = (identity, value)
            return value


def _identity(info: os.stat_result) -> tuple[int, ...] | None:
    if not stat.S_ISREG(info.st_mode):
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns
