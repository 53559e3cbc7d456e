"""What to look at, and when. Pure: the time is an argument, and nobody waits here.

A subject is what one look looks at: a manifest repository, or the rule files. It is looked at
again and again, at once where somebody asks, and at the times that its last look found out: a
window opens, a soak ends, a hold is over, a server that failed may be asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

FIRST_RETRY = timedelta(seconds=10)
LONGEST_RETRY = timedelta(minutes=30)
_LONGEST_PAUSE = timedelta(minutes=1)
_SPREAD = 0.1
_MOST_WORDS = 8
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Applications = frozenset[str]
"""What a look may be narrowed to; None stands for everything."""


@dataclass(frozen=True)
class Trigger:
    """Somebody says "look now", and why. `trace`: the traceparent (W3C) that the look goes on."""

    why: str
    applications: Applications | None = None
    trace: str | None = None


@dataclass(frozen=True)
class Appointment:
    """Something changes by itself at a known time."""

    at: datetime
    why: str
    applications: Applications | None = None


@dataclass(frozen=True)
class Failure:
    """A source that did not answer: `applications` wait for it, None: everything does. `retry_at`:
    when it asked to be asked again."""

    why: str
    applications: Applications | None = None
    retry_at: datetime | None = None

    def plus(self, other: Failure) -> Failure:
        """Both at one source: the later time counts, as who asks too early is locked out."""
        times = [each for each in (self.retry_at, other.retry_at) if each]
        waiting = _union(self.applications, other.applications)
        return Failure(self.why, waiting, max(times, default=None))


@dataclass(frozen=True)
class Findings:
    """What a look says of the next ones. `failed` goes by the source's name; `is_silent`: nothing
    at all could be looked at."""

    appointments: Sequence[Appointment] = ()
    failed: Mapping[str, Failure] = field(default_factory=dict)
    is_silent: bool = False


@dataclass(frozen=True)
class Due:
    """A look to take now, and every reason that it serves."""

    subject: str
    triggers: tuple[Trigger, ...]
    since: datetime
    """When the first of its reasons came up."""

    @property
    def applications(self) -> Applications | None:
        named = [each.applications for each in self.triggers if each.applications is not None]
        return frozenset().union(*named) if len(named) == len(self.triggers) else None

    @property
    def why(self) -> str:
        words = tuple(dict.fromkeys(each.why for each in self.triggers))
        more = f" and {len(words) - _MOST_WORDS} more" if len(words) > _MOST_WORDS else ""
        return f"{', '.join(words[:_MOST_WORDS])}{more}"


@dataclass(frozen=True)
class _Retry:
    count: int
    at: datetime
    applications: Applications | None


@dataclass
class _Entry:
    every: timedelta
    poll_at: datetime
    asked: dict[Trigger, datetime] = field(default_factory=dict)
    appointments: tuple[Appointment, ...] = ()
    retries: dict[str, _Retry] = field(default_factory=dict)
    running: Due | None = None
    free_at: datetime = _LONG_AGO
    """Who asks for everything waits until then: a flood of events takes half of the time at most.
    What is asked for by name is one look however many ask, and need not wait."""
    silent: bool = False
    new: bool = True
    """It was not looked at yet."""

    def reasons(self) -> list[tuple[datetime, Trigger]]:
        """All that is ahead, with its time."""
        ahead = [
            (max(at, self.free_at) if each.applications is None else at, each)
            for each, at in self.asked.items()
        ]
        ahead += [(self.poll_at, Trigger("poll"))]
        ahead += [(each.at, Trigger(each.why, each.applications)) for each in self.appointments]
        ahead += [
            (each.at, Trigger(f"{source} again", each.applications))
            for source, each in self.retries.items()
        ]
        return ahead

    def clamp(self, now: datetime) -> None:
        """A clock that was set back must not put the bot to sleep."""
        longest = self.every * (1 + _SPREAD)
        self.poll_at = min(
            self.poll_at, now + (LONGEST_RETRY + longest if self.silent else longest)
        )
        if self.free_at > now + _LONGEST_PAUSE:
            self.free_at = now
        self.asked = {each: min(at, now) for each, at in self.asked.items()}
        for source, each in self.retries.items():
            self.retries[source] = replace(each, at=min(each.at, now + LONGEST_RETRY + longest))


class Agenda:
    """The state of it. One look at a subject at a time; a trigger while it runs makes exactly one
    more. `spread` gives a number from -1 to 1, so that polls don't all come at once. Not
    thread-safe: the scheduler holds a lock."""

    def __init__(self, spread: Callable[[], float], parallel: int) -> None:
        self._spread = spread
        self._parallel = parallel
        self._entries: dict[str, _Entry] = {}
        self._leaving: list[Due] = []
        """Looks that go on at subjects that are gone. What is new may be another name for the same
        repositories, and waits for their end."""

    def keep(self, subjects: Mapping[str, timedelta], now: datetime) -> None:
        """From now on these subjects, each polled every so often: new ones are due at once, those
        that are gone are dropped."""
        for subject in self._entries.keys() - subjects.keys():
            gone = self._entries.pop(subject)
            self._leaving += [gone.running] if gone.running else []
        for subject, every in subjects.items():
            entry = self._entries.setdefault(subject, _Entry(every, now))
            entry.every = every

    @property
    def running(self) -> int:
        here = sum(each.running is not None for each in self._entries.values())
        return here + len(self._leaving)

    @property
    def asked(self) -> int:
        """How many triggers wait."""
        return sum(len(each.asked) for each in self._entries.values())

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def trigger(self, subject: str, why: Trigger, now: datetime) -> bool:
        """Ask for a look now; False: no such subject. The same trigger twice is one."""
        entry = self._entries.get(subject)
        if entry is None:
            return False
        # Of a thousand builds of one image each has a trace of its own, and one look serves all.
        same = next((e for e in entry.asked if (e.why, e.applications) == _key(why)), why)
        entry.asked.setdefault(same, now)
        return True

    def due(self, now: datetime) -> list[Due]:
        """What is to be looked at now, as far as there is room; it counts as running from here on.

        Those that stay silent take at most half of the room, so that the others go on.
        """
        found: list[Due] = []
        for subject, entry in self._entries.items():
            entry.clamp(now)
            reasons = [(at, why) for at, why in entry.reasons() if at <= now]
            if reasons and self._may_begin(entry):
                # Those who asked and were to wait are served by the same look.
                triggers = dict.fromkeys((*(why for _, why in reasons), *entry.asked))
                found.append(Due(subject, tuple(triggers), min(at for at, _ in reasons)))
        room = self._parallel - self.running
        of_silent = max(self._parallel // 2, 1) - sum(
            each.running is not None and each.silent for each in self._entries.values()
        )
        taken: list[Due] = []
        for due in sorted(found, key=lambda each: each.since):
            entry = self._entries[due.subject]
            if len(taken) == room or (entry.silent and of_silent <= 0):
                continue
            of_silent -= entry.silent
            entry.running, entry.new = due, False
            entry.asked = {}
            taken.append(due)
        return taken

    def done(self, due: Due, findings: Findings, began: datetime, now: datetime) -> None:
        """A look has ended; it began at `began`. Its subject may be gone by now, or be another of
        the same name."""
        self._leaving = [each for each in self._leaving if each is not due]
        entry = self._entries.get(due.subject)
        if entry is None or entry.running is not due:
            return
        entry.running = None
        entry.silent = findings.is_silent
        entry.free_at = now + min(max(now - began, timedelta()), _LONGEST_PAUSE)
        self._note_failures(entry, due, findings, now)
        seen = due.applications
        kept = [
            each
            for each in entry.appointments
            if each.at > now and not _covers(seen, each.applications)
        ]
        entry.appointments = (*kept, *(each for each in findings.appointments if each.at > now))
        if seen is None:
            slower = [each.at for each in entry.retries.values() if each.applications is None]
            poll_at = self._after(entry.every, now)
            # A repository that is down for hours is not asked at each poll.
            entry.poll_at = max((poll_at, *slower)) if findings.is_silent else poll_at

    def next_at(self, now: datetime) -> datetime | None:
        """When something is due; None where nothing is, or all that is waits for room."""
        if self.running >= self._parallel:
            return None
        times = [
            at
            for entry in self._entries.values()
            if self._may_begin(entry)
            for at, _ in entry.reasons()
            if at > now or not entry.silent
        ]
        return min(times, default=None)

    def _may_begin(self, entry: _Entry) -> bool:
        return entry.running is None and not (entry.new and self._leaving)

    def _note_failures(self, entry: _Entry, due: Due, findings: Findings, now: datetime) -> None:
        seen = due.applications
        before = entry.retries
        entry.retries = {
            source: each
            for source, each in before.items()
            if source not in findings.failed and not _covers(seen, each.applications)
        }
        for source, failure in findings.failed.items():
            count = before[source].count + 1 if source in before else 1
            wait = min(FIRST_RETRY * 2 ** min(count - 1, 20), LONGEST_RETRY)
            at = self._after(wait, now)
            if failure.retry_at is not None:
                at = max(at, min(failure.retry_at, now + LONGEST_RETRY))
            waiting = failure.applications
            if seen is not None and source in before:
                # A narrow look failed again; those beside it still wait, too.
                waiting = _union(waiting, before[source].applications)
            entry.retries[source] = _Retry(count, at, waiting)

    def _after(self, time: timedelta, now: datetime) -> datetime:
        return now + time * (1 + _SPREAD * self._spread())


def _key(trigger: Trigger) -> tuple[str, Applications | None]:
    return trigger.why, trigger.applications


def _covers(seen: Applications | None, applications: Applications | None) -> bool:
    """Whether a look at `seen` was one at `applications` as well."""
    return seen is None or (applications is not None and applications <= seen)


def _union(one: Applications | None, other: Applications | None) -> Applications | None:
    return None if one is None or other is None else one | other
