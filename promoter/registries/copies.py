"""Answers kept for conditional requests (RFC 9110, section 13): what did not change is not sent
again. Bounded, and asked for whole now and then, so that an ETag that is wrong is not for ever."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from promoter.access.http import Response

_MOST = 1 << 25  # bytes of bodies
_BELIEVED = 900.0  # seconds


@dataclass(frozen=True)
class Copy:
    """A whole answer, and the validator that it came with."""

    etag: str
    response: Response
    until: float

    def is_confirmed_by(self, response: Response) -> bool:
        """Whether a 304 speaks of this copy: it may name no ETag, but no other one. A weak one
        is as good here: it stands for the same list, if not for the same bytes."""
        named = response.headers.get("ETag", "").strip()
        return not named or _opaque(named) == _opaque(self.etag)


class Copies:
    """The last copies by URL; thread-safe."""

    def __init__(self, most: int = _MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Copy] = OrderedDict()
        self._size = 0

    def get(self, url: str) -> Copy | None:
        with self._lock:
            copy = self._kept.get(url)
            if copy is None or copy.until <= self._clock():
                return None
            self._kept.move_to_end(url)
            return copy

    def keep(self, url: str, response: Response) -> None:
        etag = response.headers.get("ETag", "").strip()
        with self._lock:
            old = self._kept.pop(url, None)
            if old is not None:
                self._size -= len(old.response.body)
            # What fits no header is no validator, and a large list must not drive out all others.
            if not _is_etag(etag) or len(response.body) > self._most // 4:
                return
            self._kept[url] = Copy(etag, response, self._clock() + _BELIEVED)
            self._size += len(response.body)
            while self._size > self._most:
                _, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped.response.body)


def _opaque(etag: str) -> str:
    return etag.removeprefix("W/")


def _is_etag(text: str) -> bool:
    return 0 < len(text) <= 256 and text.isascii() and text.isprintable() and " " not in text
