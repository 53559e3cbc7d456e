"""Calendar formats as calver.org spells them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.calendar import TOKENS, CalendarVersion, UnknownToken, parse_format

FROM_THE_LEFT = "versions are compared from the left, so write the larger unit first"


@pytest.mark.parametrize(
    ("text", "version", "numbers", "modifier"),
    [
        ("YYYY.MM.DD", "2026.3.1", (2026, 3, 1), ""),
        ("YYYY.MM.DD", "2026.03.01", (2026, 3, 1), ""),
        ("YYYY-0M-0D", "2024-02-29", (2024, 2, 29), ""),
        ("YYYY0M0D", "20260301", (2026, 3, 1), ""),
        ("YYYY0M0D-MICRO", "20260301-12", (2026, 3, 1, 12), ""),
        ("YYYY0M0D-MICRO", "20260301", (2026, 3, 1, 0), ""),
        ("YY.0M", "16.04", (16, 4), ""),
        ("YY.0M.MICRO", "16.04.7", (16, 4, 7), ""),
        ("0Y.0M", "06.10", (6, 10), ""),
        ("0Y0W", "0653", (6, 53), ""),
        ("0Y.0W", "106.01", (106, 1), ""),
        ("YYYY.WW", "2026.7", (2026, 7), ""),
        ("YY.MINOR.MICRO", "v23.1", (23, 1, 0), ""),
        ("YY.MINOR.MICROMODIFIER", "20.0b1", (20, 0, 0), "b1"),
        ("YY.MINOR.MICROMODIFIER", "20.0.1rc2", (20, 0, 1), "rc2"),
        ("MAJOR.0Y0M.MICRO", "7.2603.1", (7, 26, 3, 1), ""),
        ("YYYY_MM-MODIFIER", "2026_3-rc.1", (2026, 3), "rc.1"),
        ("YY.0M.MICRO.MODIFIER", "16.04.lts", (16, 4, 0), "lts"),
        ("YYYY", "2026", (2026,), ""),
    ],
)
def test_versions_in_the_wild(
    text: str, version: str, numbers: tuple[int, ...], modifier: str
) -> None:
    assert parse_format(text).read(version) == CalendarVersion(numbers, modifier)


@pytest.mark.parametrize(
    ("text", "version", "why"),
    [
        ("YYYY.0M", "2026.3", "does not have the form YYYY.0M"),
        ("YYYY.MM", "2026-3", "does not have the form YYYY.MM"),
        ("YYYY.MM", "26.3", "does not have the form YYYY.MM"),
        ("YYYY.MM", "2026.3.1", "does not have the form YYYY.MM"),
        ("YYYY.MINOR.MICRO", "2026", "does not have the form YYYY.MINOR.MICRO"),
        ("YYYY.MM", "2026.0", "names the month 0, and a year has 1 to 12"),
        ("YYYY.0W", "2026.54", "names the week 54, and a year has 1 to 53"),
        ("YYYY.MM.DD", "2026.2.29", "names the day 29 of month 2, which has 1 to 28"),
        ("YY.MM.DD", "24.2.30", "names the day 30 of month 2, which has 1 to 29"),
        ("YYYY.MM.DD", "2026.1.0", "names the day 0 of month 1, which has 1 to 31"),
        ("YYYY.MM.DD", "0000.2.1", "names the year 0"),
        ("0Y0M", "10601", "does not have the form 0Y0M"),
        ("YY.MICROMODIFIER", "20.12-x", "does not have the form YY.MICROMODIFIER"),
        ("YYYY.MM", "٢٠٢٦.٣", "does not have the form YYYY.MM"),
    ],
)
def test_what_is_no_such_version_says_why(text: str, version: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        parse_format(text).read(version)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no year (YYYY, YY or 0Y), so it orders by no calendar"),
        ("MAJOR.MINOR", "has no year (YYYY, YY or 0Y), so it orders by no calendar"),
        ("YYYY.YY", "YYYY and YY say the same: keep one"),
        ("YYYY.MM.0M", "MM and 0M say the same: keep one"),
        ("YYYY.MM.YYYY", "YYYY stands twice"),
        ("YYYY.WW.DD", "WW counts weeks of a year: leave out DD"),
        ("YYYY.0W.0M", "0W counts weeks of a year: leave out 0M"),
        ("YYYY.DD", "DD is a day of a month: give MM or 0M before it"),
        ("YYYY.MODIFIER.MM", "MODIFIER must stand last"),
        (
            "0D.0M.YYYY",
            f"0D stands before 0M: {FROM_THE_LEFT}",
        ),
        (
            "YYYY.MICRO.0M",
            (
                "MICRO stands before 0M: versions are compared from the left, so a date stands"
                " before what counts within it"
            ),
        ),
        (
            "YYYY.MICRO.MINOR",
            f"MICRO stands before MINOR: {FROM_THE_LEFT}",
        ),
        (
            "YYYYMMDD",
            "nothing tells where MM ends and DD begins: put a separator between them, or write 0M",
        ),
        (
            "YYYY.MINORMICRO",
            "nothing tells where MINOR ends and MICRO begins: put a separator between them",
        ),
        ("YYYY..MM", "two separators stand together: keep one"),
        (
            "YYYY.0M.",
            "begins or ends with a separator: use `tags` to cut what is around it",
        ),
    ],
)
def test_a_format_that_orders_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        parse_format(text)


@pytest.mark.parametrize("word", ["yyyy", "DDD", "YEAR", "v", "YYYYv", "é"])
def test_a_word_that_is_no_token_is_told(word: str) -> None:
    with pytest.raises(UnknownToken) as raised:
        parse_format(f"YYYY.{word}")
    assert raised.value.word == word


def test_versions_rise_with_time_and_a_modifier_stands_before_its_release() -> None:
    read = parse_format("YYYY.0M.MICRO-MODIFIER").read
    rising = ["2025.12.9", "2026.01-alpha", "2026.01-rc.9", "2026.01-rc.10", "2026.01", "2026.01.1"]
    for lower, higher in pairwise(rising):
        assert read(lower) < read(higher)
        assert not read(higher) < read(lower)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(0, 99))
def test_every_date_is_read_and_ordered_as_dates_are(day: date, micro: int) -> None:
    following = day + timedelta(days=1)
    for text, spell in (
        ("YYYY.MM.DD.MICRO", f"%Y.%m.%d.{micro}"),
        ("YYYY0M0D_MICRO", f"%Y%m%d_{micro}"),
        ("0Y0M0D", "%y%m%d"),
    ):
        read = parse_format(text).read
        assert read(day.strftime(spell)) < read(following.strftime(spell))


@given(st.lists(st.sampled_from([*TOKENS, ".", "-", "_", "x"]), max_size=6).map("".join))
def test_any_text_is_a_format_or_refused_with_a_reason(text: str) -> None:
    try:
        found = parse_format(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
        return
    assert found.has_modifier is text.endswith("MODIFIER")
    with pytest.raises(ValueError, match="does not have the form"):
        found.read("latest")
