"""`decide`: rules, facts and the time make a plan. Pure; plan and apply share it."""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from promoter.decisions.branches import PREFIX, branch_name
from promoter.decisions.situation import Scene
from promoter.decisions.target import decide_target
from promoter.model.facts import (
    BranchOf,
    Facts,
    MergeRequestsOf,
    NotAsked,
    NotKnown,
    Question,
    TargetsOf,
    TipOf,
)
from promoter.model.plan import Close, Decision, Orphan, Plan, State, Trouble
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.rule import Rule
from promoter.model.target import Discovery, Target

Claims = dict[tuple[str, str], list[str]]
"""The rules that claim a branch, by the repository's URL and the branch's name."""


def decide(rules: Sequence[Rule], facts: Facts, now: datetime) -> Plan:
    """The plan as far as the facts go; `asks` holds every question that is still open.

    One rule or target that fails never stops the others.
    """
    asks: set[Question[Any]] = set()
    troubles: list[Trouble] = []
    scenes: list[tuple[Scene, Discovery]] = []
    for rule in rules:
        try:
            scenes.append(_look(rule, facts))
        except NotAsked as missing:
            asks.update(missing.questions)
        except NotKnown as error:
            troubles.append(Trouble(rule.source, error.unknown.why, error.unknown.kind))
    claims = _claims([scene for scene, _ in scenes])
    names = Counter(rule.name for rule in rules)
    decisions: list[Decision] = []
    orphans: list[Orphan] = []
    for scene, discovery in scenes:
        troubles.extend(
            Trouble(scene.rule.source, problem.message, "input", problem.where)
            for problem in discovery.problems
        )
        for target in discovery.targets:
            rivals = claims[scene.rule.repository.url, branch_name(target)]
            try:
                decisions.append(_decide(scene, target, rivals, facts, now))
            except NotAsked as missing:
                asks.update(missing.questions)
        # Nothing is known to be gone where the layout has problems, nor whose a request is where
        # two rules have one name.
        if discovery.problems or names[scene.rule.name] > 1:
            continue
        try:
            orphans.extend(_orphans(scene, claims, facts))
        except NotAsked as missing:
            asks.update(missing.questions)
        except NotKnown:
            continue  # what is not known is not closed
    return Plan(tuple(decisions), tuple(orphans), tuple(troubles), frozenset(asks))


def _look(rule: Rule, facts: Facts) -> tuple[Scene, Discovery]:
    facts.prefetch(MergeRequestsOf(rule.repository))
    tip = facts.need(TipOf(rule.repository))
    discovery = facts.need(TargetsOf(rule, tip.commit))
    targets = {(each.application, each.environment): each for each in discovery.targets}
    return Scene(rule, tip, targets), discovery


def _claims(scenes: Sequence[Scene]) -> Claims:
    """Which rules claim the same application and environment of a repository."""
    claims: Claims = defaultdict(list)
    for scene in scenes:
        for target in scene.targets.values():
            claims[scene.rule.repository.url, branch_name(target)].append(scene.rule.source)
    return claims


def _decide(
    scene: Scene, target: Target, rivals: Sequence[str], facts: Facts, now: datetime
) -> Decision:
    base = Decision(
        scene.rule.source, scene.rule.repository, target, State.UNKNOWN, "no answer yet"
    )
    if len(rivals) > 1:
        return replace(
            base,
            state=State.BLOCKED,
            why=f"claimed by {' and '.join(sorted(rivals))}; leave it to one rule",
            trouble="input",
        )
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


def _orphans(scene: Scene, claims: Claims, facts: Facts) -> list[Orphan]:
    """Open requests that this rule made for targets that are gone, to any rule; a branch that a
    person pushed to is left alone. Raises NotAsked, NotKnown."""
    rule = scene.rule
    orphans: list[tuple[MergeRequest, Record]] = []
    for request in facts.need(MergeRequestsOf(rule.repository)):
        record = Record.parse(request.body)
        if request.state != "open" or not request.branch.startswith(PREFIX) or record is None:
            continue
        if record.rule == rule.name and (rule.repository.url, request.branch) not in claims:
            orphans.append((request, record))
    branches = facts.need_all(
        BranchOf(rule.repository, request.branch, scene.tip.commit) for request, _ in orphans
    )
    found: list[Orphan] = []
    for (request, record), branch in zip(orphans, branches, strict=True):
        if branch is None or branch.own:
            reason = f"{record.application} has no target in {record.environment} any more"
            action = Close(request.number, request.branch, reason)
            found.append(Orphan(rule.repository, rule.source, action))
    return found
