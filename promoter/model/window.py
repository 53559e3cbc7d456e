"""Windows of time: when something may happen, by cron expressions and dates in local time.

A window is open where one of its allow entries is (or it has none) and none of its deny entries is.
Every occurrence holds its first moment and not its last. Pure but for the zones, which are data of
the installation; `now` is in any zone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from promoter.model.cron import Cover, Recurring, moment_of
from promoter.model.spell import spell_duration

HORIZON = timedelta(days=5 * 366)
"""How far ahead the next opening is looked for."""
_CLOSING_HORIZON = timedelta(days=366)
_MOST_STEPS = 10_000
"""Beginnings and ends that are looked at before it is given up: entries that take turns minute by
minute would keep it busy for long."""
_MOST_SHOWN = 3
NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})
"""What these are depends on the host."""
_DAY = timedelta(days=1)
_DATES = re.compile(r"(?P<first>[0-9]{4}-[0-9]{2}-[0-9]{2}[^/]*)(?:/(?P<last>.*))?", re.DOTALL)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")


def is_dates(text: str) -> bool:
    """Whether an entry is meant as a date or a range, and not as a cron expression."""
    return _DATES.fullmatch(text) is not None


def find_zone(name: str) -> tzinfo:
    """A zone by its IANA name; ValueError where there is none."""
    if name not in NO_ZONES:
        with suppress(ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            return ZoneInfo(name)
    raise ValueError(f"no time zone is named '{name}'")


def read_dates(text: str) -> tuple[datetime, datetime]:
    """The (naive) local times at which a date, or a range of dates or times, begins and ends.

    A date means all of that day, at both ends of a range. ValueError says what is wrong.
    """
    match = _DATES.fullmatch(text)
    if match is None:
        raise ValueError("it is no date")
    first, _ = _read_moment(match["first"])
    last, is_day = _read_moment(match["first"] if match["last"] is None else match["last"])
    if last < first:
        raise ValueError("it ends before it begins")
    end = last + _DAY if is_day else last
    if match["last"] is None and not is_day:
        raise ValueError("a time needs an end: write BEGIN/END")
    if end == first:
        raise ValueError("it ends as it begins")
    return first, end


def _read_moment(text: str) -> tuple[datetime, bool]:
    """A local time, and whether it is a whole day."""
    if not _MOMENT.fullmatch(text):
        raise ValueError(
            f"'{text}' is no local date or time: write 2026-12-24 or 2026-12-24T18:00,"
            " and the zone under `timezone`"
        )
    try:
        if "T" in text:
            return datetime.fromisoformat(text), False
        return datetime.combine(date.fromisoformat(text), time()), True
    except ValueError:
        raise ValueError(f"there is no {text}") from None


@dataclass(frozen=True)
class Entry:
    """`when` is a cron expression (`model.cron.check_cron`) and lasts `duration`, or dates
    (`read_dates`) without one; both in the local time of `timezone`."""

    when: str
    duration: timedelta | None
    timezone: str

    def __str__(self) -> str:
        return f"{self.when} for {spell_duration(self.duration)}" if self.duration else self.when

    @property
    def in_zone(self) -> str:
        return f"{self} ({self.timezone})"


@dataclass(frozen=True)
class Window:
    """At least one entry, all of them right."""

    allow: tuple[Entry, ...] = ()
    deny: tuple[Entry, ...] = ()

    def __str__(self) -> str:
        zones = {each.timezone for each in (*self.allow, *self.deny)}
        parts = [
            f"{word} {_listed(entries, in_zone=len(zones) > 1)}"
            for word, entries in (("allow", self.allow), ("deny", self.deny))
            if entries
        ]
        return f"{', '.join(parts)}{f' ({zones.pop()})' if len(zones) == 1 else ''}"


@dataclass(frozen=True)
class Look:
    """How a window stands at a moment.

    `entry` is what keeps it open or closed: the allow or the deny entry that holds on longest, None
    where no entry covers the moment. `cover` is its occurrence. `changes_at` is when the window
    closes or opens next, exactly; None: not until `looked_until`.
    """

    is_open: bool
    entry: Entry | None
    cover: Cover | None
    changes_at: datetime | None
    looked_until: datetime


def is_open(window: Window, at: datetime) -> bool:
    at = at.astimezone(UTC)
    if any(_timeline(each).covering(at) for each in window.deny):
        return False
    return not window.allow or any(_timeline(each).covering(at) for each in window.allow)


def look_at(window: Window, now: datetime) -> Look:
    """What a window is now, and when that ends. Many applications share one: it is remembered."""
    return _look_at(window, now.astimezone(UTC))


@lru_cache(maxsize=256)
def _look_at(window: Window, now: datetime) -> Look:
    denied = _longest(window.deny, now)
    allowed = _longest(window.allow, now)
    if denied is None and (allowed is not None or not window.allow):
        entry, cover = allowed or (None, None)
        walk = _Walk(window, now, _CLOSING_HORIZON)
        return Look(True, entry, cover, walk.closing(), walk.looked_until)
    entry, cover = denied or (None, None)
    walk = _Walk(window, now, HORIZON)
    return Look(False, entry, cover, walk.opening(), walk.looked_until)


class _Walk:
    """From change to change, until the horizon; `looked_until` is how far it came."""

    def __init__(self, window: Window, now: datetime, horizon: timedelta) -> None:
        self._window = window
        self._now = now
        self._limit = now + horizon
        self.looked_until = self._limit

    def opening(self) -> datetime | None:
        """The first moment from now on at which it is open."""
        at: datetime | None = self._now
        for _ in range(_MOST_STEPS):
            if at is None or at > self._limit:
                self.looked_until = self._limit
                return None
            self.looked_until = at
            if denied := _longest(self._window.deny, at):
                at = denied[1].run_end
            elif not self._window.allow or _longest(self._window.allow, at):
                return at
            else:
                at = self._next(self._window.allow, at)
        return None

    def closing(self) -> datetime | None:
        """The first moment from now on at which it is closed; it is open now."""
        at = self._now
        denied = self._next(self._window.deny, at)
        for _ in range(_MOST_STEPS):
            allowed = _longest(self._window.allow, at)
            if denied is not None and denied <= at:
                break
            if at > self._limit or not self._window.allow:
                self.looked_until = self._limit
                return denied
            self.looked_until = at
            if allowed is None:
                return at
            at = allowed[1].run_end
        return denied if denied is not None and denied <= at else None

    def _next(self, entries: Sequence[Entry], after: datetime) -> datetime | None:
        starts = (_timeline(each).next_start(after, self._limit) for each in entries)
        return min((each for each in starts if each is not None), default=None)


class _Timeline(Protocol):
    def covering(self, at: datetime) -> Cover | None: ...

    def next_start(self, after: datetime, limit: datetime) -> datetime | None: ...


@dataclass(frozen=True)
class _Once:
    cover: Cover

    def covering(self, at: datetime) -> Cover | None:
        return self.cover if self.cover.start <= at < self.cover.end else None

    def next_start(self, after: datetime, limit: datetime) -> datetime | None:
        return self.cover.start if after < self.cover.start <= limit else None


def _longest(entries: Sequence[Entry], at: datetime) -> tuple[Entry, Cover] | None:
    """The entry that covers a moment and holds on longest, whatever their order."""
    found = [(each, cover) for each in entries if (cover := _timeline(each).covering(at))]
    return max(found, key=lambda pair: (pair[1].run_end, pair[0].in_zone), default=None)


@lru_cache(maxsize=256)
def _timeline(entry: Entry) -> _Timeline:
    zone = find_zone(entry.timezone)
    if entry.duration is not None:
        return Recurring(entry.when, entry.duration, zone)
    start, end = (moment_of(each, zone) for each in read_dates(entry.when))
    return _Once(Cover(start, end, end))


def _listed(entries: Sequence[Entry], *, in_zone: bool) -> str:
    texts = [each.in_zone if in_zone else str(each) for each in entries]
    shown, more = texts[:_MOST_SHOWN], len(texts) - _MOST_SHOWN
    return "; ".join(shown) + (f" and {more} more" if more > 0 else "")
