"""What is looked at when: told with times as plain values, nothing waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.service.agenda import (
    LONGEST_RETRY,
    Agenda,
    Appointment,
    Due,
    Failure,
    Findings,
    Trigger,
)

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLL = timedelta(minutes=2)
SHOP, BANK = "https://git.example.com/shop", "https://git.example.com/bank"
WEB, API = frozenset({"web"}), frozenset({"api"})


def later(**time: float) -> datetime:
    return NINE + timedelta(**time)


class Desk:
    """An agenda with someone who takes looks and ends them."""

    def __init__(self, *subjects: str, parallel: int = 4, spread: float = 0.0) -> None:
        self.agenda = Agenda(lambda: spread, parallel)
        self.keep(NINE, *subjects)

    def keep(self, now: datetime, *subjects: str) -> None:
        self.agenda.keep(dict.fromkeys(subjects, POLL), now)

    def take(self, now: datetime) -> list[Due]:
        return self.agenda.due(now)

    def one(self, now: datetime) -> Due:
        (due,) = self.take(now)
        return due

    def end(self, due: Due, now: datetime, findings: Findings | None = None) -> None:
        self.agenda.done(due, findings or Findings(), now, now)

    def look(self, now: datetime, findings: Findings | None = None) -> Due:
        """The one look that is due, and takes no time."""
        due = self.one(now)
        self.end(due, now, findings)
        return due


def test_what_is_new_is_looked_at_at_once_and_then_at_each_poll() -> None:
    desk = Desk(SHOP)
    assert desk.look(NINE).why == "poll"
    assert desk.agenda.next_at(NINE) == NINE + POLL
    assert desk.take(NINE + POLL - timedelta(seconds=1)) == []
    assert desk.look(NINE + POLL).applications is None


def test_polls_are_spread_so_that_they_do_not_all_come_at_once() -> None:
    for spread in (-1.0, 0.5):
        desk = Desk(SHOP, spread=spread)
        desk.look(NINE)
        assert desk.agenda.next_at(NINE) == NINE + POLL * (1 + spread / 10)


def test_a_thousand_webhooks_for_one_image_make_one_look() -> None:
    desk = Desk(SHOP)
    desk.look(NINE)
    for number in range(1000):
        trigger = Trigger("a push of shop/web", WEB, trace=f"trace {number}")
        assert desk.agenda.trigger(SHOP, trigger, later(seconds=1))
    assert desk.agenda.asked == 1
    due = desk.look(later(seconds=1))
    assert (due.why, due.applications) == ("a push of shop/web", WEB)
    assert [each.trace for each in due.triggers] == ["trace 0"]
    assert desk.take(later(seconds=1)) == []


def test_triggers_during_a_look_make_exactly_one_more() -> None:
    desk = Desk(SHOP)
    running = desk.one(NINE)
    for _ in range(5):
        desk.agenda.trigger(SHOP, Trigger("a push of shop/web", WEB), later(seconds=1))
    assert desk.take(later(seconds=1)) == []
    desk.end(running, later(seconds=2))
    more = desk.look(later(seconds=2))
    assert more.applications == WEB
    assert desk.take(later(seconds=2)) == []


def test_what_is_asked_for_together_is_looked_at_together() -> None:
    desk = Desk(SHOP)
    desk.look(NINE)
    desk.agenda.trigger(SHOP, Trigger("a push of shop/web", WEB), later(seconds=1))
    desk.agenda.trigger(SHOP, Trigger("a push of shop/api", API), later(seconds=1))
    assert desk.look(later(seconds=2)).applications == WEB | API
    desk.agenda.trigger(SHOP, Trigger("a push of shop/web", WEB), later(seconds=3))
    desk.agenda.trigger(SHOP, Trigger("its forge"), later(seconds=3))
    assert desk.look(later(seconds=3)).applications is None


def test_a_flood_of_events_takes_half_of_the_time_at_most() -> None:
    """A busy repository tells of every check of every commit."""
    desk = Desk(SHOP)
    due = desk.one(NINE)
    desk.agenda.trigger(SHOP, Trigger("its forge"), later(seconds=1))
    desk.agenda.done(due, Findings(), NINE, later(seconds=8))
    assert desk.take(later(seconds=8)) == []
    assert desk.agenda.next_at(later(seconds=8)) == later(seconds=16)
    assert desk.one(later(seconds=16)).why == "its forge"


def test_an_image_need_not_wait_for_the_end_of_such_a_pause_and_takes_the_others_along() -> None:
    desk = Desk(SHOP)
    due = desk.one(NINE)
    desk.agenda.done(due, Findings(), NINE, later(seconds=8))
    desk.agenda.trigger(SHOP, Trigger("its forge"), later(seconds=9))
    desk.agenda.trigger(SHOP, Trigger("a push of shop/web", WEB), later(seconds=10))
    due = desk.look(later(seconds=10))
    assert (due.why, due.applications) == ("a push of shop/web, its forge", None)
    assert desk.agenda.asked == 0


def test_nobody_asks_for_what_is_not_there() -> None:
    assert not Desk(SHOP).agenda.trigger(BANK, Trigger("its forge"), NINE)


def test_gates_that_open_by_themselves_are_looked_at_then_and_no_more_than_that() -> None:
    desk = Desk(SHOP)
    window = Appointment(later(seconds=30), "window", WEB)
    soak = Appointment(later(seconds=50), "soak", API)
    desk.look(NINE, Findings((window, soak)))
    assert desk.agenda.next_at(NINE) == later(seconds=30)
    due = desk.look(later(seconds=30))
    assert (due.why, due.applications) == ("window", WEB)
    assert desk.look(later(seconds=50)).applications == API
    assert desk.agenda.next_at(later(seconds=50)) == NINE + POLL


def test_an_appointment_that_a_look_no_longer_sees_is_dropped() -> None:
    desk = Desk(SHOP)
    desk.look(NINE, Findings((Appointment(later(minutes=1), "soak", WEB),)))
    desk.agenda.trigger(SHOP, Trigger("a push of shop/web", WEB), later(seconds=1))
    desk.look(later(seconds=1))
    assert desk.agenda.next_at(later(seconds=1)) == NINE + POLL


def test_a_look_at_one_application_leaves_the_appointments_of_the_others() -> None:
    desk = Desk(SHOP)
    desk.look(NINE, Findings((Appointment(later(minutes=1), "soak", API),)))
    desk.agenda.trigger(SHOP, Trigger("a push of shop/web", WEB), later(seconds=1))
    desk.look(later(seconds=1))
    assert desk.agenda.next_at(later(seconds=1)) == later(minutes=1)


def test_an_appointment_in_the_past_makes_no_hot_loop() -> None:
    desk = Desk(SHOP)
    desk.look(NINE, Findings((Appointment(NINE, "window", WEB),)))
    assert desk.agenda.next_at(NINE) == NINE + POLL


def test_a_registry_that_fails_is_asked_again_ever_more_slowly_and_only_for_who_needs_it() -> None:
    desk = Desk(SHOP)
    failed = Findings(failed={"ghcr.io": Failure("it is down", WEB)})
    desk.look(NINE, failed)
    now, waits = NINE, list[float]()
    while len(waits) < 4:
        at = desk.agenda.next_at(now)
        assert at is not None
        waits.append((at - now).total_seconds())
        now = at
        due = desk.look(now, failed)
        if len(waits) < 4:
            assert (due.why, due.applications) == ("ghcr.io again", WEB)
    # 10, 20 and 40 seconds; the next would be later than the poll.
    assert waits == [10, 20, 40, 50]
    assert due.why == "poll"


def test_one_answer_ends_the_back_off() -> None:
    desk = Desk(SHOP)
    failed = Findings(failed={"ghcr.io": Failure("it is down", WEB)})
    desk.look(NINE, failed)
    desk.look(later(seconds=10), failed)
    desk.look(later(seconds=30))
    assert desk.agenda.next_at(later(seconds=30)) == NINE + POLL
    desk.look(NINE + POLL, failed)
    assert desk.agenda.next_at(NINE + POLL) == NINE + POLL + timedelta(seconds=10)


def test_who_says_when_to_come_back_is_not_asked_sooner() -> None:
    desk = Desk(SHOP)
    retry_at = later(seconds=75)
    desk.look(NINE, Findings(failed={"docker.io": Failure("429", WEB, retry_at)}))
    assert desk.agenda.next_at(NINE) == retry_at


def test_a_narrow_look_that_fails_does_not_forget_who_else_waits() -> None:
    desk = Desk(SHOP)
    desk.look(NINE, Findings(failed={"ghcr.io": Failure("it is down", WEB | API)}))
    desk.agenda.trigger(SHOP, Trigger("a push of shop/web", WEB), later(seconds=1))
    desk.look(later(seconds=1), Findings(failed={"ghcr.io": Failure("it is down", WEB)}))
    assert desk.look(later(seconds=21)).applications == WEB | API


def test_a_repository_that_is_down_for_hours_is_polled_ever_more_rarely() -> None:
    desk = Desk(SHOP)
    silent = Findings(failed={SHOP: Failure("it is down")}, is_silent=True)
    now, looks = NINE, 0
    while now < later(hours=12):
        desk.look(now, silent)
        looks += 1
        at = desk.agenda.next_at(now)
        assert at is not None
        assert now < at <= now + LONGEST_RETRY
        now = at
    assert looks < 40
    desk.agenda.trigger(SHOP, Trigger("its forge"), now - timedelta(minutes=1))
    desk.look(now - timedelta(minutes=1))
    assert desk.agenda.next_at(now) == now - timedelta(minutes=1) + POLL


def test_no_more_looks_at_once_than_there_is_room_and_the_longest_due_first() -> None:
    desk = Desk(*"abcdef", parallel=2)
    first = desk.take(NINE)
    assert [each.subject for each in first] == ["a", "b"]
    assert desk.agenda.next_at(NINE) is None
    desk.end(first[0], later(seconds=1))
    assert desk.one(later(seconds=1)).subject == "c"


def test_those_that_stay_silent_never_take_all_the_room() -> None:
    """Each of their looks ends with a time-out of half a minute."""
    desk = Desk(*"abcdef", parallel=4)
    silent = Findings(failed={"git": Failure("it is down")}, is_silent=True)
    for _ in range(2):
        for due in desk.take(NINE):
            desk.end(due, NINE, silent if due.subject in "abcd" else None)
    at = later(minutes=5)
    assert [each.subject for each in desk.take(at)].count("e") == 1
    assert desk.agenda.running == 4  # two of the silent ones, and both of the others
    desk.agenda.trigger("e", Trigger("its forge"), at)
    assert desk.agenda.next_at(at) is None


def test_a_clock_that_is_set_back_puts_nothing_to_sleep() -> None:
    desk = Desk(SHOP)
    desk.agenda.keep({SHOP: POLL}, NINE)
    desk.look(NINE, Findings(failed={"ghcr.io": Failure("it is down", WEB)}))
    desk.agenda.trigger(SHOP, Trigger("its forge"), NINE)
    yesterday = NINE - timedelta(days=1)
    assert desk.look(yesterday).why == "its forge"
    at = desk.agenda.next_at(yesterday)
    assert at is not None
    assert at <= yesterday + POLL


def test_a_clock_that_is_set_forward_makes_one_look_and_not_many() -> None:
    desk = Desk(SHOP)
    desk.look(NINE)
    assert desk.look(later(days=3)).why == "poll"
    assert desk.take(later(days=3)) == []


def test_rules_that_go_take_their_subject_along_and_what_is_new_waits_for_its_last_look() -> None:
    """The new one may be another name for the same repository."""
    desk = Desk(SHOP)
    leaving = desk.one(NINE)
    desk.keep(NINE, BANK)
    assert desk.agenda.subjects == (BANK,)
    assert desk.take(NINE) == []
    assert desk.agenda.next_at(NINE) is None
    desk.end(leaving, later(seconds=1))
    assert desk.one(later(seconds=1)).subject == BANK
    assert desk.agenda.running == 1


def test_a_look_that_ends_after_its_subject_came_back_says_nothing_of_it() -> None:
    desk = Desk(SHOP)
    leaving = desk.one(NINE)
    desk.keep(NINE)
    desk.keep(NINE, SHOP)
    assert desk.take(NINE) == []
    desk.end(leaving, later(seconds=1), Findings((Appointment(later(seconds=5), "soak"),)))
    assert desk.look(later(seconds=1)).why == "poll"
    assert desk.agenda.next_at(later(seconds=1)) == later(seconds=1) + POLL


_TIMES = st.integers(min_value=-3600, max_value=7200)


@given(
    st.lists(st.tuples(_TIMES, st.sampled_from([SHOP, BANK]), st.sampled_from([None, WEB, API]))),
    st.integers(min_value=1, max_value=3),
)
def test_whatever_the_clock_does_every_trigger_is_served_by_a_look_that_begins_after_it(
    asked: list[tuple[int, str, frozenset[str] | None]], parallel: int
) -> None:
    desk = Desk(SHOP, BANK, parallel=parallel)
    now = NINE
    for seconds, subject, applications in asked:
        now = later(seconds=seconds)
        desk.agenda.trigger(subject, Trigger("somebody", applications), now)
    for _ in range(20):
        at = desk.agenda.next_at(now)
        if desk.agenda.asked == 0:
            break
        assert at is not None
        now = max(at, now)
        for due in desk.take(now):
            assert desk.agenda.running <= parallel
            desk.end(due, now)
    assert desk.agenda.asked == 0
    assert now <= later(seconds=7200) + POLL


@pytest.mark.parametrize("count", [3, 30])
def test_why_a_look_is_taken_is_told_in_few_words(count: int) -> None:
    triggers = tuple(Trigger(f"a push of shop/{number}") for number in range(count))
    told = Due(SHOP, triggers, NINE).why
    assert ("22 more" in told) == (count == 30)
    assert told.count("a push of") <= 8
