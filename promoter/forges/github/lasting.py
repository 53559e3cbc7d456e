"""What GitHub said and holds for a while, so that a look does not ask for it again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LIFETIME = timedelta(minutes=5)


class Lasting(Generic[K, V]):
    """A value a key, for five minutes; thread-safe. A race only costs the call twice."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[K, tuple[datetime, V]] = {}

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """The value, asked for where none is known or the last one is too old."""
        now = self._now()
        with self._lock:
            known = self._known.get(key)
        if known is not None and now - known[0] < LIFETIME:
            return known[1]
        return self.put(key, ask())

    def put(self, key: K, value: V) -> V:
        now = self._now()
        with self._lock:
            self._known[key] = now, value
        return value

    def recall(self, key: K) -> V | None:
        """What is known, without asking."""
        now = self._now()
        with self._lock:
            known = self._known.get(key)
        return known[1] if known is not None and now - known[0] < LIFETIME else None
