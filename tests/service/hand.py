"""Clock, timer and pool that go on by hand: what runs in threads elsewhere is told here step by
step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class HandClock:
    at: datetime = NINE

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **time: float) -> datetime:
        self.at += timedelta(**time)
        return self.at


class HandTimer:
    """Remembers when it is to ring; `ring` is somebody else's business."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.at: datetime | None = None
        self.stopped = False

    def set(self, at: datetime | None) -> None:
        self.at = at

    def stop(self) -> None:
        self.stopped = True


@dataclass
class HandPool(Executor):
    """Keeps what is handed in until `step` or `drain`."""

    waiting: list[Callable[[], object]] = field(default_factory=list)

    def submit(self, work: Callable[..., Any], /, *words: Any, **named: Any) -> Future[Any]:
        self.waiting.append(lambda: work(*words, **named))
        return Future()

    def step(self) -> None:
        self.waiting.pop(0)()

    def drain(self) -> int:
        """Do all of it, and what comes of that; how many pieces of work it was."""
        count = 0
        while self.waiting:
            self.step()
            count += 1
        return count

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            self.waiting.clear()
