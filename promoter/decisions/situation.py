"""What is known about one target before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from promoter.decisions.branches import branch_name
from promoter.decisions.candidates import ArtifactsByName
from promoter.decisions.holds import holds_over
from promoter.model.facts import (
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
    TagsOf,
    Tip,
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
class Scene:
    """What all targets of a rule share: the tip that is looked at, every target by name, and the
    merge requests by branch (none while they are not known); `foreign` are the open ones that are
    not the bot's; `wishes` are those of now, the
    earlier ones are in the ledger."""

    rule: Rule
    tip: Tip
    targets: Mapping[tuple[str, str], Target]
    requests: Mapping[str, Sequence[MergeRequest]]
    wishes: tuple[Wish, ...] = ()
    foreign: tuple[MergeRequest, ...] = ()


@dataclass(frozen=True)
class Situation:
    """`periods`, `histories` (by upstream environment) and `line` (the upstreams and all that
    stand before them) are newest first; `requests` are all merge requests of this target's
    branch, `opened` the one that is open; `promoted` is what merged ones brought to the upstreams,
    newest first; `branch` is what stands under the branch's name now; `wishes` are the releases
    that somebody asked for here."""

    scene: Scene
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
    holds: Holds = NO_HOLDS
    """What holds the target now, by the files of the repository."""

    @property
    def rule(self) -> Rule:
        return self.scene.rule

    @property
    def repository(self) -> RepositoryAddress:
        return self.scene.rule.repository

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
    environment = scene.rule.environment(target.environment)
    repository, commit, names = scene.rule.repository, scene.tip.commit, tuple(artifacts)
    reading = ReadingOf(repository, commit, target, names)
    periods = PeriodsOf(repository, commit, target, names)
    requests = MergeRequestsOf(repository)
    branch = BranchOf(repository, branch_name(target), commit)
    line = {
        name: PeriodsOf(repository, commit, scene.targets[target.application, name], names)
        for name in _line(scene.rule, environment)
        if (target.application, name) in scene.targets
    }
    wishes = WishesOf(repository)
    footing = FootingOf(repository, scene.tip.branch)
    holds = HoldsOf(repository, commit)
    facts.prefetch(
        *(reading, periods, requests, branch, wishes, footing, holds),
        *(PublishedOf(repository), QueuedOf(repository), ListedOf(repository, scene.tip.branch)),
        *line.values(),
    )
    facts.need(requests)
    mine = tuple(scene.requests.get(branch.name, ()))
    upstreams = [
        branch_name(scene.targets[target.application, name])
        for name in environment.after.environments
        if name in line
    ]
    theirs = (each for name in upstreams for each in scene.requests.get(name, ()))
    merged = sorted((e for e in theirs if e.state == "merged"), key=lambda e: -e.number)
    records = (Record.parse(each.body) for each in merged)
    opened = next((each for each in mine if each.state == "open"), None)
    earlier = [each for each in facts.need(wishes) if each.is_for(target)]
    earlier += _wishes_of_request(opened, target, earlier)
    fresh = [each for each in scene.wishes if each.is_for(target)]
    fresh = [each for each in fresh if not any(e.release.holds(each.release) for e in earlier)]
    known = {
        name: _as_merged(facts.need(question), _requests_of(scene, target.application, name))
        for name, question in line.items()
    }
    return Situation(
        scene,
        target,
        environment,
        artifacts,
        facts.need(reading),
        _as_merged(facts.need(periods), mine),
        {name: known[name] for name in environment.after.environments if name in known},
        known,
        mine,
        opened,
        tuple(record.release for record in records if record),
        facts.need(branch),
        (*earlier, *fresh),
        frozenset(earlier),
        holds_over(target, (holds,), facts, now),
    )


def _requests_of(scene: Scene, application: str, environment: str) -> Sequence[MergeRequest]:
    return scene.requests.get(branch_name(scene.targets[application, environment]), ())


def _as_merged(periods: tuple[Period, ...], requests: Sequence[MergeRequest]) -> tuple[Period, ...]:
    """A fast-forward lands the very commit that was proposed, made perhaps days before: it runs
    since the forge merged it."""
    merged = {each.head: each.ended_at for each in requests if each.state == "merged"}
    return tuple(
        replace(each, since=max(each.since, at)) if (at := merged.get(each.commit)) else each
        for each in periods
    )


def _wishes_of_request(
    request: MergeRequest | None, target: Target, earlier: Sequence[Wish]
) -> list[Wish]:
    """The wish that an open request carries: it stands there also where the ledger was lost."""
    record = Record.parse(request.body) if request else None
    if record is None or not record.requested_by:
        return []
    if any(record.release.holds(each.release) for each in earlier):
        return []
    at = datetime.min.replace(tzinfo=UTC)  # earlier than anything: nobody asks by it
    return [Wish(target.application, target.environment, record.release, at, record.requested_by)]


def _line(rule: Rule, environment: EnvironmentRule) -> list[str]:
    """The environments that a release passes before this one, the nearest first."""
    line = list(environment.after.environments)
    for name in line:  # grows while it is walked
        further = rule.environment(name).after.environments
        line.extend(each for each in further if each not in line)
    return line


def reading_question(scene: Scene, target: Target) -> ReadingOf | None:
    """What is asked for the sites of a target; None where its artifacts have no proper names."""
    try:
        names = tuple(scene.rule.artifacts_for(target.application))
    except ValueError:
        return None
    return ReadingOf(scene.rule.repository, scene.tip.commit, target, names)


def tag_questions(artifacts: ArtifactsByName, present: frozenset[ImageName]) -> list[TagsOf]:
    """The tag lists that the policies of the present artifacts will ask for."""
    return [
        TagsOf(name)
        for name, artifact in artifacts.items()
        if name in present and artifact.select.policy != "tag"
    ]


def ways_out(target: Target, image: ImageReference) -> str:
    """What to do about a tag that moved."""
    return (
        "publish a new version, or take this image knowingly: promoter promote"
        f" {target.application} --to {target.environment} --image {image.normal}"
    )
