"""`tag: NAME`: the digest moves, the tag is a label."""

from __future__ import annotations

from datetime import timedelta

from promoter.model.plan import State
from tests.decisions.rules import artifact, chain, rule
from tests.decisions.world import World, ago


def follow_latest(*environments: str) -> World:
    stages = chain(*(environments or ("dev",)), automatic=True)
    return World((rule(*stages, artifacts=(artifact("tag", "latest"),)),))


def test_a_new_digest_is_later() -> None:
    world = follow_latest()
    world.ran("web", "dev", "latest@one")
    world.registry("web", "latest@two")
    assert world.decision("web", "dev").state is State.PROMOTING
    assert world.reconcile().decisions[0].state is State.CURRENT


def test_a_digest_that_ran_before_is_backwards() -> None:
    world = follow_latest()
    world.ran("web", "dev", "latest@one", "latest@two")
    world.registry("web", "latest@one")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.HELD_BACK, None)
    assert "ran here from" in decision.why


def test_a_tag_without_a_digest_is_pinned_first() -> None:
    world = follow_latest()
    world.ran("web", "dev", "latest@")
    world.registry("web", "latest@one")
    assert world.decision("web", "dev").state is State.PROMOTING


def test_a_site_that_can_carry_only_a_tag_is_an_error_at_its_place() -> None:
    world = follow_latest()
    world.ran("web", "dev", "latest@")
    world.registry("web", "latest@one")
    world.tag_only.add(("web", "dev"))
    decision = world.decision("web", "dev")
    assert (decision.state, decision.trouble, decision.action) == (State.BLOCKED, "input", None)
    assert str(decision.where) == "apps/web/dev/kustomization.yaml:1:3"
    assert "follows a moving tag, and no digest can be written here" in decision.why


def test_a_tag_that_is_gone_is_unknown() -> None:
    world = follow_latest()
    world.ran("web", "dev", "latest@one")
    world.registry("web", "1.0.0")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.why) == (
        State.UNKNOWN,
        "ghcr.io/shop/web has no tag latest",
    )


def test_downstream_receives_the_digest_that_ran_upstream_not_what_the_tag_names_now() -> None:
    world = follow_latest("dev", "production")
    world.ran("web", "dev", "latest@one", "latest@two")
    world.ran("web", "production", "latest@one")
    world.registry("web", "latest@three")
    offered = world.decision("web", "production").offered
    dev = world.decision("web", "dev").offered
    assert offered is not None
    assert offered != dev
    assert offered.agrees(world.history["web", "dev"][-1].release)  # type: ignore[arg-type]


def test_a_young_image_waits_and_what_is_open_stays_open() -> None:
    followed = artifact("tag", "latest", minimum_age=timedelta(hours=6))
    world = World((rule(*chain("dev"), artifacts=(followed,)),))
    world.ran("web", "dev", "latest@one")
    world.built("web", "latest@two", ago(hours=8))
    world.reconcile()
    world.tags["web"].clear()
    world.built("web", "latest@three", ago(hours=1))
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert "latest is too young: created 1h ago" in decision.why
    assert world.request("web", "dev").state == "open"
