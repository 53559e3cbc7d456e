"""What befalls a request: by the seed alone, whichever thread of the bot asks first."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

_ANY = re.compile(r"[0-9a-f]{40,64}|127\.0\.0\.1(?::|%3A)\d+|updated_after=[^&]*|since=[^&]*")
_READS = re.compile(r"^(GET|HEAD) |/graphql|git-upload-pack")


@dataclass
class Fate:
    """`wait` makes time pass. In one look the same question has the same fate each time; each write
    has one of its own."""

    seed: int
    wait: Callable[[float], None]
    look: int = 0
    _writes: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, request: str) -> float:
        """From 0 to 1."""
        key = _ANY.sub("ANY", request)
        number = 0
        if not is_read(request):
            with self._lock:
                self._writes[key] += 1
                number = self._writes[key]
        return Random(f"{self.seed} {self.look} {key} {number}").random()

    def slow(self, seconds: float) -> None:
        with self._lock:
            self.wait(round(seconds, 3))


def is_read(request: str) -> bool:
    """`METHOD /path`."""
    return _READS.search(request) is not None
