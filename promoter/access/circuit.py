"""A server that is dead is left alone for a while: a thousand questions must not each wait for it.

Pure but for a lock: the time is an argument, in seconds of any clock that only goes forward.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from promoter.errors import TransientError

_MOST_FAILURES = 5
_REST = 30.0


class Circuit:
    """Counts attempts in a row that met silence; thread-safe.

    After `most_failures` every request fails at once for `rest` seconds, with the reason of the
    last failure. Then one request goes ahead as a probe; the others go on failing until it
    came back with an answer, or another `rest` passed.
    """

    def __init__(self, most_failures: int = _MOST_FAILURES, rest: float = _REST) -> None:
        self._most = most_failures
        self._rest = rest
        self._lock = threading.Lock()
        self._failures = 0
        self._why = ""
        self._until = 0.0

    def check(self, now: float) -> None:
        """Raises TransientError while the server is left alone."""
        if self._failures < self._most:
            return
        with self._lock:
            left = self._until - now
            if left <= 0:
                self._until = now + self._rest  # ours is the probe
                return
        raise TransientError(
            f"{self._why}; so it was {self._failures} times in a row, and it is not asked again"
            f" for {left:.0f} s",
            retry_after=timedelta(seconds=left),
        )

    def failed(self, why: str, now: float) -> None:
        """An attempt met silence; `why` is a message for people, already redacted."""
        with self._lock:
            self._failures += 1
            self._why = why
            self._until = now + self._rest

    def answered(self) -> None:
        """Somebody is there, whatever was said."""
        self._failures = 0
