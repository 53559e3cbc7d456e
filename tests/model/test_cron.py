"""Cron expressions in local time, held against the library that reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.cron import NeverError, Recurring, check_cron, moment_of

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"  # half an hour of daylight saving
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, "UTC", "Asia/Shanghai", "America/Havana", "Asia/Kathmandu")


def starts(cron: str, zone: str, after: str, count: int = 3) -> list[str]:
    """The next beginnings after a moment, as UTC."""
    at = datetime.fromisoformat(after).replace(tzinfo=UTC)
    recurring = Recurring(cron, timedelta(minutes=1), ZoneInfo(zone))
    found = []
    for _ in range(count):
        start = recurring.next_start(at, at + timedelta(days=400))
        assert start is not None
        found.append(start.strftime("%m-%d %H:%M"))
        at = start
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # Berlin skips 02:00-03:00 on 2026-03-29 and has it twice on 2026-10-25.
        ("30 2 * * *", BERLIN, "2026-03-28", "03-28 01:30, 03-29 01:00, 03-30 00:30"),
        ("0,30 2 * * *", BERLIN, "2026-03-29", "03-29 01:00, 03-30 00:00, 03-30 00:30"),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", "10-25 00:30, 10-26 01:30, 10-27 01:30"),
        ("0 9 * * *", BERLIN, "2026-03-28", "03-28 08:00, 03-29 07:00, 03-30 07:00"),
        ("*/30 2 * * *", BERLIN, "2026-03-29", "03-30 00:00, 03-30 00:30, 03-31 00:00"),
        ("30 * * * *", BERLIN, "2026-10-25T00:00", "10-25 00:30, 10-25 01:30, 10-25 02:30"),
        # New York skips 02:00-03:00 on 2026-03-08 and has 01:00-02:00 twice on 2026-11-01.
        ("30 2 * * *", NEW_YORK, "2026-03-07", "03-07 07:30, 03-08 07:00, 03-09 06:30"),
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00", "11-01 05:30, 11-02 06:30, 11-03 06:30"),
        ("0 9 * * sun", NEW_YORK, "2026-10-26", "11-01 14:00, 11-08 14:00, 11-15 14:00"),
        # Lord Howe goes from +10:30 to +11:00 on 2026-10-04 at 02:00, and back on 2026-04-05.
        ("15 2 * * *", LORD_HOWE, "2026-10-02T20:00", "10-03 15:30, 10-04 15:15, 10-05 15:15"),
        ("45 1 * * *", LORD_HOWE, "2026-04-04T10:00", "04-04 14:45, 04-05 15:15, 04-06 15:15"),
        # Havana skips midnight itself.
        ("0 0 * * *", "America/Havana", "2026-03-07", "03-07 05:00, 03-08 05:00, 03-09 04:00"),
    ],
)  # fmt: skip
def test_daylight_saving(cron: str, zone: str, after: str, expected: str) -> None:
    assert ", ".join(starts(cron, zone, after)) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has 0 fields, not five"),
        ("9", "it has 1 field, not five"),
        ("0 0 9 * * mon", "it has 6 fields, not five"),
        ("@daily", "it has 1 field, not five"),
        ("60 * * * *", "its minute '60' is not understood"),
        ("* 24 * * *", "its hour '24' is not understood"),
        ("* * 0 * *", "its day of the month '0' is not understood"),
        ("* * * foo *", "its month 'foo' is not understood"),
        ("* * * * fri-mon", "its day of the week 'fri-mon' is not understood"),
        ("*/0 * * * *", "its minute '*/0' is not understood"),
    ],
)
def test_what_is_wrong_with_one_is_told_by_field(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=rf"\A{re.escape(why)}\Z") as caught:
        check_cron(text)
    assert not isinstance(caught.value, NeverError)


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30 2 */7", "0 0 31 4,6,9,11 *"])
def test_one_that_never_occurs_is_refused(text: str) -> None:
    with pytest.raises(NeverError):
        check_cron(text)


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 * 2 mon#5", "0 0 29 2 */7", "0 0 L * *"])
def test_one_that_seldom_occurs_is_not(text: str) -> None:
    assert check_cron(text) == text


def test_spaces_are_one() -> None:
    assert check_cron("  0  9\t* * mon ") == "0 9 * * mon"


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(sorted)
    return st.one_of(
        st.just("*"),
        number.map(str),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.lists(number, min_size=2, max_size=3).map(lambda each: ",".join(map(str, each))),
        st.integers(1, 30).map(lambda step: f"*/{step}"),
    )


CRONS = st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 6)).map(
    " ".join
)
# Hypothesis takes the ends as local times.
FIRST, LAST = (datetime(year, 1, 1) for year in (2024, 2028))  # noqa: DTZ001
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def _readable(text: str) -> bool:
    try:
        return bool(check_cron(text))
    except ValueError:
        return False


@given(CRONS.filter(_readable), st.sampled_from(ZONES), MOMENTS)
def test_beginnings_are_those_of_the_library(cron: str, zone: str, after: datetime) -> None:
    """It iterates minute by minute, this looks at days; what both say is the next beginnings."""
    recurring = Recurring(cron, timedelta(minutes=1), ZoneInfo(zone))
    limit = after + timedelta(days=366 * 9)
    ours, at = [], after
    for _ in range(4):
        start = recurring.next_start(at, limit)
        if start is None:
            break
        ours.append(start)
        at = start
    # Where it goes on in local time from within a gap or an hour that comes twice, it may be late
    # or early by that hour: it begins a day before, and what is past is passed over.
    theirs: list[datetime] = []
    early = (after - timedelta(days=2)).astimezone(ZoneInfo(zone))
    for each in CronSim(cron, early):
        found = each.astimezone(UTC)
        if found > limit or len(theirs) == len(ours):
            break
        if found > after and found not in theirs:
            theirs.append(found)
    assert ours == theirs


@given(CRONS.filter(_readable), st.sampled_from(ZONES), MOMENTS, st.integers(1, 5000))
def test_what_covers_a_moment_is_the_latest_that_began(
    cron: str, zone: str, at: datetime, minutes: int
) -> None:
    recurring = Recurring(cron, timedelta(minutes=minutes), ZoneInfo(zone))
    cover = recurring.covering(at)
    after = at - timedelta(minutes=minutes)
    first = recurring.next_start(after, at)
    if cover is None:
        assert first is None, "one that began less than its length ago covers it"
        return
    assert first is not None
    assert cover.start <= at < cover.end == cover.start + timedelta(minutes=minutes)
    assert cover.run_end >= cover.end
    following = recurring.next_start(cover.start, at)
    assert following is None, "a later one has begun, too"


@given(st.datetimes(FIRST, LAST), st.sampled_from(ZONES))
def test_a_local_time_is_a_moment_whose_clock_shows_it_or_the_end_of_a_gap(
    local: datetime, zone: str
) -> None:
    local = local.replace(second=0, microsecond=0)
    at = moment_of(local, ZoneInfo(zone))
    shown = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown >= local
    before = (at - timedelta(minutes=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown == local or before < local, "the gap ends there"
