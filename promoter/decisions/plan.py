"""`decide`: rules, facts and the time make a plan. Pure; plan and apply share it."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from promoter.decisions.advice import advise
from promoter.decisions.branches import PREFIX
from promoter.decisions.claims import Claims, gather
from promoter.decisions.person import is_held
from promoter.decisions.situation import Scene
from promoter.decisions.status import statuses
from promoter.decisions.target import decide_target
from promoter.decisions.turns import take_turns
from promoter.model.facts import (
    BranchOf,
    Facts,
    FootingOf,
    HoldsOf,
    Known,
    ListedOf,
    MergeRequestsOf,
    NotAsked,
    NotKnown,
    Question,
    TargetsOf,
    TipOf,
)
from promoter.model.ledger import Listed, RequestEnd, Wish
from promoter.model.plan import Advice, Close, Decision, Orphan, Plan, State, Trouble
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.rule import RepositoryAddress, Rule
from promoter.model.target import Discovery, Target

_LISTED_ANEW = timedelta(days=7)
Names = tuple[str, str]
"""A target by its application and environment."""


def decide(
    rules: Sequence[Rule],
    wishes: Sequence[Wish],
    facts: Facts,
    now: datetime,
    only: Collection[Names] | None = None,
) -> Plan:
    """The plan as far as the facts go; `asks` holds every question that is still open.

    One rule or target that fails never stops the others. With `only` nothing is decided but those
    targets.
    """
    asks: set[Question[Any]] = set()
    troubles: list[Trouble] = []
    scenes: list[tuple[Scene, Discovery]] = []
    for rule in rules:
        try:
            scenes.append(_look(rule, tuple(wishes), facts))
        except NotAsked as missing:
            asks.update(missing.questions)
        except NotKnown as error:
            troubles.append(Trouble(rule.source, error.unknown.why, error.unknown.kind))
    claims = gather([scene for scene, _ in scenes], facts)
    if only is not None:  # the others' sites are still theirs
        asks.update(claims.unread)
    names = Counter(rule.name for rule in rules)
    decisions: list[Decision] = []
    orphans: list[Orphan] = []
    for scene, discovery in scenes:
        troubles.extend(
            Trouble(scene.rule.source, problem.message, "input", problem.where)
            for problem in discovery.problems
        )
        for target in discovery.targets:
            if only is not None and (target.application, target.environment) not in only:
                continue
            try:
                decisions.append(_decide(scene, target, claims, facts, now))
            except NotAsked as missing:
                asks.update(missing.questions)
        # Nothing is known to be gone where the layout has problems, nor whose a request is where
        # two rules have one name.
        if discovery.problems or names[scene.rule.name] > 1 or only is not None:
            continue
        try:
            orphans.extend(_orphans(scene, claims, facts, now))
        except NotAsked as missing:
            asks.update(missing.questions)
        except NotKnown:
            continue  # what is not known is not closed
    ended = {
        (scene.rule.repository, RequestEnd(request))
        for scene, _ in scenes
        for requests in scene.requests.values()
        for request in requests
        if request.state != "open" and not request.kept and not request.unread
        if Record.parse(request.body)
    }
    in_order = sorted(ended, key=lambda each: (each[0].url, each[1].request.number))
    advice = _advise([scene for scene, _ in scenes], facts)
    taken = take_turns(decisions, {e.repository for e in advice if e.footing.protection.up_to_date})
    return Plan(
        taken,
        tuple(orphans),
        tuple(troubles),
        tuple(in_order),
        frozenset(asks),
        statuses([scene for scene, _ in scenes], taken, facts),
        advice,
        tuple(_listed([scene for scene, _ in scenes], facts, now)),
    )


def _listed(
    scenes: Sequence[Scene], facts: Facts, now: datetime
) -> Iterator[tuple[RepositoryAddress, Listed]]:
    """Notes that all ended requests were listed, now and then: else a young bot would read all that
    people ever closed in an old repository, at each look."""
    for repository, base in {(each.rule.repository, each.tip.branch) for each in scenes}:
        listed = facts.get(ListedOf(repository, base))
        told = facts.get(MergeRequestsOf(repository))
        if repository.forge == "local" or not isinstance(listed, Known):
            continue  # a ref of the local forge tells all at no cost
        if isinstance(told, Known) and (listed.value is None or now - listed.value > _LISTED_ANEW):
            yield repository, Listed(base, told.seen_at)


def _advise(scenes: Sequence[Scene], facts: Facts) -> tuple[Advice, ...]:
    """How the bot stands in each repository, as far as that is known."""
    rules: dict[FootingOf, list[Rule]] = {}
    for scene in scenes:
        rules.setdefault(FootingOf(scene.rule.repository, scene.tip.branch), []).append(scene.rule)
    known = ((question, facts.get(question)) for question in rules)
    return tuple(
        advise(rules[question], question.base, answer.value)
        for question, answer in known
        if isinstance(answer, Known)
    )


def _look(rule: Rule, wishes: tuple[Wish, ...], facts: Facts) -> tuple[Scene, Discovery]:
    requests_of = MergeRequestsOf(rule.repository)
    facts.prefetch(requests_of)
    tip = facts.need(TipOf(rule.repository))
    discovery = facts.need(TargetsOf(rule, tip.commit))
    targets = {(each.application, each.environment): each for each in discovery.targets}
    known = facts.get(requests_of)
    told = known.value if isinstance(known, Known) else ()
    requests: dict[str, list[MergeRequest]] = {}
    for each in told:
        if not each.foreign:
            requests.setdefault(each.branch, []).append(each)
    foreign = tuple(each for each in told if each.foreign)
    return Scene(rule, tip, targets, requests, wishes, foreign), discovery


def _decide(scene: Scene, target: Target, claims: Claims, facts: Facts, now: datetime) -> Decision:
    base = Decision(
        scene.rule.source, scene.rule.repository, target, State.UNKNOWN, "no answer yet"
    )
    if why := claims.rivalry(scene, target, facts):
        return replace(base, state=State.BLOCKED, why=why, trouble="input")
    try:
        return decide_target(scene, target, facts, now)
    except NotAsked:
        raise
    except NotKnown as error:
        return replace(base, why=error.unknown.why, trouble=error.unknown.kind)
    except Exception as error:  # noqa: BLE001 - a bug in one decision never stops the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        module = place.filename.rpartition("/")[2]
        why = f"a bug in promoter: {type(error).__name__} at {module}:{place.lineno}"
        return replace(base, why=why, trouble="bug")


def _orphans(scene: Scene, claims: Claims, facts: Facts, now: datetime) -> list[Orphan]:
    """Open requests that this rule made for targets that are gone, to any rule; a branch that a
    person pushed to is left alone. Raises NotAsked, NotKnown."""
    rule = scene.rule
    orphans: list[tuple[MergeRequest, Record]] = []
    facts.need(MergeRequestsOf(rule.repository))
    holds = facts.need(HoldsOf(rule.repository, scene.tip.commit))
    for request in (each for requests in scene.requests.values() for each in requests):
        record = Record.parse(request.body)
        if request.state != "open" or not request.branch.startswith(PREFIX) or record is None:
            continue
        if holds.over_names(record.application, record.environment, now).stops:
            continue
        if record.rule == rule.name and not claims.holds(scene, request.branch):
            orphans.append((request, record))
    branches = facts.need_all(
        BranchOf(rule.repository, request.branch, scene.tip.commit) for request, _ in orphans
    )
    found: list[Orphan] = []
    for (request, record), branch in zip(orphans, branches, strict=True):
        if (branch is None or branch.own) and not is_held(request):
            reason = f"{record.application} has no target in {record.environment} any more"
            action = Close(request.number, request.branch, reason)
            found.append(Orphan(rule.repository, rule.source, action))
    return found
