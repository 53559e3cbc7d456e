"""What is noted of a release on its way: each step once, and nothing where nothing moves."""

from __future__ import annotations

from datetime import timedelta

from promoter.model.facts import JourneysOf
from promoter.model.ledger import Journey
from promoter.model.plan import Plan
from tests.decisions.rules import approvals, environment, release, rule, soak
from tests.decisions.world import NOW, World, ago, on_its_way


def notes(plan: Plan) -> list[Journey]:
    return [each for told in plan.notes.values() for each in told if isinstance(each, Journey)]


def asked(world: World) -> list[str]:
    return [each.target.environment for each in world.asked if isinstance(each, JourneysOf)]


def staged() -> World:
    """2.0.0 runs in dev for an hour; staging wants two, and a yes."""
    staging = environment("staging", soak(hours=2), approvals(1), after=("dev",))
    return on_its_way(staging, version="2.0.0", since=ago(hours=1))


def test_each_step_is_noted_when_it_is_first_seen_and_never_again() -> None:
    world = staged()
    two = release("web:2.0.0")
    plan = world.plan()
    assert notes(plan) == [Journey("web", "staging", two, NOW)]
    world.carry_out(plan)
    assert notes(world.plan(NOW + timedelta(minutes=5))) == []

    later = NOW + timedelta(hours=2)
    plan = world.plan(later)
    assert notes(plan) == [Journey("web", "staging", two, later, (("soak: 2h", later),))]
    world.carry_out(plan, later)
    world.reconcile(later + timedelta(minutes=1))

    request = world.request("web", "staging")
    world.approvers[request.head] = ("ada",)
    last = later + timedelta(hours=1)
    world.reconcile(last)
    (kept,) = world.journeys["web", "staging"]
    assert (kept.offered_at, kept.passed) == (
        NOW,
        (("soak: 2h", later), ("approvals: 1", last)),
    )
    assert notes(world.plan(last + timedelta(days=1))) == []


def test_where_nothing_is_on_its_way_nothing_is_asked() -> None:
    world = staged()
    world.plan()
    assert asked(world) == ["staging"]
    quiet = World((rule(environment("dev")),))
    quiet.registry("web", "1.0.0")
    quiet.ran("web", "dev", "1.0.0")
    quiet.plan()
    assert asked(quiet) == []


def test_a_ledger_that_can_not_be_read_changes_no_decision() -> None:
    world, blind = staged(), staged()
    blind.fails(JourneysOf)
    seen, unseen = world.plan(), blind.plan()
    assert notes(unseen) == []
    assert [each.state for each in unseen.decisions] == [each.state for each in seen.decisions]
    assert [each.why for each in unseen.decisions] == [each.why for each in seen.decisions]


def test_what_was_known_before_it_was_forgotten_is_not_noted_of_what_a_person_rejected() -> None:
    world = staged()
    world.reconcile(NOW + timedelta(hours=2))
    world.close(world.request("web", "staging"), "ada")
    world.journeys.clear()
    assert notes(world.plan(NOW + timedelta(hours=3))) == []
