"""How times and durations are spelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from promoter.model.spell import spell_duration, spell_time


@pytest.mark.parametrize(
    ("duration", "spelled"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=999), "0s"),
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=45), "45s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(minutes=30), "30m"),
        (timedelta(minutes=90, seconds=59), "1h 30m"),
        (timedelta(hours=23, minutes=59, seconds=59), "23h 59m"),
        (timedelta(hours=24), "1d"),
        (timedelta(days=2, hours=3, minutes=4), "2d 3h"),
        (timedelta(days=400, minutes=1), "400d"),
    ],
)
def test_at_most_two_neighbouring_units(duration: timedelta, spelled: str) -> None:
    assert spell_duration(duration) == spelled


def test_a_time_is_in_utc_to_the_second() -> None:
    there = timezone(timedelta(hours=8))
    moment = datetime(2026, 11, 20, 22, 30, 0, 999999, tzinfo=there)
    assert spell_time(moment) == "2026-11-20T14:30:00Z"
    assert spell_time(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"
