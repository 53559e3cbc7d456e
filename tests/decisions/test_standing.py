"""Later, backwards, a mixture, a moved tag: how what is offered stands to what runs."""

from __future__ import annotations

from promoter.model.plan import State
from tests.decisions.rules import artifact, chain, digest, environment, image, rule
from tests.decisions.world import World, ago

PAIR = (artifact(), artifact(short="worker"))


def pair_of(web: str, worker: str, *environments: str) -> World:
    world = World((rule(*chain(*(environments or ("dev",))), artifacts=PAIR),))
    world.registry("web", web)
    world.registry("worker", worker)
    return world


def test_artifacts_move_together() -> None:
    world = pair_of("1.1.0", "1.0.0")
    world.lands("web", "dev", "1.0.0", "worker:1.0.0", at=ago(days=1))
    decision = world.decision("web", "dev")
    assert decision.state is State.PROPOSED
    assert decision.offered is not None
    assert decision.offered.label == "web 1.1.0, worker 1.0.0"


def test_a_mixture_waits_for_a_person() -> None:
    world = pair_of("1.2.0", "1.0.0")
    world.lands("web", "dev", "1.1.0", "worker:1.1.0", at=ago(days=1))
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert decision.why == (
        "a mixture: of web 1.2.0, worker 1.0.0 some artifacts are later and some earlier than"
        " 1.1.0; a person decides"
    )


def test_a_mixture_in_upstream_does_not_hide_the_release_before_it() -> None:
    world = pair_of("1.2.0", "1.2.0", "dev", "production")
    world.lands("web", "production", "1.0.0", "worker:1.1.0", at=ago(days=9))
    world.lands("web", "dev", "1.1.0", "worker:1.1.0", at=ago(days=8))
    world.lands("web", "dev", "1.2.0", "worker:1.0.0", at=ago(days=7))
    decision = world.decision("web", "production")
    assert decision.offered is not None
    assert decision.offered.label == "1.1.0"


def test_an_environment_never_receives_a_piece_of_a_release() -> None:
    world = pair_of("1.1.0", "1.1.0", "dev", "production")
    world.lands("web", "production", "1.0.0", at=ago(days=9))
    world.lands("web", "dev", "1.1.0", "worker:1.1.0", at=ago(days=8))
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert "other artifacts than the sites here name: ghcr.io/shop/worker" in decision.why


def test_only_what_the_sites_name_is_asked_from_the_registry() -> None:
    world = pair_of("1.1.0", "1.1.0")
    world.lands("web", "dev", "1.0.0", at=ago(days=9))
    assert world.decision("web", "dev").offered is not None
    assert not [each for each in world.asked if "worker" in str(getattr(each, "name", ""))]


def test_a_tag_that_moved_under_a_version_blocks() -> None:
    world = World((rule(environment("dev")),))
    world.ran("web", "dev", "1.0.0")
    world.registry("web", "1.0.0@other")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert decision.why == (
        "the tag 1.0.0 of ghcr.io/shop/web moved: registry offers another image than the one that"
        " runs here; publish a new version, or take this image knowingly: promoter promote web"
        f" --to dev --image ghcr.io/shop/web:1.0.0@{digest('other')}"
    )


def test_the_next_version_leaves_a_moved_tag_behind() -> None:
    world = World((rule(environment("dev")),))
    world.ran("web", "dev", "1.0.0")
    world.registry("web", "1.0.0@other", "1.0.1")
    assert world.decision("web", "dev").state is State.PROPOSED


def test_a_version_without_a_digest_runs_the_same_version() -> None:
    world = World((rule(environment("dev")),))
    world.lands("web", "dev", "1.0.0@", at=ago(days=1))
    world.registry("web", "1.0.0")
    assert world.decision("web", "dev").state is State.CURRENT


def test_a_target_that_names_none_of_the_artifacts_is_not_followed() -> None:
    world = World((rule(environment("dev")),))
    world.lands("web", "dev", at=ago(days=1))
    world.history["web", "dev"].clear()
    decision = world.decision("web", "dev")
    assert (decision.state, decision.why) == (
        State.NOT_FOLLOWED,
        "nothing under apps/web/dev names ghcr.io/shop/web",
    )


def test_sites_that_disagree_block() -> None:
    world = World((rule(environment("dev")),))
    world.ran("web", "dev", "1.0.0")
    world.registry("web", "1.1.0")
    world.mixed["web", "dev"] = "web is at 1.0.0 in a.yaml:1, but at 1.1.0 in b.yaml:1"
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert decision.why == "mixed: web is at 1.0.0 in a.yaml:1, but at 1.1.0 in b.yaml:1"


def test_the_tag_is_resolved_once_and_both_parts_are_proposed() -> None:
    world = World((rule(environment("dev")),))
    world.ran("web", "dev", "1.0.0")
    world.registry("web", "1.1.0@exactly-this")
    offered = world.decision("web", "dev").offered
    assert offered is not None
    assert offered.artifacts == (image("web:1.1.0@exactly-this"),)
