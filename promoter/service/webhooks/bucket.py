"""A token bucket. Pure: the time is an argument, in seconds of any clock that only goes forward."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """At most `burst` at once, and `per_second` in the long run."""

    per_second: float
    burst: int


class Bucket:
    """Full at first."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._left = float(pace.burst)
        self._at = 0.0

    def take(self, now: float) -> float:
        """0 where one more is allowed, which is counted; else in how many seconds one will be."""
        gained = max(0.0, now - self._at) * self._pace.per_second
        self._left = min(float(self._pace.burst), self._left + gained)
        self._at = max(self._at, now)
        if self._left < 1:
            return (1 - self._left) / self._pace.per_second
        self._left -= 1
        return 0.0
