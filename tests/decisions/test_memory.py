"""With the memory of earlier looks the plan is the one that a fresh process makes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings

from promoter.decisions.memory import Memory
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.model.facts import Facts
from promoter.model.plan import Plan, State
from tests.decisions.rules import artifact, environment, rule, soak
from tests.decisions.tales import Event, Tale, tales, tell
from tests.decisions.world import NOW, World, ago

LATER = (timedelta(minutes=5), timedelta(days=1), timedelta(days=400))


def recall(world: World, memory: Memory, now: datetime = NOW) -> Plan:
    scope = Scope(world.rules, world.asked_for, world.only, world.rollbacks, world.limited)
    plan, _ = make_plan(scope, cast("Observer", world), Facts.none(), now, memory=memory)
    return plan


def quiet() -> World:
    """web runs the same everywhere, and there is nothing newer."""
    stages = (environment("staging"), environment("production", soak(hours=2), after=("staging",)))
    world = World((rule(*stages),))
    world.registry("web", "1.0.0", "1.1.0")
    for each in ("staging", "production"):
        world.lands("web", each, "1.1.0", at=ago(days=3))
    world.carry_out(world.plan())  # the ledger has seen the tags
    return world


@pytest.mark.parametrize("after", LATER)
def test_what_no_time_changes_is_not_decided_again(after: timedelta) -> None:
    world, memory = quiet(), Memory()
    first = recall(world, memory)
    assert {each.state for each in first.decisions} == {State.CURRENT}
    second = recall(world, memory, NOW + after)
    assert second == world.plan(NOW + after)
    pairs = zip(first.decisions, second.decisions, strict=True)
    assert all(before is after for before, after in pairs)


def test_a_quiet_look_asks_all_in_one_round_once_it_knows_the_targets() -> None:
    world, memory = quiet(), Memory()
    recall(world, memory)
    rounds = _rounds(world)
    recall(world, memory, NOW + timedelta(minutes=5))
    asked = [[type(each).__name__ for each in batch] for batch in rounds]
    assert asked[:3] == [["MergeRequestsOf"], ["TipOf"], ["TargetsOf"]]
    assert len(asked) == 4


def _rounds(world: World) -> list[list[object]]:
    rounds: list[list[object]] = []
    answer = world.answer

    def noted(questions, now):  # type: ignore[no-untyped-def]  # as `answer`
        batch = list(questions)
        rounds.append(batch)
        return answer(batch, now)

    world.answer = noted  # type: ignore[method-assign]  # to see what is asked when
    return rounds


def test_a_commit_that_concerns_others_changes_nothing() -> None:
    """Another application comes in: web is not decided again, though all is asked anew."""
    world, memory = quiet(), Memory()
    first = recall(world, memory)
    world.registry("api", "1.0.0")
    world.lands("api", "staging", "1.0.0", at=ago(minutes=1))
    second = recall(world, memory, NOW + LATER[0])
    assert second == world.plan(NOW + LATER[0])
    of_web = [each for each in second.decisions if each.target.application == "web"]
    assert all(a is b for a, b in zip(first.decisions, of_web, strict=True))
    third = recall(world, memory, NOW + LATER[1])
    assert [each.target for each in third.decisions] == [each.target for each in second.decisions]


def test_a_commit_that_changes_what_runs_is_seen() -> None:
    world, memory = quiet(), Memory()
    recall(world, memory)
    world.lands("web", "staging", "1.0.0", at=ago(minutes=1))
    plan = recall(world, memory, NOW + LATER[0])
    assert plan == world.plan(NOW + LATER[0])
    assert plan.decisions[0].running != world.history["web", "production"][-1].release


def test_what_waits_for_the_time_is_decided_anew() -> None:
    world, memory = quiet(), Memory()
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    world.lands("web", "staging", "1.2.0", at=ago(hours=1))
    for hours in (0, 0.5, 1, 2):
        now = NOW + timedelta(hours=hours)
        assert recall(world, memory, now) == world.plan(now)


def test_an_age_that_is_asked_for_is_looked_at_each_time() -> None:
    followed = artifact(minimum_age=timedelta(days=2))
    world, memory = World((rule(environment("dev"), artifacts=(followed,)),)), Memory()
    world.registry("web", "1.0.0", "1.1.0")
    world.lands("web", "dev", "1.0.0", at=ago(days=9))
    for each in world.tags["web"].values():
        world.created[each] = NOW - timedelta(days=1)
    states = []
    for days in (0, 0.5, 1, 2):
        now = NOW + timedelta(days=days)
        plan = recall(world, memory, now)
        assert plan == world.plan(now)
        states.append(plan.decisions[0].state)
    assert states[0] is not states[-1]


def test_a_version_that_is_pushed_again_is_told() -> None:
    world, memory = quiet(), Memory()
    recall(world, memory)
    world.tags["web"]["1.1.0"] = f"sha256:{'1' * 64}"
    plan = recall(world, memory, NOW + LATER[0])
    assert plan == world.plan(NOW + LATER[0])
    assert "1.1.0 of ghcr.io/shop/web moved" in plan.decisions[0].why


def test_a_rule_that_is_loaded_again_is_another_one_only_where_it_reads_otherwise() -> None:
    world, memory = quiet(), Memory()
    first = recall(world, memory)
    (of,) = world.rules
    world.rules = (replace(of),)
    assert recall(world, memory, NOW + LATER[0]).decisions[0] is first.decisions[0]
    world.rules = (replace(of, artifacts=(artifact("semver", "<1.1"),)),)
    changed = recall(world, memory, NOW + LATER[0])
    assert changed == world.plan(NOW + LATER[0])
    assert changed.decisions[0].state is State.HELD_BACK


def test_it_goes_back_in_time_as_a_fresh_process_does() -> None:
    """A clock that was ahead is set right."""
    world, memory = quiet(), Memory()
    world.hold_files["staging/web.yaml"] = (
        "by: ann\nreason: the sale\nuntil: 2026-03-03T00:00:00Z\n"
    )
    ahead = NOW + timedelta(days=30)
    assert recall(world, memory, ahead) == world.plan(ahead)
    assert recall(world, memory) == world.plan()


@settings(max_examples=20)
@given(told=tales())
def test_through_every_tale(told: tuple[Tale, list[Event]]) -> None:
    _go_through(told)


@pytest.mark.soak
@settings(max_examples=800)
@given(told=tales())
def test_through_many_more_tales(told: tuple[Tale, list[Event]]) -> None:
    _go_through(told)


def _go_through(told: tuple[Tale, list[Event]]) -> None:
    """At each look of the tale, and then at later times at which nothing happens."""
    tale, events = told
    memory = Memory()

    def compare(at: Tale, plan: Plan, facts: Facts) -> None:
        assert recall(at.world, memory, at.now) == plan

    tale.checked = compare
    tell(tale, events)
    for _ in range(2):
        tale.look()
    for after in LATER:
        assert recall(tale.world, memory, tale.now + after) == tale.world.plan(tale.now + after)
