"""The long-running bot: rules, agenda, looks and what comes in from outside, put together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime, timedelta

from promoter import telemetry
from promoter.engine.adapters import Adapters
from promoter.errors import InputError, PromoterError, TransientError
from promoter.service.agenda import Agenda, Due, Failure, Findings, Trigger
from promoter.service.looks import Looks, is_meant
from promoter.service.rulebook import Rulebook
from promoter.service.scheduler import Scheduler, Timer
from promoter.service.shards import divide
from promoter.service.webhooks.nudge import ImagePushed, Nudge

_log = logging.getLogger(__name__)

RULES = "rules"
"""The subject of the rule files."""
RULES_ON_DISK = timedelta(seconds=10)
_MOST_SILENCE = 60.0


class Service:
    """`rules_at`: the repository that the rules are read from; None: from files of this machine.
    `spread` gives a number from -1 to 1."""

    def __init__(
        self,
        adapters: Adapters,
        rulebook: Rulebook,
        clock: Callable[[], datetime],
        *,
        timer: Callable[[Callable[[], None]], Timer],
        spread: Callable[[], float],
        poll: timedelta,
        parallel: int,
        rules_at: str | None = None,
        pool: Executor | None = None,
    ) -> None:
        self._rulebook = rulebook
        self._clock = clock
        self._poll = poll
        self._rules_at = rules_at
        self._missing = ""
        self._beaten = time.monotonic()
        self._looks = Looks(adapters, clock, lambda: self._scheduler.is_stopping)
        self._pool = pool or ThreadPoolExecutor(parallel, thread_name_prefix="look")
        self._scheduler = Scheduler(Agenda(spread, parallel), self._look, clock, self._pool, timer)

    def start(self) -> None:
        """Read the rules and begin to look.

        Raises InputError where there is no rule that is right: nobody is there yet who would miss
        the one that was. A repository that does not answer is asked again.
        """
        try:
            self._rulebook.refresh()
        except TransientError as error:
            self._miss_rules(error)
        else:
            if not self._rulebook.rules:
                raise InputError(f"no rule file can be used: {self._rulebook.broken[0]}")
        self._keep()

    def beat(self) -> None:
        """To be called every few seconds, by a clock that only goes forward."""
        self._scheduler.wake()
        self._beaten = time.monotonic()

    def stop(self, within: float) -> bool:
        """Begin nothing more, and wait for what goes on, so many seconds; whether all of it
        ended."""
        ended = self._scheduler.stop(within)
        self._pool.shutdown(wait=False, cancel_futures=True)
        return ended

    def nudge(self, nudges: Sequence[Nudge], trace: str | None) -> int:
        """Somebody says that something changed; how many looks that asks for. Never blocks."""
        asked = 0
        for each in nudges:
            if isinstance(each, ImagePushed):
                for subject, applications in self._looks.followers_of(each).items():
                    why = Trigger(f"a push of {each.path}", applications, trace)
                    asked += self._scheduler.trigger(subject, why)
                continue
            for subject in self._looks.living_in(each):
                asked += self._scheduler.trigger(subject, Trigger("its forge", None, trace))
            if self._rules_at is not None and is_meant(each, self._rules_at):
                asked += self._scheduler.trigger(RULES, Trigger("its forge"))
        return asked

    def measure(self) -> None:
        """Set the figures that are looked up rather than counted."""
        telemetry.gauge("promoter_rules_broken", len(self._rulebook.broken))
        telemetry.gauge("promoter_looks_running", self._scheduler.running)
        telemetry.gauge("promoter_events_pending", self._scheduler.waiting)

    def alive(self) -> tuple[bool, str]:
        """Whether looks are begun at all. One that takes long is no reason to be killed: each of
        its calls has a time-out."""
        silence = time.monotonic() - self._beaten
        if silence < _MOST_SILENCE:
            return True, "ok"
        return False, f"no look was begun for {silence:.0f} s"

    def ready(self) -> tuple[bool, str]:
        """Whether it can do its work. That a repository or a registry does not answer is no reason
        to keep webhooks out."""
        if self._scheduler.is_stopping:
            return False, "stopping"
        if not self._rulebook.rules:
            return False, "no rules yet"
        return True, "ok"

    def _look(self, due: Due) -> Findings:
        if due.subject != RULES:
            return self._looks(due)
        try:
            changed = self._rulebook.refresh()
        except PromoterError as error:
            return Findings(failed={RULES: self._miss_rules(error)})
        self._missing = ""
        if changed:
            _log.info("rules read: %d", len(self._rulebook.rules))
            self._keep()
        return Findings()

    def _miss_rules(self, error: PromoterError) -> Failure:
        if str(error) != self._missing:
            _log.error("the rules can't be read, and stay as they were: %s", error)
        self._missing = str(error)
        after = error.retry_after if isinstance(error, TransientError) else None
        return Failure(str(error), None, self._clock() + after if after else None)

    def _keep(self) -> None:
        """Look at what the rules name."""
        shards = divide(self._rulebook.rules)
        changed = self._looks.keep(shards)
        every = RULES_ON_DISK if self._rules_at is None else self._poll
        self._scheduler.keep({RULES: every, **{each.name: self._poll for each in shards}})
        for name in changed:
            self._scheduler.trigger(name, Trigger("the rules changed"))
        telemetry.gauge("promoter_rules_loaded_timestamp_seconds", self._clock().timestamp())
