"""`newest: build`: the image that was created last."""

from __future__ import annotations

from promoter.model.facts import DetailsOf, Unknown
from promoter.model.plan import PassedOver, State
from tests.decisions.rules import artifact, digest, environment, rule
from tests.decisions.world import World, ago


def follow_builds(running: str = "a") -> World:
    world = World((rule(environment("dev"), artifacts=(artifact("newest", "build"),)),))
    world.ran("web", "dev", running)
    world.built("web", "a", ago(days=9))
    return world


def test_the_last_build_is_offered_whatever_its_tag() -> None:
    world = follow_builds()
    world.built("web", "zz", ago(days=4))
    world.built("web", "b", ago(days=2))
    decision = world.decision("web", "dev")
    assert decision.state is State.PROPOSED
    assert decision.selections[0].chosen == "b"
    assert {each.what: each.why for each in decision.selections[0].passed_over} == {
        "a": "was created 2026-02-21 12:00:00Z, before b",
        "zz": "was created 2026-02-26 12:00:00Z, before b",
    }


def test_builds_of_one_moment_are_told_apart_by_their_tags() -> None:
    for tags in (("b", "c"), ("c", "b")):
        world = follow_builds()
        for tag in tags:
            world.built("web", tag, ago(days=1))
        decision = world.decision("web", "dev")
        assert decision.selections[0].chosen == "c"
        assert PassedOver("b", "was created at the same time as c") in (
            decision.selections[0].passed_over
        )


def test_a_build_that_does_not_say_when_is_passed_over() -> None:
    world = follow_builds()
    world.registry("web", "a", "z")
    decision = world.decision("web", "dev")
    assert decision.state is State.CURRENT
    assert decision.selections[0].passed_over[0].what == "z"
    assert decision.selections[0].passed_over[0].why == "does not say when it was created"


def test_where_no_build_says_when_nothing_is_chosen() -> None:
    world = follow_builds()
    world.created.clear()
    decision = world.decision("web", "dev")
    assert (decision.state, decision.why) == (
        State.WAITING,
        "no tag of ghcr.io/shop/web fits newest: build",
    )


def test_an_older_build_is_not_later() -> None:
    """A build of a branch is out of the rule's sight, but still in the registry."""
    world = follow_builds(running="hotfix")
    world.rules = (
        rule(
            environment("dev"),
            artifacts=(artifact("newest", "build", ignore=("hotfix",)),),
        ),
    )
    world.built("web", "hotfix", ago(days=2))
    world.built("web", "b", ago(days=3))
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.HELD_BACK, None)
    world.built("web", "c", ago(days=1))
    assert world.decision("web", "dev").state is State.PROPOSED


def test_where_the_image_that_runs_is_gone_a_person_decides() -> None:
    """An older build that never ran here would pass for a newer one."""
    world = follow_builds()
    world.ran("web", "dev", "gone")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert "is gone from the registry, so nothing tells whether" in decision.why


def test_one_build_whose_details_are_unknown_makes_the_choice_unknown() -> None:
    world = follow_builds()
    world.built("web", "b", ago(days=1))
    world.troubles.append(
        (lambda q: isinstance(q, DetailsOf) and q.digest == digest("web:b"), Unknown("429"))
    )
    decision = world.decision("web", "dev")
    assert (decision.state, decision.why, decision.action) == (State.UNKNOWN, "429", None)
