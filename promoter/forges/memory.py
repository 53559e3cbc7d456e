"""What a forge said a moment ago is not asked again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_LIFETIME = 300.0  # seconds


def seconds_of(now: Callable[[], datetime]) -> Callable[[], float]:
    """The same clock in seconds."""
    return lambda: now().timestamp()


class Memory(Generic[K, V]):
    """Answers that hold for five minutes by `clock` (seconds), or for `lifetime`; thread-safe. A
    failure is none; a race only costs the call twice."""

    def __init__(self, clock: Callable[[], float], lifetime: float = _LIFETIME) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._known: dict[K, tuple[float, V]] = {}

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """The answer, asked for where none is known or the last one is too old."""
        with self._lock:
            known = self._known.get(key)
        if known is not None and self._holds(known[0]):
            return known[1]
        return self.put(key, ask())

    def put(self, key: K, value: V) -> V:
        now = self._clock()
        with self._lock:
            self._known[key] = (now, value)
        return value

    def recall(self, key: K) -> V | None:
        """What is known, without asking."""
        with self._lock:
            known = self._known.get(key)
        return known[1] if known is not None and self._holds(known[0]) else None

    def forget(self) -> None:
        with self._lock:
            self._known.clear()

    def _holds(self, since: float) -> bool:
        """What was asked in the future was so by a clock that has been set back since: by it, it
        would hold for as long as the clock ran ahead."""
        return 0 <= self._clock() - since < self._lifetime
