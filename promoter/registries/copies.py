"""Answers kept for conditional requests (RFC 9110, section 13): what did not change is not sent
again. Bounded, and asked for whole now and then, so that an ETag that is wrong is not for ever."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from urllib3 import HTTPHeaderDict

from promoter.access.http import Response

_MOST = 1 << 25  # bytes of bodies and headers
_BELIEVED = 900.0  # seconds
_READ_LATER = ("Link", "ETag", "Content-Type", "Docker-Content-Digest")


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
    """The last copies by URL, of their headers those that somebody reads; thread-safe."""

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
                self._size -= _size(old.response)
            slim = replace(response, headers=_read_later(response.headers))
            # What fits no header is no validator, and a large list must not drive out all others.
            if not _is_etag(etag) or _size(slim) > self._most // 4:
                return
            self._kept[url] = Copy(etag, slim, self._clock() + _BELIEVED)
            self._size += _size(slim)
            while self._size > self._most:
                _, dropped = self._kept.popitem(last=False)
                self._size -= _size(dropped.response)


def _read_later(headers: HTTPHeaderDict) -> HTTPHeaderDict:
    kept = HTTPHeaderDict()
    for name in _READ_LATER:
        for value in headers.getlist(name):
            kept.add(name, value)
    return kept


def _size(response: Response) -> int:
    headers = sum(len(name) + len(value) for name, value in response.headers.iteritems())
    return len(response.body) + len(response.url) + headers


def _opaque(etag: str) -> str:
    return etag.removeprefix("W/")


def _is_etag(text: str) -> bool:
    return 0 < len(text) <= 256 and text.isascii() and text.isprintable() and " " not in text
