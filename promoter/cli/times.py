"""Times of the command line."""

from __future__ import annotations

from datetime import datetime

from promoter.errors import InputError
from promoter.rules.duration import parse_duration
from promoter.rules.holds import parse_until


def read_time_ahead(flag: str, text: str, now: datetime) -> datetime:
    """A duration from now, a time, or a date (to its end). Raises InputError for what is no time,
    and for one that is over."""
    try:
        at = now.replace(microsecond=0) + parse_duration(text)
    except ValueError:
        try:
            at = parse_until(text)
        except ValueError as error:
            raise InputError(f"{flag}: {error}, or a duration such as 6h or 7d") from None
    if at <= now:
        raise InputError(f"{flag}: {text} is over: give a later time")
    return at
