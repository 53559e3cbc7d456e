"""What holds for every plan, in whatever world (`tests.decisions.tales`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import eq
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promoter.decisions.gates import GATES
from promoter.decisions.plan import decide
from promoter.model.facts import (
    ApprovalsOf,
    ChecksOf,
    CommitChecksOf,
    DetailsOf,
    Facts,
    SightingsOf,
    Unknown,
)
from promoter.model.image import ImageReference
from promoter.model.plan import Action, Close, Decision, Merge, Plan, Propose
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rule import EnvironmentRule, GateRule, Limits, Rule
from promoter.model.verdict import Verdict
from tests.decisions.tales import Event, Tale, tales, tell
from tests.decisions.world import NOW

Told = tuple[Tale, list[Event]]


# -- what every plan must keep --------------------------------------------------------------------


def keeps_its_promises(tale: Tale, plan: Plan, facts: Facts) -> None:
    assert not plan.asks
    assert not [each for each in plan.troubles if each.kind == "bug"]
    assert len(set(tale.world.asked)) == len(tale.world.asked), "something was asked twice"
    stopped_by_hold(tale, plan)
    for decision in plan.decisions:
        assert decision.trouble != "bug", decision.why
        record = brought(decision.action)
        if record is None:
            continue
        passes_its_gates(tale, decision)
        not_banned(tale, decision, record)
        if not record.rolls_back:
            is_later(tale, decision, record)
            ran_upstream(tale, decision, record)
            was_not_refused(tale, decision, record)


def brought(action: Action | None) -> Record | None:
    return action.record if isinstance(action, Propose | Merge) else None


def names(decision: Decision) -> tuple[str, str]:
    return decision.target.application, decision.target.environment


def ran_here(tale: Tale, decision: Decision) -> list[Release]:
    """Oldest first; the last one runs."""
    return [each.release for each in tale.world.history[names(decision)] if each.release]


def is_later(tale: Tale, decision: Decision, record: Record) -> None:
    """No image lower than what runs, at least one higher; another image at the same version only
    where a person asked for just that, and a moving tag never what ran here before."""
    rule = tale.rule_of(decision.target.environment)
    *before, running = ran_here(tale, decision)
    higher = False
    for image in record.release.artifacts:
        current = running.get(image.name)
        assert current is not None
        if image.agrees(current):
            higher = higher or (image != current and rule.artifacts[0].select.policy == "tag")
            continue
        if rule.artifacts[0].select.policy == "tag":
            ran = [e.digest for each in before if (e := each.get(image.name))]
            assert image.digest not in ran, "back to an image that ran here"
        elif image.tag == current.tag:
            assert is_wished_for(decision, image), "another image under the same version"
        else:
            assert numbers(image) > numbers(current), "a downgrade"
        higher = True
    assert higher, "nothing is later"


def numbers(image: ImageReference) -> list[int]:
    return [int(each) for each in (image.tag or "").split(".")]


def is_wished_for(decision: Decision, image: ImageReference) -> bool:
    return any(image in each.release.artifacts for each in decision.requested)


def passes_its_gates(tale: Tale, decision: Decision) -> None:
    """What is merged passed every gate at both doors, what is proposed every one of opening: by
    what the gates said, and by what the world says."""
    action = decision.action
    environment = tale.rule_of(names(decision)[1]).environment(names(decision)[1])
    if isinstance(action, Propose) and action.draft and environment.open == "early":
        assert all(each.judgement != "block" for each in opening(decision))
        return
    judged = decision.verdicts if isinstance(action, Merge) else opening(decision)
    assert all(each.passes for each in judged), "past a gate"
    spelled = [each.gate for each in judged]
    for gate in environment.require:
        if isinstance(action, Merge) or GATES[gate.gate].door(gate) == "open":
            assert gate.text in spelled, f"{gate.text} was not judged"
            skipped = any(each.skipped for each in judged if each.gate == gate.text)
            assert skipped or really_passes(tale, decision, environment, gate), gate.text


def opening(decision: Decision) -> list[Verdict]:
    return [each for each in decision.verdicts if each.guards == "open"]


def really_passes(
    tale: Tale, decision: Decision, environment: EnvironmentRule, gate: GateRule
) -> bool:
    """Whether a gate is open by the world itself; True where this is not that easily told."""
    action, world = decision.action, tale.world
    record = brought(action)
    assert record is not None
    head = action.head if isinstance(action, Merge) else ""
    if gate.gate == "approvals":
        return bool(world.approvers.get(head))
    if gate.gate == "checks" and ("of", "upstream") not in gate.options:
        return [each.state for each in world.checks.get(head, ())] == ["success"]
    if gate.gate == "window":
        return tale.now.date() != NOW.date()
    if gate.gate == "registries":
        return "quay.io" not in gate.text
    if gate.gate == "soak":
        upstream = gate.of or environment.after
        soaked = [has_soaked(tale, decision, record, each, gate) for each in upstream.environments]
        return any(soaked) if upstream.how == "any" else all(soaked)
    return True


def has_soaked(
    tale: Tale, decision: Decision, record: Record, upstream: str, gate: GateRule
) -> bool:
    wanted = gate.option("duration")
    assert isinstance(wanted, timedelta)
    periods = tale.world.history.get((names(decision)[0], upstream), [])
    if not periods:
        return False  # the target is gone, and another one upstream will do
    ends = [each.since for each in periods[1:]] + [tale.now]
    for period, end in reversed(list(zip(periods, ends, strict=True))):
        if period.release and is_same(period.release, record.release):
            landed = max([period.since, *merged_at(tale, period.commit)])
            return min(end, tale.now) - landed >= wanted
    return False


def merged_at(tale: Tale, commit: str) -> list[datetime]:
    requests = tale.world.requests
    return [each.ended_at for each in requests if each.head == commit and each.ended_at]


def is_same(one: Release, other: Release) -> bool:
    """Whether both are the same images, whatever the registry is called here and there."""
    return len(one.artifacts) == len(other.artifacts) and all(
        a.name.short == b.name.short and replace(a, name=b.name).agrees(b)
        for a, b in zip(by_short_name(one), by_short_name(other), strict=True)
    )


def by_short_name(release: Release) -> list[ImageReference]:
    return sorted(release.artifacts, key=lambda each: each.name.short)


def stopped_by_hold(tale: Tale, plan: Plan) -> None:
    holds = tale.holds
    for decision in plan.decisions:
        if holds.over_names(*names(decision), tale.now).stops:
            assert decision.action is None, "done under a hold"
    for orphan in plan.orphans:
        _, stage, application = orphan.action.branch.split("/")
        assert not holds.over_names(application, stage, tale.now).stops, "done under a hold"


def not_banned(tale: Tale, decision: Decision, record: Record) -> None:
    over = tale.holds.over_names(*names(decision), tale.now)
    assert over.ban_of(record.release) is None, "a release that is kept out"


def ran_upstream(tale: Tale, decision: Decision, record: Record) -> None:
    """Promise 7: what goes downstream ran upstream, or the record says what it skips."""
    application, stage = names(decision)
    after = tale.rule_of(stage).environment(stage).after
    if not after.environments or record.skips:
        return
    ran = [
        any(
            each.release and is_same(each.release, record.release)
            for each in tale.world.history.get((application, name), [])
        )
        for name in after.environments
    ]
    assert any(ran) if after.how == "any" else all(ran), "it never ran upstream"


def was_not_refused(tale: Tale, decision: Decision, record: Record) -> None:
    """Promise 9: what a person closed, or took back, is not proposed there again."""
    application, stage = names(decision)
    for request in tale.world.requests:
        closed = request.state == "closed" and request.closed_by and not request.closed_by_bot
        theirs = Record.parse(request.body)
        if closed and theirs and (theirs.application, theirs.environment) == (application, stage):
            assert not theirs.release.agrees(record.release), "a person closed it"
    ran = ran_here(tale, decision)
    assert not any(each.agrees(record.release) for each in ran[:-1]), "a person took it back"


def promises(told: Told, data: st.DataObject) -> None:
    """At every look of a tale, and at the end of it."""
    tale, events = told
    tale.checked = keeps_its_promises
    tell(tale, events)
    for _ in range(3):
        tale.look()


# -- the same facts, the same plan ----------------------------------------------------------------


def questions_in_any_order(told: Told, data: st.DataObject) -> None:
    """Answered one at a time, or some at a time, as well as all at once; and decided twice."""
    tale = tell(*told)
    whole, facts = tale.world.plan_and_facts(tale.now)
    assert decide(tale.rules, tale.world.asked_for, facts, tale.now) == whole
    chance = data.draw(st.randoms(use_true_random=False))
    most = data.draw(st.sampled_from((1, 3, 10)))
    some = Facts.none()
    plan = decide(tale.rules, tale.world.asked_for, some, tale.now)
    answered = 0
    while plan.asks:
        asks = sorted(plan.asks, key=repr)
        chosen = chance.sample(asks, min(len(asks), chance.randint(1, most)))
        answered += len(chosen)
        assert answered < 2000, "it never ends"
        some = some.plus(tale.world.answer(chosen, tale.now))
        plan = decide(tale.rules, tale.world.asked_for, some, tale.now)
    assert plan == whole


def order_does_not_matter(told: Told, data: st.DataObject) -> None:
    """Of rules, wishes, requests, tags, environments that don't stand before each other."""
    tale = tell(*told)
    other = deepcopy(tale)
    chance = data.draw(st.randoms(use_true_random=False))
    world = other.world
    world.rules = tuple(
        replace(each, environments=shuffled_stages(each, chance.random))
        for each in shuffled(world.rules, chance.random)
    )
    world.asked_for = tuple(shuffled(world.asked_for, chance.random))
    world.wishes = shuffled(world.wishes, chance.random)
    world.requests = shuffled(world.requests, chance.random)
    world.tags = {
        short: dict(shuffled(list(tags.items()), chance.random))
        for short, tags in world.tags.items()
    }
    world.history = dict(shuffled(list(world.history.items()), chance.random))
    assert by_target(world.plan(tale.now)) == by_target(tale.world.plan(tale.now))


def shuffled(things: Sequence[Any], chance: Callable[[], float]) -> list[Any]:
    return sorted(things, key=lambda _: chance())


def shuffled_stages(rule: Rule, chance: Callable[[], float]) -> tuple[EnvironmentRule, ...]:
    """Another order in which each still comes after what stands before it."""
    left, placed = list(rule.environments), dict[str, EnvironmentRule]()
    while left:
        free = [each for each in left if all(n in placed for n in each.after.environments)]
        one = free[int(chance() * len(free))]
        placed[one.name] = one
        left.remove(one)
    return tuple(placed.values())


def by_target(plan: Plan) -> dict[Any, Any]:
    decided: dict[Any, Any] = {
        each.target: replace(each, requested=tuple(sorted(each.requested, key=repr)))
        for each in plan.decisions
    }
    decided["orphans"] = frozenset(plan.orphans)
    decided["ended"] = frozenset(plan.ended)
    return decided


# -- troubles -------------------------------------------------------------------------------------


def comes_to_rest(told: Told, data: st.DataObject) -> None:
    """Also where some questions are never answered; and it keeps its promises there, too."""
    tale = tell(*told)
    _, facts = tale.world.plan_and_facts(tale.now)
    kinds = sorted({type(each) for each in facts.answers}, key=lambda kind: kind.__name__)
    for kind in data.draw(st.lists(st.sampled_from(kinds), max_size=2)):
        tale.world.fails(kind)
    tale.checked = keeps_its_promises
    for _ in range(40):
        before = (list(tale.world.sightings), list(tale.world.wishes))
        plan = tale.look()
        if not plan.actions and before == (tale.world.sightings, tale.world.wishes):
            return
    raise AssertionError("the bot never comes to rest")


GATES_ASK = (ApprovalsOf, ChecksOf, CommitChecksOf, DetailsOf)
"""A gate whose question is not answered never leads to a merge."""


def unknown_is_not_absent(told: Told, data: st.DataObject) -> None:
    """One answer less leads to no Close, no Merge and no Propose that would not be there with it.

    Three exceptions, each for a reason:
    - the ledger (SightingsOf) is comfort: without it a tag that moved before is not noticed;
    - a target that waits leaves its room (`limits`) and its turn to another one, so there are no
      limits and no turns here;
    - of several releases the newest whose gates pass goes on: where a gate of the newest can't be
      evaluated, and no merge request is open, an older one that passes all of them may be proposed.
    """
    tale = tell(*told)
    world = tale.world
    for _ in range(data.draw(st.integers(0, 2))):
        tale.look()
    world.rules = tuple(replace(each, limits=Limits(1000)) for each in world.rules)
    world.footing = replace(
        world.footing, protection=replace(world.footing.protection, up_to_date=False)
    )
    whole, facts = world.plan_and_facts(tale.now)
    questions = sorted(facts.answers, key=repr)
    of_gates = [each for each in questions if isinstance(each, GATES_ASK)]
    one = st.sampled_from([each for each in questions if not isinstance(each, SightingsOf)])
    chosen = data.draw(st.lists(one, min_size=1, max_size=4))
    if of_gates:
        chosen += data.draw(st.lists(st.sampled_from(of_gates), min_size=1, max_size=3))
    for silent in chosen:
        world.troubles = [(partial(eq, silent), Unknown("503"))]
        without = world.plan(tale.now)
        world.troubles = []
        assert not without.asks
        assert set(without.orphans) <= set(whole.orphans), silent
        had = {(each.rule, each.target): each for each in whole.decisions}
        for each in without.decisions:
            before = had.get((each.rule, each.target))
            assert before is not None
            assert adds_nothing(before, each), (silent, each.action, before.action)


def adds_nothing(before: Decision, after: Decision) -> bool:
    action = after.action
    if isinstance(action, Close | Merge):
        return action == before.action
    if isinstance(action, Propose) and isinstance(before.action, Propose):
        same = action.record.release == before.action.record.release
        return same or (action.number is None and before.action.number is None)
    return not isinstance(action, Propose)


# -- run ------------------------------------------------------------------------------------------

Property = Callable[[Told, st.DataObject], None]
PROPERTIES: tuple[tuple[Property, st.SearchStrategy[Told], int], ...] = (
    (promises, tales(), 20),
    (questions_in_any_order, tales(applications=2, events=6), 12),
    (order_does_not_matter, tales(), 15),
    (comes_to_rest, tales(), 15),
    (unknown_is_not_absent, tales(), 15),
)


def check(holds: Property, of: st.SearchStrategy[Told], examples: int) -> None:
    @settings(max_examples=examples)
    @given(told=of, data=st.data())
    def every_tale(told: Told, data: st.DataObject) -> None:
        holds(told, data)

    every_tale()


each_property = pytest.mark.parametrize(
    ("holds", "of", "examples"), [pytest.param(*each, id=each[0].__name__) for each in PROPERTIES]
)


@each_property
def test_every_plan(holds: Property, of: st.SearchStrategy[Told], examples: int) -> None:
    check(holds, of, examples)


@pytest.mark.soak
@each_property
def test_many_more_plans(holds: Property, of: st.SearchStrategy[Told], examples: int) -> None:
    check(holds, of, 40 * examples)
