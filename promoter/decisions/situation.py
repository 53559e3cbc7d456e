"""What is known about one target before anything is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from promoter.decisions.branches import branch_name
from promoter.decisions.candidates import ArtifactsByName
from promoter.decisions.elsewhere import Elsewhere, as_merged
from promoter.decisions.groups.shares import find_request
from promoter.decisions.holds import holds_over
from promoter.decisions.policies import POLICIES
from promoter.decisions.scene import Base, Scene
from promoter.model.facts import (
    BaselineOf,
    BranchOf,
    Facts,
    FootingOf,
    HoldsOf,
    ListedOf,
    MergeRequestsOf,
    Period,
    PeriodsOf,
    PublishedOf,
    QueuedOf,
    ReadingOf,
    SightingsOf,
    TagsOf,
    WishesOf,
)
from promoter.model.hold import NO_HOLDS, Holds
from promoter.model.image import ImageName, ImageReference
from promoter.model.ledger import Wish
from promoter.model.ports import Branch, MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rule import EnvironmentRule, RepositoryAddress, Rule
from promoter.model.target import Reading, Target


@dataclass(frozen=True)
class Situation:
    """`periods`, `histories` (by upstream environment) and `line` (the upstreams and all that
    stand before them) are newest first; `requests` are all merge requests of this target's
    branch, `opened` the one that is open; `promoted` is what merged ones brought to the upstreams,
    newest first; `branch` is what stands under the branch's name now; `wishes` are the releases
    that somebody asked for here."""

    scene: Scene
    base: Base
    target: Target
    environment: EnvironmentRule
    artifacts: ArtifactsByName
    reading: Reading
    periods: tuple[Period, ...]
    histories: Mapping[str, tuple[Period, ...]]
    line: Mapping[str, tuple[Period, ...]]
    requests: tuple[MergeRequest, ...]
    opened: MergeRequest | None
    promoted: tuple[Release, ...]
    branch: Branch | None
    wishes: tuple[Wish, ...] = ()
    remembered: frozenset[Wish] = frozenset()
    """Those of the wishes that the ledger or the open request holds."""
    called_upstream: Mapping[ImageName, ImageName] = field(default_factory=dict)
    """What images are called where they come from, by their names here; those that differ."""
    looked_at: datetime | None = None
    """When the histories of the upstreams were read, the oldest of them."""
    baseline: Release | None = None
    """What was offered here when the bot was adopted."""
    holds: Holds = NO_HOLDS
    """What holds the target now, by the files of the repository."""
    group: str = ""
    """The branch of the group that it travels with; empty: it goes alone. Then `opened` and
    `branch` are those of the group where they bring something here."""

    @property
    def rule(self) -> Rule:
        return self.scene.rule

    @property
    def repository(self) -> RepositoryAddress:
        return self.base.repository

    @property
    def ran(self) -> tuple[Release, ...]:
        """What ran here, newest first."""
        return tuple(each.release for each in self.periods if each.release)

    @property
    def opened_release(self) -> Release | None:
        """What the open request brings."""
        record = Record.parse(self.opened.body) if self.opened else None
        return record.release if record else None

    @property
    def head(self) -> str | None:
        """The head of the open request's branch."""
        return self.branch.head if self.branch and self.opened else None


def look_at(
    scene: Scene, target: Target, artifacts: ArtifactsByName, facts: Facts, now: datetime
) -> Situation:
    """Everything is asked in one round. Raises NotAsked, NotKnown."""
    environment, base = (
        scene.rule.environment(target.environment),
        scene.base_of(target.environment),
    )
    repository, commit, names = base.repository, base.tip.commit, tuple(artifacts)
    reading = ReadingOf(repository, commit, target, names)
    periods = PeriodsOf(repository, commit, target, names)
    requests = MergeRequestsOf(repository)
    mine = base.requests_of(target)
    group, opened = find_request(scene.rule, target, mine)
    branch = BranchOf(repository, group or branch_name(target), commit)
    line = {
        name: Elsewhere.of(scene, target, name, artifacts)
        for name in scene.rule.line(environment.name)
        if (target.application, name) in scene.targets or scene.is_silent(name)
    }
    wishes = WishesOf(repository)
    footing = FootingOf(repository, base.tip.branch)
    holds = _hold_questions(scene, base)
    baseline = BaselineOf(repository, commit, environment.name)
    facts.prefetch(
        baseline,
        *(reading, periods, requests, branch, wishes, footing),
        *holds,
        *(PublishedOf(repository), QueuedOf(repository), ListedOf(repository, base.tip.branch)),
        *(each.periods for each in line.values()),
    )
    facts.need(requests)
    earlier = [each for each in facts.need(wishes) if each.is_for(target)]
    earlier += _wishes_of_request(opened, facts.need(branch), target, earlier)
    fresh = [each for each in scene.wishes if each.is_for(target)]
    # Who asks for the same again and skips more, or less, means that.
    earlier = [e for e in earlier if not any(_asks_otherwise(each, e) for each in fresh)]
    fresh = [each for each in fresh if not any(e.release.holds(each.release) for e in earlier)]
    known = {name: each.read(facts) for name, each in line.items()}
    upstreams = [name for name in environment.after.environments if name in known]
    return Situation(
        scene,
        base,
        target,
        environment,
        artifacts,
        facts.need(reading),
        as_merged(facts.need(periods), mine),
        {name: known[name] for name in upstreams},
        known,
        mine,
        opened,
        tuple(each for name in upstreams for each in line[name].promoted()),
        None if group and opened is None else facts.need(branch),
        (*earlier, *fresh),
        frozenset(earlier),
        _called_upstream(line[name] for name in upstreams),
        facts.seen_at(
            line[name].periods for name in environment.after.environments if name in line
        ),
        facts.need(baseline).get(target.application),
        holds_over(target, holds, facts, now),
        group,
    )


def _hold_questions(scene: Scene, base: Base) -> tuple[HoldsOf, ...]:
    """Of the target's own repository, and of the one that the rule names, so that one file freezes
    all that the rule has. Raises NotKnown where that one does not answer."""
    rule = scene.rule
    bases = [base]
    if rule.repository in scene.silent:
        raise scene.silent[rule.repository]
    if rule.repository in scene.bases:
        bases.append(scene.bases[rule.repository])
    return tuple(dict.fromkeys(HoldsOf(each.repository, each.tip.commit) for each in bases))


def _called_upstream(upstreams: Iterable[Elsewhere]) -> dict[ImageName, ImageName]:
    """Of several upstreams the first that has another name for it."""
    found: dict[ImageName, ImageName] = {}
    for each in upstreams:
        for there, here in (each.names or {}).items():
            if there != here:
                found.setdefault(here, there)
    return found


def _asks_otherwise(fresh: Wish, earlier: Wish) -> bool:
    return earlier.release.holds(fresh.release) and earlier.skips != fresh.skips


def _wishes_of_request(
    request: MergeRequest | None, branch: Branch | None, target: Target, earlier: Sequence[Wish]
) -> list[Wish]:
    """The wish that an open request carries: it stands there also where the ledger was lost. What
    it skips counts only where the bot's own commit says so, too: a body is easily edited."""
    record = Record.parse(request.body) if request else None
    if record is None or not record.requested_by or record.rolls_back:
        return []
    if any(record.release.holds(each.release) for each in earlier):
        return []
    if target.environment in record.skips:
        return []  # it is filled up behind a hotfix that was asked for elsewhere
    at = datetime.min.replace(tzinfo=UTC)  # earlier than anything: nobody asks by it
    said = Record.parse(branch.message) if branch and branch.own else None
    told = (record.skips, record.reason) if said and said.skips == record.skips else ((), "")
    names = target.application, target.environment
    return [Wish(*names, record.release, at, record.requested_by, *told)]


def reading_question(scene: Scene, target: Target) -> ReadingOf | None:
    """What is asked for the sites of a target; None where its artifacts have no proper names."""
    try:
        names = tuple(scene.rule.artifacts_in(target.application, target.environment))
    except ValueError:
        return None
    base = scene.base_of(target.environment)
    return ReadingOf(base.repository, base.tip.commit, target, names)


def tag_questions(
    artifacts: ArtifactsByName, present: frozenset[ImageName], repository: RepositoryAddress
) -> list[TagsOf | SightingsOf]:
    """The tag lists that the policies of the present artifacts will ask for, and what the ledger
    holds of those whose tags may not move."""
    listed = [
        name
        for name, artifact in artifacts.items()
        if name in present and artifact.select.policy != "tag"
    ]
    watched = [name for name in listed if not POLICIES[artifacts[name].select.policy].tags_may_move]
    return [*map(TagsOf, listed), *(SightingsOf(repository, name) for name in watched)]


def ways_out(target: Target, image: ImageReference) -> str:
    """What to do about a tag that moved."""
    return (
        "publish a new version, or take this image knowingly: promoter promote"
        f" {target.application} --to {target.environment} --image {image.normal}"
    )
