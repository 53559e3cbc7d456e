"""Figures of delivery over a time, from histories: how often, how fast, how well. The definitions
are in docs/history.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from promoter.decisions.history import Chronicle, Entry, History
from promoter.model.facts import DetailsOf, Facts, Known, Unknown
from promoter.model.image import ImageReference
from promoter.model.plan import Trouble
from promoter.model.release import Release

_WEEK = timedelta(days=7)
_FORWARD = ("promotion", "direct", "untold")


@dataclass(frozen=True)
class Durations:
    """`p90` by the nearest rank: nine of ten took no longer. None where nothing is known."""

    median: timedelta | None
    p90: timedelta | None
    known: int
    unknown: int = 0


@dataclass(frozen=True)
class Row:
    """The figures of an environment; of one application there, or of all (None)."""

    environment: str
    application: str | None
    deployments: int
    per_week: float
    lead: Durations
    failed: int
    restore: Durations

    @property
    def failure_rate(self) -> float | None:
        return self.failed / self.deployments if self.deployments else None


@dataclass(frozen=True)
class Report:
    """`rows` by environment, in the order of the rules: all applications first, then each."""

    since: datetime
    until: datetime
    rows: tuple[Row, ...]
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """A release that went forward into a target. `moved` are its images that did not run there
    right before; `restored_after`: a step back ended it, so long after its landing."""

    at: datetime
    moved: tuple[ImageReference, ...]
    restored_after: timedelta | None


def make_report(chronicle: Chronicle, since: datetime, now: datetime, facts: Facts) -> Report:
    """The figures of what landed from `since` on; what has a date after `now` has landed, too: a
    clock runs ahead. Raises NotAsked."""
    found: dict[str, dict[str, list[Deployment]]] = {}
    for history in chronicle.histories:
        landed = [each for each in deployments(history) if since <= each.at]
        there = found.setdefault(history.target.environment, {})
        there.setdefault(history.target.application, []).extend(landed)
    every = [each for there in found.values() for several in there.values() for each in several]
    questions = {question for each in every for question in _questions(each) if question}
    facts.prefetch(*questions)
    unknown = [answer for each in questions if isinstance(answer := facts.get(each), Unknown)]
    troubles = {Trouble("lead time", each.why, each.kind) for each in unknown}
    weeks = (now - since) / _WEEK
    rows: list[Row] = []
    for environment, there in found.items():
        together = [each for several in there.values() for each in several]
        rows.append(_row(environment, None, together, weeks, facts))
        rows += [_row(environment, name, there[name], weeks, facts) for name in sorted(there)]
    told = sorted(troubles, key=lambda each: each.why)
    return Report(since, now, tuple(rows), (*chronicle.troubles, *told))


def deployments(history: History) -> list[Deployment]:
    """Newest first. Steps back are none: each is the end of one. Nor is what ran first."""
    read = [each for each in history.entries if each.release is not None]
    found: list[Deployment] = []
    for index, entry in enumerate(read[:-1]):
        if entry.back or entry.kind not in _FORWARD:
            continue
        after = read[index - 1] if index else None
        is_ended = after is not None and (after.back or after.kind == "rollback")
        restored = after.since - entry.since if after and is_ended else None
        found.append(Deployment(entry.since, _moved(read[index + 1], entry), restored))
    return found


def _moved(before: Entry, entry: Entry) -> tuple[ImageReference, ...]:
    ran, release = before.release or Release(()), entry.release or Release(())
    return tuple(
        each
        for each in release.artifacts
        if (old := ran.get(each.name)) is None or not old.agrees(each)
    )


def _questions(deployment: Deployment) -> list[DetailsOf | None]:
    """None: no digest tells which image it was."""
    return [DetailsOf(e.name, e.digest) if e.digest else None for e in deployment.moved]


def _lead(deployment: Deployment, facts: Facts) -> timedelta | None:
    """From the creation of the newest image that moved to the landing; None where a registry does
    not tell, or tells of a time after the landing."""
    created: list[datetime] = []
    for question in _questions(deployment):
        answer = facts.get(question) if question else None
        details = answer.value if isinstance(answer, Known) else None
        if details is None or details.created is None:
            return None
        created.append(details.created)
    lead = deployment.at - max(created) if created else None
    return lead if lead is not None and lead >= timedelta(0) else None


def _row(
    environment: str,
    application: str | None,
    several: Sequence[Deployment],
    weeks: float,
    facts: Facts,
) -> Row:
    leads = [_lead(each, facts) for each in several]
    restored = [each.restored_after for each in several if each.restored_after is not None]
    return Row(
        environment,
        application,
        len(several),
        len(several) / weeks if weeks > 0 else 0.0,
        summarize([each for each in leads if each is not None], leads.count(None)),
        len(restored),
        summarize(restored),
    )


def summarize(durations: Sequence[timedelta], unknown: int = 0) -> Durations:
    """Median (the mean of the two in the middle of an even number) and p90."""
    if not durations:
        return Durations(None, None, 0, unknown)
    ordered = sorted(durations)
    middle = timedelta(seconds=median(each.total_seconds() for each in ordered))
    rank = math.ceil(len(ordered) * 9 / 10)
    return Durations(middle, ordered[rank - 1], len(ordered), unknown)
