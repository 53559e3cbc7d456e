"""What a downstream environment is offered: what its upstream runs or has run."""

from __future__ import annotations

from promoter.model.facts import TagsOf
from promoter.model.plan import State
from tests.decisions.rules import artifact, chain, environment, rule, soak
from tests.decisions.world import World, ago


def label(world: World, environment: str = "production") -> str | None:
    offered = world.decision("web", environment).offered
    return offered.label if offered else None


def test_a_busy_upstream_does_not_starve_production() -> None:
    """Staging gets a release every hour; production wants six hours of soak."""
    production = environment("production", soak(hours=6), after=("staging",))
    world = World((rule(environment("staging"), production),))
    world.registry("web", "1.4.0")
    world.ran("web", "production", "1.0.0")
    world.lands("web", "staging", "1.1.0", at=ago(hours=20))
    world.lands("web", "staging", "1.2.0", at=ago(hours=9))
    world.lands("web", "staging", "1.3.0", at=ago(hours=2))
    world.lands("web", "staging", "1.4.0", at=ago(hours=1))
    decision = world.decision("web", "production")
    assert decision.state is State.PROPOSED
    assert decision.offered is not None
    assert decision.offered.label == "1.2.0", "the newest whose soak passes"
    assert [each.what for each in decision.passed_over] == ["1.4.0", "1.3.0"]


def test_nothing_is_asked_from_the_registry_for_a_downstream_environment() -> None:
    world = World((rule(*chain("dev", "production")),))
    world.ran("web", "dev", "1.0.0", "1.1.0")
    world.ran("web", "production", "1.0.0")
    world.fails(TagsOf)
    assert world.decision("web", "dev").state is State.UNKNOWN
    assert label(world) == "1.1.0"


def test_a_release_that_upstream_went_back_from_is_offered_to_nobody() -> None:
    world = World((rule(*chain("dev", "production")),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.0.0", "1.1.0", "1.0.0")
    world.ran("web", "production", "1.0.0")
    decision = world.decision("web", "production")
    assert decision.state is State.CURRENT
    assert [(each.what, each.why) for each in decision.passed_over] == [
        ("1.1.0", "dev went back from it")
    ]


def test_going_back_two_releases_takes_both_back() -> None:
    production = environment("production", soak(days=3), after=("dev",))
    world = World((rule(environment("dev"), production),))
    world.registry("web", "1.2.0")
    world.ran("web", "production", "0.9.0")
    for days, version in ((40, "1.0.0"), (30, "1.1.0"), (20, "1.2.0"), (1, "1.0.0")):
        world.lands("web", "dev", version, at=ago(days=days))
    decision = world.decision("web", "production")
    assert (decision.state, label(world)) == (State.WAITING, "1.0.0")
    assert [each.what for each in decision.passed_over] == ["1.2.0", "1.1.0", "1.0.0"]


def test_a_long_history_costs_no_more_rounds_than_a_short_one() -> None:
    """Creation times are asked image by image, but all of them at once."""
    builds = [f"build-{number}" for number in range(150)]
    world = World((rule(*chain("dev", "production"), artifacts=(artifact("newest", "build"),)),))
    for age, build in enumerate(reversed(builds), 1):
        world.built("web", build, ago(days=2 * age + 1))
    world.ran("web", "dev", *builds)
    world.ran("web", "production", builds[0])
    world.fails(TagsOf)  # else dev would have asked for all of them already
    assert label(world) == builds[-1]


def test_a_release_that_upstream_took_again_is_offered_again() -> None:
    world = World((rule(*chain("dev", "production")),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.0.0", "1.1.0", "1.0.0", "1.1.0")
    world.ran("web", "production", "1.0.0")
    assert label(world) == "1.1.0"


def test_after_a_list_wants_all_of_them() -> None:
    stages = environment("eu"), environment("us"), environment("production", after=("eu", "us"))
    world = World((rule(*stages),))
    world.registry("web", "1.2.0")
    world.ran("web", "eu", "1.0.0", "1.1.0", "1.2.0")
    world.ran("web", "us", "1.0.0", "1.1.0")
    world.ran("web", "production", "1.0.0")
    assert label(world) == "1.1.0"
    world.lands("web", "us", "1.2.0", at=ago(hours=1))
    assert label(world) == "1.2.0"


def test_after_any_takes_the_newest_of_either() -> None:
    stages = environment("eu"), environment("us"), environment("production", any_of=("eu", "us"))
    world = World((rule(*stages),))
    world.registry("web", "1.3.0")
    world.ran("web", "eu", "1.0.0", "1.2.0")
    world.ran("web", "us", "1.0.0", "1.1.0", "1.3.0")
    world.ran("web", "production", "1.0.0")
    assert label(world) == "1.3.0"


def test_after_any_the_newest_of_digests_is_the_one_that_came_last() -> None:
    stages = environment("eu"), environment("us"), environment("production", any_of=("eu", "us"))
    world = World((rule(*stages, artifacts=(artifact("tag", "main"),)),))
    world.registry("web", "main@e3")
    for days, where, which in ((9, "eu", "e1"), (8, "us", "u1"), (7, "us", "u2"), (6, "eu", "e2")):
        world.lands("web", where, f"main@{which}", at=ago(days=days))
    world.lands("web", "production", "main@p", at=ago(days=20))
    decision = world.decision("web", "production")
    assert decision.offered is not None
    assert decision.offered.agrees(world.history["web", "eu"][-1].release)  # type: ignore[arg-type]


def test_a_release_reverted_in_one_of_any_is_not_taken_from_the_other() -> None:
    stages = environment("eu"), environment("us"), environment("production", any_of=("eu", "us"))
    world = World((rule(*stages),))
    world.registry("web", "1.1.0")
    world.ran("web", "eu", "1.0.0", "1.1.0", "1.0.0")
    world.ran("web", "us", "1.0.0", "1.1.0")
    world.ran("web", "production", "1.0.0")
    assert world.decision("web", "production").state is State.CURRENT


def test_after_any_one_that_the_application_lacks_is_no_obstacle() -> None:
    stages = environment("eu"), environment("us"), environment("production", any_of=("eu", "us"))
    world = World((rule(*stages),))
    world.registry("web", "1.1.0")
    world.ran("web", "us", "1.0.0", "1.1.0")
    world.ran("web", "production", "1.0.0")
    assert label(world) == "1.1.0"


def test_an_upstream_that_the_application_lacks_blocks_with_its_name() -> None:
    world = World((rule(*chain("dev", "staging", "production")),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.0.0", "1.1.0")
    world.ran("web", "production", "1.0.0")
    decision = world.decision("web", "production")
    assert (decision.state, decision.trouble) == (State.BLOCKED, "input")
    assert decision.why == "web has no target in staging, its upstream"


def test_a_revert_at_the_very_start_stops_the_release_everywhere_downstream() -> None:
    """Staging still runs it; dev is where a person took it back."""
    world = World((rule(*chain("dev", "staging", "production")),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.0.0", "1.1.0", "1.0.0")
    world.ran("web", "staging", "1.0.0", "1.1.0")
    world.ran("web", "production", "1.0.0")
    decision = world.decision("web", "production")
    assert decision.state is State.CURRENT
    assert ("1.1.0", "dev went back from it") in [(p.what, p.why) for p in decision.passed_over]


def test_a_digest_that_upstream_does_not_write_is_asked_at_the_promotion() -> None:
    world = World((rule(*chain("dev", "production")),))
    world.registry("web", "1.1.0@now")
    world.lands("web", "dev", "1.1.0@", at=ago(days=1))
    world.ran("web", "production", "1.0.0")
    offered = world.decision("web", "production").offered
    assert offered is not None
    assert offered.artifacts[0].digest == world.tags["web"]["1.1.0"]


def test_an_image_that_is_gone_meanwhile_waits() -> None:
    world = World((rule(*chain("dev", "production")),))
    world.registry("web", "1.2.0")
    world.lands("web", "dev", "1.1.0@", at=ago(days=1))
    world.ran("web", "production", "1.0.0")
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.UNKNOWN, None)
    assert decision.why == "ghcr.io/shop/web no longer has the tag 1.1.0"


def test_an_older_upstream_offers_nothing_to_a_newer_downstream() -> None:
    world = World((rule(*chain("dev", "production")),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.0.0", "1.1.0")
    world.ran("web", "production", "2.0.0")
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.HELD_BACK, None)


def test_a_tag_that_moved_since_it_was_promoted_goes_no_further() -> None:
    """Manifests that carry tags only don't tell the digest; the merged request does."""
    world = World((rule(*chain("dev", "production", automatic=True)),))
    world.tag_only |= {("web", "dev"), ("web", "production")}
    world.registry("web", "1.0.0", "1.1.0")
    for where in ("dev", "production"):
        world.lands("web", where, "1.0.0@", at=ago(days=9))
    world.carry_out(world.plan())
    world.carry_out(world.plan())
    assert world.request("web", "dev").state == "merged"
    world.history["web", "dev"].pop()
    world.lands("web", "dev", "1.1.0@", at=ago(minutes=1))
    assert world.decision("web", "production").state is State.PROMOTING
    world.registry("web", "1.0.0", "1.1.0@another")
    decision = world.decision("web", "production")
    assert (decision.state, decision.trouble, decision.action) == (State.UNKNOWN, "input", None)
    assert decision.why == (
        "the tag 1.1.0 of ghcr.io/shop/web moved since it was promoted; publish a new version"
    )
