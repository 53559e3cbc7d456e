"""How each release came to a target: from what ran there, the merge requests of its branch and what
the ledger keeps of journeys. Pure; it is told, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from promoter.decisions.candidates import ArtifactsByName
from promoter.decisions.elsewhere import as_merged
from promoter.decisions.scene import Scene, look_at_bases, set_scene
from promoter.decisions.standing import Standing, compare_releases
from promoter.model.facts import (
    Facts,
    JourneysOf,
    Known,
    MergeRequestsOf,
    NotKnown,
    Period,
    PeriodsOf,
    Unknown,
    ask_together,
)
from promoter.model.ledger import Journey
from promoter.model.plan import Trouble
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rule import RepositoryAddress, Rule
from promoter.model.target import Target

Kind = Literal["first", "promotion", "rollback", "revert", "direct", "untold", "unread"]
"""What a landing was. `first`: the oldest that is known; `promotion` and `rollback` are the bot's,
`revert` (it went back) and `direct` a person's commit; `untold`: the merge requests are not known;
`unread`: the manifests were absent, mixed or not readable."""

_TELLING = (Standing.SAME, Standing.LATER, Standing.BACKWARDS)
_NEAR = timedelta(days=1)
"""Between the end of a merge request and the landing that it made: clocks differ."""


@dataclass(frozen=True)
class Opened:
    """A gate was first seen to pass, so long after the release was first offered."""

    gate: str
    at: datetime
    after: timedelta


@dataclass(frozen=True)
class Entry:
    """A release ran from `since` until `until` (None: it still does).

    `back`: what ran before it was later. `origin` is an environment or `registry`; None for a
    person's commit, and for what nobody tells. `by` merged it, or wrote the commit. `rolls_back`,
    `skips` and `reason` are what its record says.
    """

    release: Release | None
    since: datetime
    until: datetime | None
    commit: str
    kind: Kind
    back: bool = False
    origin: str | None = None
    number: int | None = None
    url: str = ""
    by: str | None = None
    requested_by: str = ""
    offered_at: datetime | None = None
    gates: tuple[Opened, ...] = ()
    rolls_back: str = ""
    skips: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class History:
    """Newest first."""

    rule: str
    repository: RepositoryAddress
    target: Target
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Chronicle:
    """The histories that were asked for; `targets` are all that the rules have."""

    histories: tuple[History, ...]
    targets: tuple[Target, ...]
    troubles: tuple[Trouble, ...] = ()


def read_chronicle(
    rules: Sequence[Rule], is_wanted: Callable[[Target], bool], bot: str, facts: Facts
) -> Chronicle:
    """`bot` is the email by which the bot's commits are known. What one rule, repository or target
    does not tell is a trouble, and the others are told. Raises NotAsked."""
    bases = look_at_bases(rules, facts)
    scenes = ask_together(partial(set_scene, rule, bases, (), (), facts) for rule in rules)
    wanted = [
        (each, target) for each in scenes for target in each.targets.values() if is_wanted(target)
    ]
    told = ask_together(partial(_tell, scene, target, bot, facts) for scene, target in wanted)
    troubles = [each for scene in scenes for each in _troubles(scene, facts)]
    troubles += [each for each in told if isinstance(each, Trouble)]
    return Chronicle(
        tuple(each for each in told if isinstance(each, History)),
        tuple(target for scene in scenes for target in scene.targets.values()),
        tuple(dict.fromkeys(troubles)),
    )


def _troubles(scene: Scene, facts: Facts) -> Iterator[Trouble]:
    """The repositories that don't answer, and the forges."""
    source = scene.rule.source
    for silent in scene.silent.values():
        yield Trouble(source, silent.unknown.why, silent.unknown.kind)
    for base in scene.bases.values():
        answer = facts.get(MergeRequestsOf(base.repository))
        if isinstance(answer, Unknown):
            yield Trouble(source, answer.why, answer.kind)


def _tell(scene: Scene, target: Target, bot: str, facts: Facts) -> History | Trouble:
    rule, base = scene.rule, scene.base_of(target.environment)
    try:
        artifacts = rule.artifacts_in(target.application, target.environment)
    except ValueError as error:
        return Trouble(rule.source, f"{target}: {error}", "input")
    question = PeriodsOf(base.repository, base.tip.commit, target, tuple(artifacts))
    journeys_of = JourneysOf(base.repository, target)
    facts.prefetch(question, journeys_of)
    try:
        periods = facts.need(question)
    except NotKnown as error:
        return Trouble(rule.source, f"{target}: {error.unknown.why}", error.unknown.kind)
    answer = facts.get(journeys_of)
    journeys = answer.value if isinstance(answer, Known) else ()
    # A forge that does not answer is told, and what it knows is not.
    is_known = isinstance(facts.get(MergeRequestsOf(base.repository)), Known)
    listed = base.requests_of(target) if is_known else None
    requests = None if listed is None else [each for each in listed if each.state == "merged"]
    periods = as_merged(periods, requests or ())
    entries = tell_entries(periods, requests, journeys, artifacts, target, bot, facts)
    return History(rule.source, base.repository, target, entries)


def tell_entries(
    periods: Sequence[Period],
    requests: Sequence[MergeRequest] | None,
    journeys: Sequence[Journey],
    artifacts: ArtifactsByName,
    target: Target,
    bot: str,
    facts: Facts,
) -> tuple[Entry, ...]:
    """The entries of one target, newest first; `requests` are the merged ones of its branch, None
    where they are not known. Raises NotAsked."""
    landed = _match(periods, requests or ())
    backs = ask_together(
        partial(_went_back, periods[index:], artifacts, facts) for index in range(len(periods))
    )
    entries: list[Entry] = []
    for index, period in enumerate(periods):
        request = landed.get(index)
        record = _record_of(period, request, target)
        journey = _journey_of(periods[index:], journeys)
        is_first = index == len(periods) - 1
        entries.append(
            Entry(
                # The record names tag and digest, where the manifest may hold one of them.
                record.release if record and period.release else period.release,
                period.since,
                periods[index - 1].since if index else None,
                period.commit,
                _kind(period, record, backs[index], is_first, requests is not None),
                backs[index],
                record.origin if record else None,
                request.number if request else None,
                request.url if request else "",
                _by(period, request, bot),
                record.requested_by if record else "",
                journey.offered_at if journey else None,
                _gates(journey),
                record.rolls_back if record else "",
                record.skips if record else (),
                record.reason if record else "",
            )
        )
    return tuple(entries)


def _by(period: Period, request: MergeRequest | None, bot: str) -> str | None:
    """Who merged it; where no forge tells, the author of what landed, but for a squash of the
    bot's own commits: somebody merged that."""
    if request is None:
        return period.author or None
    is_bots = f"<{bot}>".casefold() in period.author.casefold()
    return request.merged_by or (None if is_bots else period.author) or None


def _kind(
    period: Period, record: Record | None, back: bool, is_first: bool, requests_known: bool
) -> Kind:
    if period.release is None:
        return "unread"
    if record is not None:
        return "rollback" if back or record.rolls_back else "promotion"
    if is_first:
        return "first"
    if not requests_known:
        return "untold"
    return "revert" if back else "direct"


def _match(periods: Sequence[Period], requests: Sequence[MergeRequest]) -> dict[int, MergeRequest]:
    """The merge request that made each landing: it brought that release, and no other pair of the
    two is nearer in time. Squashes and rebases leave no other trace."""
    pairs = [
        (distance, index, each.number, each)
        for index, period in enumerate(periods)
        for each in requests
        if (distance := _distance(period, each)) is not None
    ]
    landed: dict[int, MergeRequest] = {}
    taken: set[int] = set()
    for _, index, number, each in sorted(pairs, key=lambda pair: pair[:3]):
        if index not in landed and number not in taken:
            landed[index] = each
            taken.add(number)
    return landed


def _distance(period: Period, request: MergeRequest) -> timedelta | None:
    """None: the request did not bring this."""
    record = Record.parse(request.body)
    if record is None or period.release is None or not record.release.agrees(period.release):
        return None
    if request.head == period.commit:
        return timedelta(0)
    if request.ended_at is None:
        return _NEAR
    apart = abs(period.since - request.ended_at)
    return apart if apart <= _NEAR else None


def _record_of(period: Period, request: MergeRequest | None, target: Target) -> Record | None:
    """The request's; else the one in the commit, as a squash or a direct commit of the bot's has
    it, where it is about this target and what ran."""
    if request is not None:
        return Record.parse(request.body)
    record = Record.parse(period.message)
    if record is None or period.release is None or not record.release.agrees(period.release):
        return None
    names = (target.application, target.environment)
    return record if (record.application, record.environment) == names else None


def _went_back(periods: Sequence[Period], artifacts: ArtifactsByName, facts: Facts) -> bool:
    """Whether the newest of the periods is backwards from the one before it. Where the policies
    don't tell (a registry does not answer, an image is gone), what ran here before is backwards.
    Raises NotAsked."""
    release = periods[0].release
    ran = [each.release for each in periods[1:] if each.release]
    if release is None or not ran:
        return False
    try:
        standing = compare_releases(ran[0], release, ran, artifacts, facts)
        if standing in _TELLING:
            return standing is Standing.BACKWARDS
    except NotKnown:
        pass
    return any(each.agrees(release) for each in ran[1:]) and not ran[0].agrees(release)


def _journey_of(periods: Sequence[Period], journeys: Sequence[Journey]) -> Journey | None:
    """The journey that ended with the newest of the periods: its release did not land before,
    since it was offered."""
    period = periods[0]
    if period.release is None:
        return None
    for each in journeys:
        if each.release.agrees(period.release) and each.offered_at <= period.since:
            before = (p for p in periods[1:] if p.release and p.release.agrees(each.release))
            if not any(p.since >= each.offered_at for p in before):
                return each
    return None


def _gates(journey: Journey | None) -> tuple[Opened, ...]:
    if journey is None:
        return ()
    offered = journey.offered_at
    return tuple(Opened(gate, at, max(at - offered, timedelta(0))) for gate, at in journey.passed)
