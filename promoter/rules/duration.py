"""Durations as people write them: `90s`, `30m`, `24h`, `7d`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

from promoter.rules.wording import quote

_DURATION = re.compile(
    r"(?:(?P<days>[0-9]{1,9})d)?(?:(?P<hours>[0-9]{1,9})h)?"
    r"(?:(?P<minutes>[0-9]{1,9})m)?(?:(?P<seconds>[0-9]{1,9})s)?"
)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """Days, hours, minutes and seconds in this order, each at most once; ValueError otherwise.

    Nothing, zero and more than ten years are errors: each is a slip of the pen.
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        if _NUMBER.fullmatch(text):
            raise ValueError(
                f"{quote(text)} has no unit: write {text}s, {text}m, {text}h or {text}d"
            )
        raise ValueError(
            f"{quote(text)} is not a duration: write whole numbers with units, the largest first,"
            " such as 90s, 30m, 1h30m, 24h or 7d"
        )
    count = {unit: int(number) for unit, number in match.groupdict().items() if number}
    try:
        duration = timedelta(**count)
    except OverflowError:
        duration = timedelta.max
    if not duration:
        raise ValueError(f"{quote(text)} is no time at all: give a longer one, or leave it out")
    if duration > _LONGEST:
        raise ValueError(f"{quote(text)} is longer than ten years ({_LONGEST.days}d)")
    return duration
