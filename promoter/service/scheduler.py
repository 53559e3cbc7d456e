"""Takes the looks that the agenda has due, several at once, until it is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Protocol

from promoter.service.agenda import Agenda, Due, Failure, Findings, Trigger

_log = logging.getLogger(__name__)

Look = Callable[[Due], Findings]
"""Looks, does what is to be done, and tells when to look again."""


class Timer(Protocol):
    """Calls back once, at the time that was named last."""

    def set(self, at: datetime | None) -> None:
        """None: not at all."""

    def stop(self) -> None: ...


class Stopped(Exception):  # noqa: N818 - the end of a look, and no error
    """The process is to end: a look ends before its next step."""


class Scheduler:
    """One look at a subject at a time, as many at once as the agenda allows; thread-safe.

    `submit` runs something elsewhere, `timer` makes the alarm that calls its argument.
    """

    def __init__(
        self,
        agenda: Agenda,
        look: Look,
        clock: Callable[[], datetime],
        pool: Executor,
        timer: Callable[[Callable[[], None]], Timer],
    ) -> None:
        self._agenda = agenda
        self._look = look
        self._clock = clock
        self._pool = pool
        self._lock = threading.Condition()
        self._stopping = False
        self._timer = timer(self.wake)

    def keep(self, subjects: Mapping[str, timedelta]) -> None:
        """See `Agenda.keep`."""
        with self._lock:
            self._agenda.keep(subjects, self._clock())
        self.wake()

    def trigger(self, subject: str, why: Trigger) -> bool:
        """Ask for a look; False: there is no such subject. Never blocks for longer than a look at
        the agenda takes."""
        with self._lock:
            known = self._agenda.trigger(subject, why, self._clock())
        if known:
            self.wake()
        return known

    def wake(self) -> None:
        """Begin what is due, and set the timer for what is next."""
        with self._lock:
            if self._stopping:
                return
            now = self._clock()
            for due in self._agenda.due(now):
                self._pool.submit(self._run, due)
            self._timer.set(self._agenda.next_at(now))

    @property
    def running(self) -> int:
        with self._lock:
            return self._agenda.running

    @property
    def waiting(self) -> int:
        """How many triggers wait for their look."""
        with self._lock:
            return self._agenda.asked

    @property
    def is_stopping(self) -> bool:
        return self._stopping

    def stop(self, within: float) -> bool:
        """Begin no look any more, and wait for those that run, so many seconds at most; whether all
        have ended. What one was about to do is done by the next process."""
        with self._lock:
            self._stopping = True
            self._timer.stop()
            return self._lock.wait_for(lambda: not self._agenda.running, within)

    def _run(self, due: Due) -> None:
        began = self._clock()
        try:
            findings = self._look(due)
        except Stopped:
            findings = Findings()
        except Exception as error:  # noqa: BLE001 - a bug in one look never stops the others
            _log.error("the look at %s failed: a bug: %r; --debug shows where", due.subject, error)
            _log.debug("the look at %s: a bug", due.subject, exc_info=error)
            findings = Findings(failed={"promoter": Failure(f"a bug: {type(error).__name__}")})
        with self._lock:
            self._agenda.done(due, findings, began, self._clock())
            self._lock.notify_all()
        self.wake()
