"""`group: environment`: one merge request brings what all targets of an environment offer.

Each target is decided as if it went alone, up to its release and the edit (`joining`). Then one
decision is made for all of them together (`request`); what follows from it for each of them,
`tell_members` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from promoter.decisions.branches import group_branch, is_group_branch
from promoter.decisions.claims import Claims
from promoter.decisions.groups.request import decide_request, restate
from promoter.decisions.scene import Names, Scene
from promoter.model.facts import (
    Facts,
    ask_together,
)
from promoter.model.plan import Close, Decision, Propose


def with_their_groups(only: Collection[Names], scenes: Sequence[Scene]) -> set[Names]:
    """Those targets, and all that share a merge request with one of them."""
    found = set(only)
    for scene in scenes:
        for environment in scene.rule.environments:
            if environment.group == "application":
                continue
            names = {each for each in scene.targets if each[1] == environment.name}
            found |= set() if names.isdisjoint(only) else names
    return found


def fold(
    decisions: Sequence[Decision],
    scenes: Sequence[Scene],
    claims: Claims,
    facts: Facts,
    now: datetime,
) -> tuple[list[Decision], list[Decision]]:
    """The same decisions, of which those of a group do nothing by themselves, and one decision for
    each group. Raises NotAsked."""
    steps = [
        partial(decide_request, scene, name, members, facts, now)
        for scene, name, members in _parts(decisions, scenes, claims)
    ]
    grouped = ask_together(steps)
    told = {(each.rule, each.target): each for each in decisions}
    told.update({(e.rule, e.target): e for part in grouped for e in part.others})
    return without_offers(list(told.values())), [part.whole for part in grouped if part.whole]


def without_offers(decisions: Sequence[Decision]) -> list[Decision]:
    """The same decisions, none of which acts on the merge request of a group."""
    return [
        replace(each, action=None)
        if isinstance(each.action, Propose | Close) and is_group_branch(each.action.branch)
        else each
        for each in decisions
    ]


def tell_members(decisions: Sequence[Decision], groups: Sequence[Decision]) -> list[Decision]:
    """The decisions, with what became of its group's request as the answer of each target that the
    request brings."""
    told = {(each.rule, each.target): each for each in decisions}
    for whole in groups:
        for member in whole.members:
            told[member.rule, member.target] = _answer(member, whole)
    return list(told.values())


def _answer(member: Decision, whole: Decision) -> Decision:
    """One that offers nothing now keeps its own reason, for which the others wait."""
    guards = tuple(each for each in whole.verdicts if each.guards == "merge")
    request = member.merge_request
    if request is None and whole.merge_request is not None:
        request = replace(whole.merge_request, body="")  # it says nothing of this target yet
    told = replace(
        member,
        action=None,
        merge_request=request,
        head=whole.head,
        hand=whole.hand,
        verdicts=(*member.verdicts, *guards),
    )
    if not isinstance(member.action, Propose):
        return told
    return restate(told, whole.state, whole.why, whole.trouble)


def _parts(
    decisions: Sequence[Decision], scenes: Sequence[Scene], claims: Claims
) -> Iterator[tuple[Scene, str, list[Decision]]]:
    """The environments that a rule groups, each with the decisions of all its targets."""
    for scene in scenes:
        for environment in scene.rule.environments:
            name = environment.name
            if environment.group != "environment" or scene.is_silent(name):
                continue
            members = [
                each
                for each in decisions
                if each.rule == scene.rule.source and each.target.environment == name
            ]
            wanted = sum(1 for _, where in scene.targets if where == name)
            branch = group_branch(scene.rule.name, name)
            is_ours = claims.belongs_to(scene.rule, scene.rule.repository_of(name), branch)
            # Where only some were decided, the others would seem to be gone.
            if members and len(members) == wanted and is_ours:
                yield scene, name, members
