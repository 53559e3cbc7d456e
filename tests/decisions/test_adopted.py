"""Adopted: what was offered when the bot came is proposed to nobody, what came later is."""

from __future__ import annotations

import pytest

from promoter.model.facts import BaselineOf, Unknown
from promoter.model.plan import Close, Propose, State
from tests.decisions.rules import artifact, chain, release, rule
from tests.decisions.test_wishes import asks
from tests.decisions.world import World, ago


@pytest.fixture
def world() -> World:
    """Dev runs 1.7.0, staging 1.5.0, production 1.3.0: as it is where a bot is new."""
    world = World((rule(*chain("dev", "staging", "production")),))
    world.registry("web", "1.3.0", "1.5.0", "1.7.0", "1.8.0")
    world.lands("web", "dev", "1.6.0", at=ago(days=5))
    world.lands("web", "dev", "1.7.0", at=ago(days=3))
    world.lands("web", "staging", "1.5.0", at=ago(days=30))
    world.lands("web", "production", "1.3.0", at=ago(days=60))
    world.baseline = {
        "dev": {"web": release("web:1.8.0")},
        "staging": {"web": release("web:1.7.0")},
        "production": {"web": release("web:1.5.0")},
    }
    return world


def test_nothing_is_proposed_of_what_was_there(world: World) -> None:
    for each in ("dev", "staging", "production"):
        decision = world.decision("web", each)
        assert (decision.state, decision.action) == (State.HELD_BACK, None)
    assert world.decision("web", "staging").why == (
        "1.7.0 was there when promoter was adopted (.promoter/baseline/staging.yaml); `promoter"
        " promote web --to staging --image ...` brings it all the same"
    )


def test_nothing_older_either(world: World) -> None:
    world.baseline = {"staging": {"web": release("web:1.7.0")}}
    assert world.decision("web", "staging").action is None, "1.6.0 ran in dev, too"


def test_what_is_newer_goes_its_way(world: World) -> None:
    world.registry("web", "1.8.0", "1.9.0")
    assert isinstance(world.decision("web", "dev").action, Propose)
    world.lands("web", "dev", "1.9.0", at=ago(hours=2))
    decision = world.decision("web", "staging")
    assert decision.offered == release("web:1.9.0")


def test_who_asks_for_it_gets_it(world: World) -> None:
    world.asked_for = (asks("1.7.0", where="staging"),)
    decision = world.decision("web", "staging")
    assert isinstance(decision.action, Propose)


def test_once_it_runs_the_baseline_says_nothing_any_more(world: World) -> None:
    world.lands("web", "staging", "1.7.0", at=ago(hours=1))
    assert world.decision("web", "staging").state is State.CURRENT
    world.lands("web", "dev", "1.9.0", at=ago(hours=2))
    assert isinstance(world.decision("web", "staging").action, Propose)


def test_an_open_request_of_it_is_closed(world: World) -> None:
    baseline, world.baseline = world.baseline, {}
    world.carry_out(world.plan())
    world.baseline = baseline
    decision = world.decision("web", "staging")
    assert isinstance(decision.action, Close)
    assert "was there when promoter was adopted" in decision.action.reason


def test_where_versions_do_not_order_what_upstream_ran_before_is_older() -> None:
    by_digest = artifact("tag", "stable")
    world = World((rule(*chain("dev", "staging"), artifacts=(by_digest,)),))
    world.registry("web", "stable@d")
    for index, content in enumerate("abc"):
        world.lands("web", "dev", f"stable@{content}", at=ago(days=9 - index))
    world.lands("web", "staging", "stable@a", at=ago(days=8))
    world.baseline = {"staging": {"web": release("web:stable@c")}}
    assert world.decision("web", "staging").action is None
    world.lands("web", "dev", "stable@d", at=ago(hours=1))
    assert world.decision("web", "staging").offered == release("web:stable@d")


def test_a_baseline_that_can_not_be_read_waits(world: World) -> None:
    trouble = Unknown(".promoter/baseline/staging.yaml:2:1: is not YAML", "input")
    world.troubles.append(
        (lambda q: isinstance(q, BaselineOf) and q.environment == "staging", trouble)
    )
    decision = world.decision("web", "staging")
    assert (decision.state, decision.trouble) == (State.UNKNOWN, "input")
    assert world.decision("web", "production").state is State.HELD_BACK, "its own can"


def test_other_images_than_those_of_then_are_no_baseline(world: World) -> None:
    world.baseline = {"staging": {"web": release("api:1.7.0")}}
    assert isinstance(world.decision("web", "staging").action, Propose)
