"""`decide`: rules, facts and the time make a plan. Pure; plan and apply share it."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from promoter.decisions.advice import advise
from promoter.decisions.branches import PREFIX, is_group_branch
from promoter.decisions.claims import Claims
from promoter.decisions.groups.folding import fold, tell_members, with_their_groups, without_offers
from promoter.decisions.limits import keep_to_limits
from promoter.decisions.memory import Memory, Recollection
from promoter.decisions.person import is_held
from promoter.decisions.scene import Base, Bases, Names, Scene, look_at_bases, names_of, set_scene
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
)
from promoter.model.ledger import Listed, RequestEnd, Wish
from promoter.model.plan import Advice, Close, Decision, Orphan, Plan, State, Trouble
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.rollback import Rollback
from promoter.model.rule import RepositoryAddress, Rule
from promoter.model.target import Target

_LISTED_ANEW = timedelta(days=7)


def decide(
    rules: Sequence[Rule],
    wishes: Sequence[Wish],
    facts: Facts,
    now: datetime,
    only: Collection[Names] | None = None,
    rollbacks: Sequence[Rollback] = (),
    *,
    limited: bool = True,
    memory: Memory | None = None,
) -> Plan:
    """The plan as far as the facts go; `asks` holds every question that is still open.

    One rule, repository or target that fails never stops the others. With `only` nothing is decided
    but those targets. Not `limited`: somebody names them, and `limits.open` holds none of them up.
    With the `memory` of earlier calls it is the same plan, sooner.
    """
    memory = memory or Memory()
    asks: set[Question[Any]] = set()
    try:
        bases = look_at_bases(rules, facts)
    except NotAsked as missing:
        return Plan((), asks=frozenset(missing.questions))
    scenes: list[Scene] = []
    for rule in rules:
        try:
            scenes.append(set_scene(rule, bases, tuple(wishes), tuple(rollbacks), facts))
        except NotAsked as missing:
            asks.update(missing.questions)
    claims = memory.claims(scenes, facts)
    if only is not None:  # the others' sites are still theirs
        asks.update(claims.unread)
    troubles = _troubles(scenes)
    wanted = None if only is None else with_their_groups(only, scenes)
    decisions: list[Decision] = []
    orphans: list[Orphan] = []
    for scene in scenes:
        decided = memory.of(scene)
        for name, target in scene.targets.items():
            if wanted is not None and name not in wanted:
                continue
            try:
                decisions.append(_decide(scene, target, claims, facts, now, decided))
            except NotAsked as missing:
                asks.update(missing.questions)
    if only is None:
        orphans = _gather_orphans(scenes, claims, facts, now, asks)
    advice = _advise(scenes, bases, facts)
    decisions, groups = _fold(decisions, scenes, claims, facts, now, asks)
    count = len(decisions)
    acting = [*decisions, *groups]
    if limited:
        acting = keep_to_limits(acting, scenes, facts)
    one_by_one = {each.repository for each in advice if each.footing.protection.up_to_date}
    turns = take_turns(acting, one_by_one)
    groups = list(turns[count:])
    told = tell_members(turns[:count], groups)
    return Plan(
        tuple(each for each in told if only is None or names_of(each.target) in only),
        tuple(orphans),
        tuple(troubles),
        tuple(_ended(bases.known.values())),
        frozenset(asks),
        statuses(bases.known.values(), (*told, *groups), facts),
        advice,
        tuple(_listed(bases.known.values(), facts, now)),
        tuple(groups),
    )


def _gather_orphans(
    scenes: Sequence[Scene],
    claims: Claims,
    facts: Facts,
    now: datetime,
    asks: set[Question[Any]],
) -> list[Orphan]:
    """Nothing is known to be gone where the layout has problems, nor whose a request is where two
    rules have one name, nor where a repository that may hold its target is silent, be it to another
    rule that has the target by now."""
    orphans: list[Orphan] = []
    names = Counter(scene.rule.name for scene in scenes)
    silent = {each.key for scene in scenes for each in scene.silent}
    for scene in scenes:
        if scene.problems or scene.silent or names[scene.rule.name] > 1:
            continue
        for base in (each for each in scene.bases.values() if each.repository.key not in silent):
            try:
                orphans.extend(_orphans(scene, base, claims, facts, now))
            except NotAsked as missing:
                asks.update(missing.questions)
            except NotKnown:
                continue  # what is not known is not closed
    return orphans


def _fold(
    decisions: list[Decision],
    scenes: Sequence[Scene],
    claims: Claims,
    facts: Facts,
    now: datetime,
    asks: set[Question[Any]],
) -> tuple[list[Decision], list[Decision]]:
    """The decisions, and those about the merge requests of groups: these only once all targets are
    decided, as one that is missing would seem to leave its group."""
    if not asks:
        try:
            return fold(decisions, scenes, claims, facts, now)
        except NotAsked as missing:
            asks.update(missing.questions)
    return without_offers(decisions), []


def _troubles(scenes: Sequence[Scene]) -> list[Trouble]:
    troubles: list[Trouble] = []
    for scene in scenes:
        source = scene.rule.source
        unknowns = (each.unknown for each in scene.silent.values())
        troubles.extend(Trouble(source, each.why, each.kind) for each in unknowns)
        troubles.extend(
            Trouble(source, each.message, "input", each.where) for each in scene.problems
        )
    return troubles


def _ended(bases: Iterable[Base]) -> list[tuple[RepositoryAddress, RequestEnd]]:
    """The bot's own requests that ended and are not in the ledger yet."""
    ended = {
        (base.repository, RequestEnd(request))
        for base in bases
        for requests in base.requests.values()
        for request in requests
        if request.state != "open" and not request.kept and not request.unread
        if Record.parse(request.body)
    }
    return sorted(ended, key=lambda each: (each[0].url, each[1].request.number))


def _listed(
    bases: Iterable[Base], facts: Facts, now: datetime
) -> Iterator[tuple[RepositoryAddress, Listed]]:
    """Notes that all ended requests were listed, now and then: else a young bot would read all that
    people ever closed in an old repository, at each look."""
    for base in bases:
        repository, branch = base.repository, base.tip.branch
        listed = facts.get(ListedOf(repository, branch))
        told = facts.get(MergeRequestsOf(repository))
        if repository.forge == "local" or not isinstance(listed, Known):
            continue  # a ref of the local forge tells all at no cost
        if isinstance(told, Known) and (listed.value is None or now - listed.value > _LISTED_ANEW):
            yield repository, Listed(branch, told.seen_at)


def _advise(scenes: Sequence[Scene], bases: Bases, facts: Facts) -> tuple[Advice, ...]:
    """How the bot stands in each repository, as far as that is known."""
    found: list[Advice] = []
    for base in bases.known.values():
        rules = [each.rule for each in scenes if base.repository in each.bases]
        footing = facts.get(FootingOf(base.repository, base.tip.branch))
        if rules and isinstance(footing, Known):
            found.append(advise(rules, base.repository, base.tip.branch, footing.value))
    return tuple(found)


def _decide(
    scene: Scene,
    target: Target,
    claims: Claims,
    facts: Facts,
    now: datetime,
    decided: Recollection,
) -> Decision:
    repository = scene.rule.repository_of(target.environment)
    base = Decision(scene.rule.source, repository, target, State.UNKNOWN, "no answer yet")
    if why := claims.rivalry(scene, target, facts):
        return replace(base, state=State.BLOCKED, why=why, trouble="input")
    try:
        return decided.decide(target, decide_target, facts, now)
    except NotAsked:
        raise
    except NotKnown as error:
        return replace(base, why=error.unknown.why, trouble=error.unknown.kind)
    except Exception as error:  # noqa: BLE001 - a bug in one decision never stops the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        module = place.filename.rpartition("/")[2]
        why = f"a bug in promoter: {type(error).__name__} at {module}:{place.lineno}"
        return replace(base, why=why, trouble="bug")


def _orphans(scene: Scene, base: Base, claims: Claims, facts: Facts, now: datetime) -> list[Orphan]:
    """Open requests that this rule made for targets that are gone, to any rule; a branch that a
    person pushed to is left alone. Raises NotAsked, NotKnown."""
    rule, repository = scene.rule, base.repository
    orphans: list[tuple[MergeRequest, Record]] = []
    facts.need(MergeRequestsOf(repository))
    holds = facts.need(HoldsOf(repository, base.tip.commit))
    for request in (each for requests in base.requests.values() for each in requests):
        record = Record.parse(request.body)
        if request.state != "open" or not request.branch.startswith(PREFIX) or record is None:
            continue
        brought = Record.parse_all(request.body)
        if any(holds.over_names(e.application, e.environment, now).stops for e in brought):
            continue
        if record.rule == rule.name and not claims.holds(repository, request.branch):
            orphans.append((request, record))
    branches = facts.need_all(
        BranchOf(repository, request.branch, base.tip.commit) for request, _ in orphans
    )
    found: list[Orphan] = []
    for (request, record), branch in zip(orphans, branches, strict=True):
        if (branch is None or branch.own) and not is_held(request):
            reason = f"{record.application} has no target in {record.environment} any more"
            if is_group_branch(request.branch):
                reason = f"the targets of {record.environment} don't share a merge request any more"
            action = Close(request.number, request.branch, reason)
            found.append(Orphan(repository, rule.source, action))
    return found
