"""Log lines that strangers can cause, a few a minute of each kind: they must not fill the disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable

from promoter.service.webhooks.bucket import Bucket, Pace

_A_FEW = Pace(3 / 60, 3)
_MOST_KINDS = 1000


class FewLines:
    """Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, pace: Pace = _A_FEW) -> None:
        self._clock = clock
        self._pace = pace
        self._lock = threading.Lock()
        self._kinds: dict[Hashable, tuple[Bucket, int]] = {}

    def more(self, kind: Hashable) -> int | None:
        """How many lines of this kind were left out since the last one; None: leave it out."""
        with self._lock:
            if kind not in self._kinds and len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            bucket, left_out = self._kinds.get(kind) or (Bucket(self._pace), 0)
            allowed = not bucket.take(self._clock())
            self._kinds[kind] = bucket, 0 if allowed else left_out + 1
            return left_out if allowed else None


class FewLinesFilter(logging.Filter):
    """Of a logger whose messages are fixed texts, such as a server's."""

    def __init__(self) -> None:
        super().__init__()
        self._few = FewLines()

    def filter(self, record: logging.LogRecord) -> bool:
        return self._few.more(record.msg) is not None
