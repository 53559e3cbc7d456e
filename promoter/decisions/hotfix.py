"""A hotfix goes past environments that stand before its own; these are filled up behind it.

Who skips an environment says why. What the skipped one would have told (how long it ran there, the
checks on its commit) is not asked for; everything else is. Once it is merged, each environment that
was skipped gets the release as well where that is not backwards there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promoter.decisions.candidates import Offers, among_offers, gone_back_from
from promoter.decisions.elsewhere import Elsewhere
from promoter.decisions.gates.gate import NO_SKIPS, Skips
from promoter.decisions.situation import Situation
from promoter.model.facts import Facts, MergeRequestsOf
from promoter.model.ledger import Wish
from promoter.model.ports import MergeRequest
from promoter.model.record import TRAILER_OF_SKIPS, Record
from promoter.model.release import Release
from promoter.model.rule import Rule


@dataclass(frozen=True)
class Filling:
    """A release that went past an environment, and what it need not pass here either."""

    release: Release
    skips: Skips


def ways_left(rule: Rule, environment: str, skips: Sequence[str]) -> tuple[str, ...]:
    """Where a release must have run that skips some environments: in what stands before them.
    Empty: it comes from the registry."""
    left: dict[str, None] = {}
    line = list(rule.environment(environment).after.environments)
    for name in line:  # grows while it is walked
        if name in skips:
            before = rule.environment(name).after.environments
            line.extend(each for each in before if each not in line)
        else:
            left[name] = None
    return tuple(left)


def skips_of(this: Situation, wish: Wish) -> Skips:
    if not wish.skips:
        return NO_SKIPS
    left = ways_left(this.rule, this.target.environment, wish.skips)
    return Skips(wish.skips, wish.by, wish.reason, ", ".join(left) or "registry")


def why_not_run(this: Situation, asked: Release, left: Sequence[str]) -> str:
    """Which of the environments that are left did not run it, as a sentence; empty: all did."""
    absent = [
        name
        for name in left
        if not any(p.release and p.release.holds(asked) for p in this.line.get(name, ()))
    ]
    if not absent:
        return ""
    more = " ".join(f"--skip {name}" for name in absent)
    names = " and ".join(absent)
    return f"{names} has not run {asked.label}; promote it there first, or skip it too: {more}"


def fill_up(this: Situation, offers: Offers, facts: Facts) -> tuple[Offers, tuple[Filling, ...]]:
    """The offers with what went past this environment, each once; and what skipped some others on
    its way here. Raises NotAsked, NotKnown."""
    found: list[Filling] = []
    for filling in _went_past(this, facts):
        if filling.release.names != this.reading.names:
            continue
        known = any(each.agrees(filling.release) for each in offers.releases)
        if known or any(each.release.agrees(filling.release) for each in found):
            continue  # it came the usual way
        offers = among_offers(offers, filling.release, this.artifacts, facts)
        found.append(filling)
    return offers, (*found, *_carried(this))


def _carried(this: Situation) -> Iterator[Filling]:
    """Releases that came to an environment before this one without having passed all others: what
    they skipped there can tell nothing of them here either."""
    scene = this.scene
    environments = {each.name for each in this.rule.environments}
    for name in this.line:
        there = scene.targets[this.target.application, name]
        requests = scene.base_of(name).requests_of(there)
        records = list(_skipping("", requests))
        if not records:
            continue
        elsewhere = Elsewhere.of(scene, this.target, name, this.artifacts)
        for record in records:
            # Who skips a gate skips it once.
            names = tuple(each for each in record.skips if each in environments)
            skips = Skips(names, record.requested_by, record.reason)
            yield Filling(elsewhere.here(record.release), skips)


def _went_past(this: Situation, facts: Facts) -> Iterator[Filling]:
    """What merged requests brought downstream without having passed here, the newest first; what
    was taken back there since is left out. Raises NotAsked, NotKnown."""
    scene, here = this.scene, this.target.environment
    opened = Record.parse(this.opened.body) if this.opened else None
    for name in this.rule.downstream(here):
        if opened is not None and opened.origin == name:
            # What is open came from there: where nobody tells of it now, it is not taken back.
            facts.need(MergeRequestsOf(scene.base_of(name).repository))
        there = scene.targets.get((this.target.application, name))
        if there is None or scene.is_silent(name):
            continue
        requests = scene.base_of(name).requests_of(there)
        records = list(_skipping(here, requests))
        if not records:
            continue
        elsewhere = Elsewhere.of(scene, this.target, name, this.artifacts)
        periods = elsewhere.read(facts)
        gone = gone_back_from(periods, this.artifacts, facts)
        for record in records:
            release = elsewhere.here(record.release)
            ran = any(each.release and each.release.agrees(release) for each in periods)
            if ran and not any(each.agrees(release) for each in gone):
                skips = Skips(record.skips, record.requested_by, record.reason, name)
                yield Filling(release, skips)


def _skipping(environment: str, requests: Sequence[MergeRequest]) -> Iterator[Record]:
    """Of the merged requests, newest first, those that skip an environment (empty: any)."""
    # Looked for as text first: nearly none has it, and there may be very many.
    trailer = f"{TRAILER_OF_SKIPS}: {environment}"
    merged = [each for each in requests if each.state == "merged" and trailer in each.body]
    for each in sorted(merged, key=lambda request: -request.number):
        record = Record.parse(each.body)
        if record is not None and (environment in record.skips if environment else record.skips):
            yield record


def whole_release(asked: Release, running: Release) -> Release:
    """What was asked for, with what runs in the place of what it does not name."""
    return Release.of(asked.get(each.name) or each for each in running.artifacts)
