"""What a merge request tells besides what moves; nothing hangs on it."""

from __future__ import annotations

from datetime import timedelta

from promoter.model.facts import DetailsOf
from promoter.model.plan import SourceChange, State, Stay
from tests.decisions.rules import digest, environment, rule
from tests.decisions.world import NOW, World, ago, name

SOURCE = "https://github.com/shop/web"
DEV = rule(environment("dev"))


def labels(revision: str, source: str = SOURCE) -> tuple[tuple[str, str], ...]:
    prefix = "org.opencontainers.image"
    return ((f"{prefix}.revision", revision), (f"{prefix}.source", source))


def offering(before: tuple[tuple[str, str], ...], after: tuple[tuple[str, str], ...]) -> World:
    world = World((DEV,))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    world.labels = {digest("web:1.0.0"): before, digest("web:1.1.0"): after}
    return world


def sources(world: World) -> tuple[SourceChange, ...]:
    return world.decision("web", "dev").sources


def test_the_commits_between_two_images_are_told_by_their_labels() -> None:
    world = offering(labels("a" * 40), labels("b" * 40, f"{SOURCE}.git"))
    assert sources(world) == (SourceChange(name("web"), SOURCE, None, "b" * 40),), "another source"
    world = offering(labels("a" * 40), labels("b" * 40))
    assert sources(world) == (SourceChange(name("web"), SOURCE, "a" * 40, "b" * 40),)


def test_what_is_no_address_or_no_commit_is_left_out() -> None:
    for bad in (
        labels("main"),
        labels("b" * 40, "javascript:alert(1)"),
        labels("b" * 40, "https://git.example.com/a) [x](https://evil.example/"),
        (),
    ):
        assert sources(offering(labels("a" * 40), bad)) == ()


def test_an_image_that_can_not_be_read_stops_nothing() -> None:
    world = offering(labels("a" * 40), labels("b" * 40))
    world.fails(DetailsOf, "503")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.sources) == (State.PROPOSED, ())


def test_where_it_ran_before_and_how_long() -> None:
    chain = rule(environment("dev"), environment("staging", after=("dev",)))
    world = World((chain,))
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    world.ran("web", "dev", "1.0.0", "1.1.0")
    world.lands("web", "staging", "1.0.0", at=ago(days=4))
    (stay,) = world.decision("web", "staging").stays
    assert stay == Stay("dev", ago(days=2), None, NOW)
    world.lands("web", "dev", "1.2.0", at=ago(hours=1))
    later = NOW + timedelta(hours=1)
    (stay,) = world.decision("web", "staging", later).stays
    assert (stay.since, stay.until) == (ago(hours=1), None), "the newest of what dev ran"
