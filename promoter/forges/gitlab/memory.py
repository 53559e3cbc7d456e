"""What was asked a moment ago is not asked again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_LIFETIME = 300.0  # seconds


class Memory(Generic[K, V]):
    """Answers that hold for five minutes by `clock` (seconds), or for `lifetime`; thread-safe. A
    failure is none."""

    def __init__(self, clock: Callable[[], float], lifetime: float = _LIFETIME) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._known: dict[K, tuple[float, V]] = {}

    def get(self, key: K, ask: Callable[[], V]) -> V:
        now = self._clock()
        with self._lock:
            known = self._known.get(key)
        if known is not None and now - known[0] < self._lifetime:
            return known[1]
        answer = ask()
        with self._lock:
            self._known[key] = (now, answer)
        return answer

    def forget(self) -> None:
        with self._lock:
            self._known.clear()
