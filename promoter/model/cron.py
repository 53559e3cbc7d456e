"""Cron expressions in the local time of a zone, and moments that clocks show.

What a fixed time means on the days when clocks are changed is what Debian's cron makes of it: one
that is skipped happens when the gap is over, one that occurs twice happens the first time. Where
minute or hour begin with `*` it is every moment whose clock fits.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cronsim import CronSim

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_LONGEST = 200
# Twenty-eight years have every combination of leap years, dates and days of the week.
_SAMPLE = date(2000, 1, 1)
_SAMPLE_DAYS = 28 * 366


class NeverError(ValueError):
    """A cron expression that is well formed and names no day that there is."""


def check_cron(text: str) -> str:
    """The expression with single spaces; ValueError says which of its parts is wrong."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"it has {len(parts)} field{'' if len(parts) == 1 else 's'}, not five")
    normal = " ".join(parts)
    if len(normal) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST} characters")
    for index, name in enumerate(_FIELDS):
        alone = ["*"] * len(_FIELDS)
        alone[index] = parts[index]
        if _read(" ".join(alone)) is None:
            raise ValueError(f"its {name} '{parts[index]}' is not understood")
    cron = _read(normal)
    if cron is None or not _ever(cron):
        raise NeverError("no such day ever comes")
    return normal


def moment_of(local: datetime, zone: tzinfo) -> datetime:
    """When clocks in the zone show a (naive) local time, in UTC: the first time where they do so
    twice, the end of the gap where they skip it."""
    while True:
        at = local.replace(tzinfo=zone).astimezone(UTC)
        if at.astimezone(zone).replace(tzinfo=None) == local:
            return at
        local += _MINUTE


@dataclass(frozen=True)
class Cover:
    """An occurrence that covers a moment: it lasts from `start` until `end`; `run_end` is the
    end of those that follow it without a gap, as far as they begin on the same day."""

    start: datetime
    end: datetime
    run_end: datetime


@dataclass(frozen=True)
class _Day:
    """The occurrences of one local day: seconds from its beginning, sorted, and where the run that
    each belongs to ends."""

    base: datetime
    starts: tuple[int, ...]
    run_ends: tuple[int, ...]


class Recurring:
    """A cron expression that `check_cron` gave, whose occurrences last `duration` of real time."""

    def __init__(self, cron: str, duration: timedelta, zone: tzinfo) -> None:
        fields = _read(cron)
        if fields is None:
            raise ValueError(f"no cron expression: {cron}")
        self._fields = fields
        self._zone = zone
        self._duration = duration
        minute, hour, *_ = cron.split()
        self._follows_the_clock = minute.startswith("*") or hour.startswith("*")
        self._usual = [
            hour * 3600 + minute * 60
            for hour in sorted(fields.hours)
            for minute in sorted(fields.minutes)
        ]
        self._usual_day = self._join(self._usual)
        self._days: dict[date, _Day | None] = {}

    def covering(self, at: datetime) -> Cover | None:
        """The latest occurrence that covers a moment (in UTC)."""
        day = self._day_of(at)
        while True:
            found = self._at(day)
            if found is not None:
                seconds = (at - found.base).total_seconds()
                index = bisect_right(found.starts, seconds) - 1
                if index >= 0:
                    start = found.base + timedelta(seconds=found.starts[index])
                    end = start + self._duration
                    run_end = found.base + timedelta(seconds=found.run_ends[index])
                    return Cover(start, end, run_end) if at < end else None
            if self._midnight(day) + self._duration <= at:
                return None
            day -= _DAY

    def next_start(self, after: datetime, limit: datetime) -> datetime | None:
        """The first occurrence that begins later than a moment; None where none does until the
        limit."""
        day = self._day_of(after)
        last = limit.astimezone(self._zone).date() + _DAY
        while day <= last:
            found = self._at(day)
            if found is not None:
                seconds = (after - found.base).total_seconds()
                index = bisect_right(found.starts, seconds)
                if index < len(found.starts):
                    start = found.base + timedelta(seconds=found.starts[index])
                    return start if start <= limit else None
            day = self._skip(day + _DAY)
        return None

    def _day_of(self, at: datetime) -> date:
        """The day that a moment belongs to. Where clocks go back over midnight a bit of the day
        before comes after the first of the next, and belongs to that."""
        day = at.astimezone(self._zone).date()
        return day + _DAY if at >= self._midnight(day + _DAY) else day

    def _midnight(self, day: date) -> datetime:
        return moment_of(datetime.combine(day, time()), self._zone)

    def _skip(self, day: date) -> date:
        """That day, or the first of the next month that is named; a year ends the walk."""
        for _ in range(12):
            if day.month in self._fields.months:
                return day
            day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        return day

    def _at(self, day: date) -> _Day | None:
        if day not in self._days:
            self._days[day] = self._look_at(day)
        return self._days[day]

    def _look_at(self, day: date) -> _Day | None:
        fits = _fits(self._fields, day)
        if not fits and not self._follows_the_clock:
            return None
        base, end = self._midnight(day), self._midnight(day + _DAY)
        if end - base == _DAY and self._offset(day) == self._offset(day + _DAY):
            return _Day(base, *self._usual_day) if fits else None
        if self._follows_the_clock:
            starts = self._by_the_clock(base, end)
        else:
            moments = (
                moment_of(datetime.combine(day, time(*divmod(each // 60, 60))), self._zone)
                for each in self._usual
            )
            starts = list(dict.fromkeys(int((each - base).total_seconds()) for each in moments))
        return _Day(base, *self._join(starts)) if starts else None

    def _by_the_clock(self, base: datetime, end: datetime) -> list[int]:
        fields = self._fields
        starts: list[int] = []
        for minute in range(int((end - base) / _MINUTE)):
            local = (base + minute * _MINUTE).astimezone(self._zone)
            fits = local.minute in fields.minutes and local.hour in fields.hours
            if fits and _fits(fields, local.date()):
                starts.append(minute * 60)
        return starts

    def _offset(self, day: date) -> timedelta | None:
        return datetime.combine(day, time(), self._zone).utcoffset()

    def _join(self, starts: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """With the end of the run that each begins or goes on with."""
        lasts = int(self._duration.total_seconds())
        ends: list[int] = []
        for index in reversed(range(len(starts))):
            end = starts[index] + lasts
            goes_on = index + 1 < len(starts) and starts[index + 1] <= end
            ends.append(ends[-1] if goes_on else end)
        return tuple(starts), tuple(reversed(ends))


def _fits(fields: CronSim, day: date) -> bool:
    return day.month in fields.months and fields.match_day(day)


def _ever(fields: CronSim) -> bool:
    return any(_fits(fields, _SAMPLE + timedelta(days=each)) for each in range(_SAMPLE_DAYS))


@lru_cache(maxsize=256)
def _read(text: str) -> CronSim | None:
    """The parsed fields; None where they are wrong, or name a date that no month has."""
    from cronsim import CronSim, CronSimError  # here, as few rules need it

    try:
        return CronSim(text, datetime(2000, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError, AssertionError):
        return None
