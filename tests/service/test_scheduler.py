"""Looks begin when they are due, one at a subject at a time, and end when the process does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from promoter.service.agenda import Agenda, Appointment, Due, Findings, Trigger
from promoter.service.alarm import Alarm
from promoter.service.scheduler import Scheduler, Stopped
from tests.service.hand import NINE, HandClock, HandPool, HandTimer

POLL = timedelta(minutes=2)
WITHIN = 20.0


class Room:
    """A scheduler whose time and threads go on by hand."""

    def __init__(self, *subjects: str, parallel: int = 4) -> None:
        self.looks: list[Due] = []
        self.findings = Findings()
        self.clock, self.pool = HandClock(), HandPool()
        self.timers: list[HandTimer] = []
        self.scheduler = Scheduler(
            Agenda(lambda: 0.0, parallel), self.look, self.clock, self.pool, self._timer
        )
        self.scheduler.keep(dict.fromkeys(subjects, POLL))

    def look(self, due: Due) -> Findings:
        self.looks.append(due)
        return self.findings

    def _timer(self, wake: Callable[[], None]) -> HandTimer:
        self.timers.append(HandTimer(wake))
        return self.timers[-1]


def test_the_timer_is_set_to_what_is_due_next() -> None:
    room = Room("shop")
    (timer,) = room.timers
    assert room.pool.drain() == 1
    assert timer.at == NINE + POLL
    room.findings = Findings((Appointment(NINE + POLL * 1.5, "window"),))
    room.clock.at = NINE + POLL
    room.scheduler.wake()
    assert room.pool.drain() == 1
    assert timer.at == NINE + POLL * 1.5


def test_a_trigger_begins_a_look_at_once() -> None:
    room = Room("shop")
    room.pool.drain()
    assert room.scheduler.trigger("shop", Trigger("a push of web", frozenset({"web"})))
    assert room.pool.drain() == 1
    assert room.looks[-1].why == "a push of web"
    assert not room.scheduler.trigger("bank", Trigger("a push of web"))


def test_a_bug_in_one_look_stops_no_other_and_is_looked_at_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room("bank", "shop")

    def look(due: Due) -> Findings:
        room.looks.append(due)
        if due.subject == "bank":
            raise ZeroDivisionError
        return Findings()

    room.scheduler._look = look
    room.pool.drain()
    assert [each.subject for each in room.looks] == ["bank", "shop"]
    assert "the look at bank failed: a bug: ZeroDivisionError()" in caplog.text
    assert room.timers[0].at == NINE + timedelta(seconds=10)
    room.clock.forward(seconds=10)
    room.scheduler.wake()
    assert room.pool.drain() == 1
    assert room.looks[-1].why == "promoter again"


def test_after_the_stop_nothing_begins_any_more() -> None:
    room = Room("shop")
    room.pool.drain()
    assert room.scheduler.stop(within=0.0)
    assert room.timers[0].stopped
    room.scheduler.trigger("shop", Trigger("its forge"))
    room.clock.forward(hours=1)
    room.scheduler.wake()
    assert not room.pool.waiting


def test_the_stop_waits_for_a_look_as_long_as_it_may() -> None:
    room = Room("shop")
    assert not room.scheduler.stop(within=0.01)
    room.pool.drain()
    assert room.scheduler.stop(within=0.01)


def test_a_look_ends_before_its_next_step() -> None:
    """In real threads: the look goes on until it is told that the process is to end."""
    entered, reached = threading.Event(), threading.Event()

    def look(_: Due) -> Findings:
        entered.set()
        while not scheduler.is_stopping:
            reached.wait(0.01)
        raise Stopped

    with ThreadPoolExecutor(2) as pool:
        scheduler = Scheduler(Agenda(lambda: 0.0, 2), look, lambda: datetime.now(UTC), pool, Alarm)
        scheduler.keep({"shop": POLL})
        assert entered.wait(WITHIN)
        assert scheduler.stop(WITHIN)


def test_the_real_timer_rings_for_what_comes_sooner_than_was_thought() -> None:
    rung = threading.Event()
    alarm = Alarm(rung.set)
    try:
        alarm.set(datetime.now(UTC) + timedelta(hours=1))
        alarm.set(None)
        alarm.set(datetime.now(UTC) + timedelta(hours=1))
        alarm.set(datetime.now(UTC) + timedelta(milliseconds=20))
        assert rung.wait(WITHIN)
        rung.clear()
        # However late it is: a machine that slept wakes up to it.
        alarm.set(datetime.now(UTC) - timedelta(hours=5))
        assert rung.wait(WITHIN)
    finally:
        alarm.stop()
