"""What was decided of a target before, taken again where nothing that it was decided by is another.

A decision is a pure function of its rule, its scene, the facts that it read, and the time. So it is
taken again in two cases: at the same time, which spares each round of questions to decide all
targets anew; and later where it is one that no time changes (`_is_settled`), which spares a quiet
look nearly everything. Whatever is not known to be the same is decided afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from promoter.decisions.claims import Claims, gather
from promoter.decisions.scene import Names, Scene
from promoter.model.facts import (
    BaselineOf,
    BranchOf,
    Facts,
    HoldsOf,
    Known,
    NotAsked,
    PeriodsOf,
    Question,
    ReadingOf,
    Tip,
    Unknown,
)
from promoter.model.hold import NO_HOLDS
from promoter.model.ledger import Wish
from promoter.model.plan import Decision, State
from promoter.model.ports import MergeRequest
from promoter.model.rollback import Rollback
from promoter.model.rule import RepositoryAddress, Rule
from promoter.model.target import Target

_Answer = Known[Any] | Unknown | None
_MOST_RULES = 1000


@dataclass(frozen=True)
class _Around:
    """What a decision takes from its scene: the targets of its application, an environment each,
    with their merge requests, and what is asked for now."""

    there: tuple[tuple[Target | None, tuple[MergeRequest, ...]], ...]
    wishes: tuple[Wish, ...]
    rollbacks: tuple[Rollback, ...]


@dataclass(frozen=True)
class _Kept:
    """A decision and all that it was made of; of the answers None for what was not asked yet."""

    decision: Decision
    rule: Rule
    tips: Mapping[RepositoryAddress, Tip]
    around: _Around
    questions: tuple[Question[Any], ...]
    answers: tuple[_Answer, ...]
    now: datetime
    is_settled: bool


_Ground = tuple[tuple[Rule, Mapping[Names, Target], Mapping[RepositoryAddress, Tip]], ...]
"""What the claims of rules are made of, beside the facts."""


class Memory:
    """The last decision of each target, by rule, and the last claims. Made for one process: it may
    be lost at any time, and one that is shared by several threads costs the work twice at worst."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[Target, _Kept]] = {}
        self._claims: tuple[_Ground, Claims] | None = None

    def claims(self, scenes: Sequence[Scene], facts: Facts) -> Claims:
        """What `gather` would say."""
        ground = tuple(
            (each.rule, each.targets, {at: base.tip for at, base in each.bases.items()})
            for each in scenes
        )
        kept = self._claims
        if kept is not None and kept[0] == ground and kept[1].hold_for(facts):
            return kept[1]
        claims = gather(scenes, facts)
        self._claims = ground, claims
        return claims

    def of(self, scene: Scene) -> Recollection:
        if len(self._kept) >= _MOST_RULES:
            self._kept.clear()
        kept = self._kept.setdefault(scene.rule.source, {})
        if len(kept) > 2 * len(scene.targets):
            there = set(scene.targets.values())
            for target in kept.keys() - there:
                kept.pop(target, None)
        return Recollection(kept, scene)


class Recollection:
    """What is remembered of the targets of one scene."""

    def __init__(self, kept: dict[Target, _Kept], scene: Scene) -> None:
        self._kept = kept
        self._scene = scene
        self._tips = {address: base.tip for address, base in scene.bases.items()}
        self._last: tuple[str, _Around] | None = None
        self._shared: dict[Question[Any], Question[Any]] = {}
        """Half of the questions are those of many targets: they are kept once."""

    def decide(
        self,
        target: Target,
        decide_target: Callable[[Scene, Target, Facts, datetime], Decision],
        facts: Facts,
        now: datetime,
    ) -> Decision:
        """What `decide_target` would say. Raises what it does; NotAsked with all that the last
        decision was made of, so that a quiet look takes one round."""
        scene = self._scene
        if scene.silent:  # what does not answer is no scene to compare with
            return decide_target(scene, target, facts, now)
        around = self._around(target)
        decision = self._recall(target, around, facts, now)
        if decision is not None:
            return decision
        watched = _Watched(facts.answers)
        decision = decide_target(scene, target, Facts(watched), now)
        settled = _is_settled(scene.rule, decision)
        questions = tuple(self._shared.setdefault(each, each) for each in watched.read)
        answers = tuple(watched.read.values())
        self._kept[target] = _Kept(
            *(decision, scene.rule, self._tips, around, questions, answers, now, settled)
        )
        return decision

    def _recall(
        self, target: Target, around: _Around, facts: Facts, now: datetime
    ) -> Decision | None:
        kept = self._kept.get(target)
        if kept is None or not (kept.now == now or (kept.is_settled and kept.now < now)):
            return None
        if kept.around != around:
            return None
        if kept.rule is not self._scene.rule and kept.rule != self._scene.rule:
            return None
        questions = self._at_these_tips(kept)
        if questions is None:
            return None
        answers = facts.answers
        found = [answers.get(question) for question in questions]
        pairs = list(zip(kept.answers, found, strict=True))
        if any(after is None and before is not None for before, after in pairs):
            raise NotAsked(tuple(each for each in questions if each not in answers))
        for before, after in pairs:
            if after is not before and not _is_same(before, after, kept.now == now):
                return None
        if questions is not kept.questions:
            answers_now = tuple(found)
            self._kept[target] = replace(
                kept, tips=self._tips, questions=questions, answers=answers_now
            )
        return kept.decision

    def _at_these_tips(self, kept: _Kept) -> tuple[Question[Any], ...] | None:
        """What was asked then, of the tips of now. A settled decision tells nothing of its tip but
        what these questions say; None: there is no telling."""
        if kept.tips == self._tips:
            return kept.questions
        if not kept.is_settled or kept.tips.keys() != self._tips.keys():
            return None
        commits: dict[RepositoryAddress, tuple[str, str]] = {}
        for address, tip in self._tips.items():
            before = kept.tips[address]
            if replace(before, commit=tip.commit) != tip:
                return None
            commits[address] = before.commit, tip.commit
        moved: list[Question[Any]] = []
        for each in kept.questions:
            asked_now = _asked_at(each, commits)
            if asked_now is None:
                return None
            moved.append(self._shared.setdefault(asked_now, asked_now))
        return tuple(moved)

    def _around(self, target: Target) -> _Around:
        application = target.application
        if self._last is None or self._last[0] != application:
            self._last = application, self._look_around(application)
        around, scene = self._last[1], self._scene
        if not scene.wishes and not scene.rollbacks:
            return around
        wishes = tuple(each for each in scene.wishes if each.is_for(target))
        rollbacks = tuple(each for each in scene.rollbacks if each.is_for(target))
        return _Around(around.there, wishes, rollbacks)

    def _look_around(self, application: str) -> _Around:
        scene = self._scene
        found: list[tuple[Target | None, tuple[MergeRequest, ...]]] = []
        for each in scene.rule.environments:
            there = scene.targets.get((application, each.name))
            base = scene.base_of(each.name)
            found.append((there, base.requests_of(there) if there else ()))
        return _Around(tuple(found), (), ())


class _Watched(Mapping[Question[Any], Known[Any] | Unknown]):
    """Answers, and which of them were looked at."""

    def __init__(self, answers: Mapping[Question[Any], Known[Any] | Unknown]) -> None:
        self._answers = answers
        self.read: dict[Question[Any], _Answer] = {}

    def __getitem__(self, question: Question[Any]) -> Known[Any] | Unknown:
        answer = self.read[question] = self._answers[question]
        return answer

    def get(self, question: Question[Any], default: Any = None) -> Any:
        answer = self.read[question] = self._answers.get(question)
        return default if answer is None else answer

    def __contains__(self, question: object) -> bool:
        return self.get(cast("Question[Any]", question)) is not None

    def __iter__(self) -> Iterator[Question[Any]]:
        raise TypeError("a decision reads the facts that it names, not all there are")

    def __len__(self) -> int:
        return len(self._answers)


def _asked_at(
    question: Question[Any], commits: Mapping[RepositoryAddress, tuple[str, str]]
) -> Question[Any] | None:
    """The same question of the tip that stands in the place of the one before."""
    if isinstance(question, ReadingOf | PeriodsOf | HoldsOf | BaselineOf):
        then, now = commits[question.repository]
        return replace(question, commit=now) if question.commit == then else None
    if isinstance(question, BranchOf):
        then, now = commits[question.repository]
        return replace(question, base=now) if question.base == then else None
    return None if hasattr(question, "commit") else question


def _is_same(before: _Answer, after: _Answer, at_the_same_time: bool) -> bool:
    """When something was seen is told with verdicts; what is settled has none."""
    if at_the_same_time or not isinstance(before, Known) or not isinstance(after, Known):
        return before == after
    return bool(before.value == after.value)


def _is_settled(rule: Rule, decision: Decision) -> bool:
    """Whether the same facts give the same decision at any later time.

    The target runs the newest release that there is, and nothing else is going on. Then nobody
    looked at the clock: that is done by gates (which leave verdicts), by holds (those over it are
    told with it, and one that is over stays so), by what is noted or asked for, by rollbacks, and
    by the age of images.
    """
    quiet = (
        *(decision.action, decision.offered, decision.merge_request, decision.hand),
        *(decision.verdicts, decision.notes, decision.requested, decision.stays),
        *(decision.rollback, decision.members, decision.trouble),
    )
    return (
        decision.state is State.CURRENT
        and not any(quiet)
        and decision.holds == NO_HOLDS
        and not any(each.minimum_age for each in rule.artifacts)
    )
