from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.rules.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("1d1s", timedelta(days=1, seconds=1)),
    ],
)
def test_durations_as_people_write_them(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=3650)))
def test_what_is_written_out_is_read_back(duration: timedelta) -> None:
    duration = timedelta(seconds=int(duration.total_seconds()))
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    short = "".join(f"{count}{unit}" for count, unit in parts if count)
    long = "".join(f"{count}{unit}" for count, unit in parts)
    assert parse_duration(short) == parse_duration(long) == duration


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("30", "'30' has no unit: write 30s, 30m, 30h or 30d"),
        ("0h", "'0h' is no time at all: give a longer one, or leave it out"),
        ("999999999d23h", "'999999999d23h' is longer than ten years (3650d)"),
    ],
)
def test_slips_are_named(text: str, why: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is compared as a whole
        parse_duration(text)
    assert str(raised.value) == why


@given(st.text(alphabet="0123456789dhms. ٣-+"))
def test_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    if re.fullmatch("([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?", text) and text:
        return
    with pytest.raises(ValueError, match=r"has no unit|is not a duration"):
        parse_duration(text)
