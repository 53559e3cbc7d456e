"""APScheduler as the timer: one job, which is set anew each time.

It waits by the wall clock, and sleeps through a clock that is set back: whoever uses it wakes by
himself now and then, too.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime

# It has no types.
from apscheduler.jobstores.base import JobLookupError  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.date import DateTrigger  # type: ignore[import-untyped]

_JOB = "wake"


class Alarm:
    """Calls `wake` once, in a thread of its own, at the time that was set last."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        # It tells of each job that comes and goes.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._scheduler.start()
        self._at: datetime | None = None

    def set(self, at: datetime | None) -> None:
        """None: not at all."""
        if at == self._at:
            return
        self._at = at
        if at is None:
            with contextlib.suppress(JobLookupError):  # it is just about to ring
                self._scheduler.remove_job(_JOB)
            return
        self._scheduler.add_job(
            self._ring,
            DateTrigger(at),
            id=_JOB,
            replace_existing=True,
            # However late it is: what is due is due.
            misfire_grace_time=None,
        )

    def _ring(self) -> None:
        self._at = None  # APScheduler has dropped the job
        self._wake()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
