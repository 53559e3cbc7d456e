"""Windows of time: open or closed, since when, until when."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.window import (
    HORIZON,
    Entry,
    Look,
    Window,
    find_zone,
    is_open,
    look_at,
    read_dates,
)
from tests.model.test_cron import CRONS, MOMENTS, ZONES, _readable

BERLIN = "Europe/Berlin"


def cron(when: str, hours: float, zone: str = "UTC") -> Entry:
    return Entry(when, timedelta(hours=hours), zone)


def dates(when: str, zone: str = "UTC") -> Entry:
    return Entry(when, None, zone)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes(window: Window, at: str) -> tuple[bool, str]:
    look = look_at(window, utc(at))
    return look.is_open, look.changes_at.strftime("%Y-%m-%d %H:%M") if look.changes_at else "never"


WEEKDAYS = cron("0 9 * * mon-thu", 8, "Asia/Shanghai")


@pytest.mark.parametrize(
    ("allow", "deny", "now", "expected"),
    [
        # office hours, and the edges of them: the first moment is in, the last is out
        ([WEEKDAYS], [], "2026-11-30T00:59:59", (False, "2026-11-30 01:00")),
        ([WEEKDAYS], [], "2026-11-30T01:00", (True, "2026-11-30 09:00")),
        ([WEEKDAYS], [], "2026-11-30T08:59:59.9", (True, "2026-11-30 09:00")),
        ([WEEKDAYS], [], "2026-11-30T09:00", (False, "2026-12-01 01:00")),
        ([WEEKDAYS], [], "2026-12-03T09:00", (False, "2026-12-07 01:00")),
        # deny wins, also where it begins later; a freeze that overlaps the next opening moves it
        ([WEEKDAYS], [dates("2026-12-01", "Asia/Shanghai")], "2026-11-30T09:00",
         (False, "2026-12-02 01:00")),
        ([WEEKDAYS], [dates("2026-11-30T12:00/2026-11-30T13:00", "Asia/Shanghai")],
         "2026-11-30T01:00", (True, "2026-11-30 04:00")),
        ([WEEKDAYS], [dates("2026-11-30T12:00/2026-11-30T13:00", "Asia/Shanghai")],
         "2026-11-30T04:00", (False, "2026-11-30 05:00")),
        # overlapping denies: the end of one lies in the other
        ([], [dates("2026-12-20/2026-12-27"), dates("2026-12-24/2027-01-03"),
              cron("0 0 4 1 *", 6)], "2026-12-21", (False, "2027-01-04 06:00")),
        # no allow: open unless denied
        ([], [dates("2026-12-24")], "2026-12-23", (True, "2026-12-24 00:00")),
        ([], [dates("2026-12-24")], "2026-12-25", (True, "never")),
        # several allows: any of them, and one that follows at once is one opening
        ([cron("0 9 * * *", 3), cron("0 12 * * *", 2)], [], "2026-12-01T10:00",
         (True, "2026-12-01 14:00")),
        ([cron("0 9 * * *", 3), cron("0 11 * * *", 0.5)], [], "2026-12-01T11:10",
         (True, "2026-12-01 12:00")),
        # longer than what it repeats by
        ([cron("* * * * *", 2)], [], "2026-12-01T10:30", (True, "never")),
        ([cron("* 9 * * *", 2)], [], "2026-12-01T10:30", (True, "2026-12-01 11:59")),
        # both days of a range are in
        ([dates("2026-12-20/2027-01-03", BERLIN)], [], "2026-12-19T23:00",
         (True, "2027-01-03 23:00")),
        ([dates("2026-12-20/2027-01-03", BERLIN)], [], "2027-01-03T23:00", (False, "never")),
        ([dates("2026-12-20", BERLIN)], [], "2026-12-20T22:59", (True, "2026-12-20 23:00")),
        # real time: a night shift over the change of clocks lasts eight hours all the same
        ([cron("0 22 * * sat", 8, BERLIN)], [], "2026-03-28T21:00", (True, "2026-03-29 05:00")),
        ([cron("0 22 * * sat", 8, BERLIN)], [], "2026-10-24T20:00", (True, "2026-10-25 04:00")),
        # and a day is all of that day, of 23 hours
        ([dates("2026-03-29", BERLIN)], [], "2026-03-28T23:00", (True, "2026-03-29 22:00")),
        # never again: everything is denied, or the dates are past
        ([WEEKDAYS], [cron("* * * * *", 1)], "2026-12-01", (False, "never")),
        ([dates("2025-01-01")], [], "2026-12-01", (False, "never")),
        # far ahead, but known
        ([cron("0 0 29 2 *", 1)], [], "2026-12-01", (False, "2028-02-29 00:00")),
    ],
)  # fmt: skip
def test_when_it_opens_and_closes(
    allow: list[Entry], deny: list[Entry], now: str, expected: tuple[bool, str]
) -> None:
    assert changes(Window(tuple(allow), tuple(deny)), now) == expected


def test_what_opens_beyond_the_horizon_does_not_open() -> None:
    window, now = Window((dates("2040-01-01"),)), utc("2026-12-01")
    look = look_at(window, now)
    assert (look.is_open, look.changes_at, look.looked_until) == (False, None, now + HORIZON)


def test_entries_that_take_turns_are_given_up_at_some_time() -> None:
    """Minute by minute: nothing to be of use, and nothing to look at for five years."""
    allow, deny = cron("*/2 * * * *", 1 / 60), cron("*/2 * * * *", 1 / 60)
    now = utc("2026-12-01")
    look = look_at(Window((allow,), (deny,)), now)
    assert not look.is_open
    assert look.changes_at is None
    assert now + timedelta(days=5) < look.looked_until < now + timedelta(days=30)


def test_it_tells_which_entry_and_which_occurrence() -> None:
    short, long = cron("0 9 * * *", 3), cron("0 8 * * *", 9)
    freeze = dates("2026-12-24/2026-12-26")
    look = look_at(Window((short, long), (freeze,)), utc("2026-12-01T10:00"))
    assert look.entry == long, "the one that holds on longest"
    assert look.cover is not None
    assert (look.cover.start, look.cover.end) == (utc("2026-12-01T08:00"), utc("2026-12-01T17:00"))
    look = look_at(Window((short, long), (freeze,)), utc("2026-12-25T10:00"))
    assert look.entry == freeze
    look = look_at(Window((short, long), (freeze,)), utc("2026-12-27T03:00"))
    assert (look.entry, look.cover) == (None, None)


def test_how_it_is_spelled() -> None:
    assert str(Window((WEEKDAYS,))) == "allow 0 9 * * mon-thu for 8h (Asia/Shanghai)"
    many = tuple(dates(f"2026-12-0{day}", "Asia/Shanghai") for day in range(1, 6))
    assert str(Window((WEEKDAYS,), many)) == (
        "allow 0 9 * * mon-thu for 8h, deny 2026-12-01; 2026-12-02; 2026-12-03 and 2 more"
        " (Asia/Shanghai)"
    )
    mixed = Window((cron("0 9 * * *", 8), cron("0 9 * * *", 8, BERLIN)))
    assert str(mixed) == "allow 0 9 * * * for 8h (UTC); 0 9 * * * for 8h (Europe/Berlin)"


@pytest.mark.parametrize(
    "name", ["", "Berlin", "localtime", "../etc/passwd", "/etc/localtime", "x\0"]
)
def test_a_zone_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone is named"):
        find_zone(name)


@given(st.text("0123456789-/T:Z ", max_size=35))
def test_dates_are_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        first, end = read_dates(text)
        assert first < end


DATES = st.tuples(MOMENTS, st.integers(1, 40)).map(
    lambda pair: f"{pair[0]:%Y-%m-%d}/{pair[0] + timedelta(days=pair[1]):%Y-%m-%dT06:30}"
)
ENTRIES = st.one_of(
    st.tuples(CRONS.filter(_readable), st.integers(1, 4000), st.sampled_from(ZONES)).map(
        lambda each: Entry(each[0], timedelta(minutes=each[1]), each[2])
    ),
    st.tuples(DATES, st.sampled_from(ZONES)).map(lambda each: Entry(each[0], None, each[1])),
)
SOME = st.lists(ENTRIES, max_size=3).map(tuple)
WINDOWS = st.builds(Window, SOME, SOME).filter(lambda window: window.allow or window.deny)


@given(WINDOWS, MOMENTS)
def test_the_next_change_is_one_and_nothing_changes_before_it(
    window: Window, now: datetime
) -> None:
    look: Look = look_at(window, now)
    until = look.changes_at or min(look.looked_until, now + timedelta(days=90))
    samples = [now + (until - now) * each / 20 for each in range(20)]
    assert [is_open(window, each) for each in samples] == [look.is_open] * 20
    if look.changes_at is not None:
        assert now < look.changes_at
        assert is_open(window, look.changes_at) is not look.is_open
        assert is_open(window, look.changes_at - timedelta(microseconds=1)) is look.is_open


@given(WINDOWS, ENTRIES, MOMENTS)
def test_deny_wins(window: Window, more: Entry, now: datetime) -> None:
    denied = not is_open(Window((), (more,)), now)
    with_deny = Window(window.allow, (*window.deny, more))
    assert is_open(with_deny, now) is (is_open(window, now) and not denied)


@given(WINDOWS, MOMENTS)
def test_the_order_of_entries_does_not_matter(window: Window, now: datetime) -> None:
    turned = Window(window.allow[::-1], window.deny[::-1])
    assert look_at(turned, now) == look_at(window, now)


@given(WINDOWS, MOMENTS)
def test_openings_follow_each_other(window: Window, now: datetime) -> None:
    at, states = now, [is_open(window, now)]
    for _ in range(6):
        change = look_at(window, at).changes_at
        if change is None:
            break
        at = change
        states.append(is_open(window, at))
    assert all(one is not other for one, other in pairwise(states))
