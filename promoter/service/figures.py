"""The figures of a shard after a look, as `promoter.telemetry.metrics` lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from promoter import telemetry
from promoter.decisions.scene import Names, names_of
from promoter.model.outcome import Effect
from promoter.model.plan import Decision

_LAST_GOOD = "promoter_last_good_look_timestamp_seconds"
_STANDING = ("promoter_targets", "promoter_waiting_targets", "promoter_waiting_oldest_seconds")

_Wait = tuple[Names, str, str]
"""A target, the gate that keeps it, and the release that it is kept from."""


@dataclass
class Waiting:
    """Since when this process sees each target wait. A new process begins anew: it is a figure,
    and no decision depends on it."""

    since: dict[_Wait, datetime] = field(default_factory=dict)

    def take(self, waits: Iterable[_Wait], now: datetime) -> None:
        self.since = {each: min(self.since.get(each, now), now) for each in waits}


def begin_figures(repository: str) -> None:
    """There was no good look yet: an alert for silence holds for this, too."""
    telemetry.gauge(_LAST_GOOD, 0, repository=repository)


def end_figures(repository: str) -> None:
    """Nobody looks there any more, and nobody is to be alarmed."""
    for each in (_LAST_GOOD, *_STANDING):
        telemetry.gauges(each, {}, repository=repository)


def record_good_look(repository: str, now: datetime) -> None:
    telemetry.gauge(_LAST_GOOD, now.timestamp(), repository=repository)


def record_effects(repository: str, effects: Iterable[Effect]) -> None:
    for each in effects:
        telemetry.count(
            "promoter_promotions_total",
            repository=repository,
            environment=each.environment,
            deed=each.deed,
        )


def record_standing(
    repository: str, decisions: Iterable[Decision], waiting: Waiting, now: datetime
) -> None:
    states: Counter[tuple[str, ...]] = Counter()
    waits: list[_Wait] = []
    for each in decisions:
        states[each.target.environment, each.state.value] += 1
        # A gate's name without its options: what it wants is the rule's, and not a label's.
        kept_by = next((v.gate.partition(":")[0] for v in each.verdicts if not v.passes), None)
        if kept_by and each.offered:
            waits.append((names_of(each.target), kept_by, each.offered.id))
    waiting.take(waits, now)
    counts: Counter[tuple[str, ...]] = Counter()
    oldest: dict[tuple[str, ...], float] = {}
    for ((_, environment), gate, _), since in waiting.since.items():
        counts[environment, gate] += 1
        age = (now - since).total_seconds()
        oldest[environment, gate] = max(age, oldest.get((environment, gate), 0.0))
    every: tuple[Mapping[tuple[str, ...], float], ...] = (states, counts, oldest)
    for name, rows in zip(_STANDING, every, strict=True):
        telemetry.gauges(name, rows, repository=repository)
