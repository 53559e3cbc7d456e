"""`platforms`, `minimum-age`, and tags that moved under a version: from the best tag downwards."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from promoter.decisions.policies.policy import Choice
from promoter.decisions.policies.walk import MOST_LOOKED_AT
from promoter.model.facts import DetailsOf, DigestOf, NotKnown, SightingsOf, TagsOf, Unknown
from promoter.model.ledger import Sighting
from promoter.model.plan import State
from promoter.model.rule import ArtifactRule
from tests.decisions.choosing import choose, chosen, reasons, tags
from tests.decisions.rules import artifact, digest, environment, name, rule
from tests.decisions.world import NOW, World, ago

DAY = timedelta(days=1)
AGED = artifact(minimum_age=DAY)
BOTH = artifact(platforms=("linux/amd64", "linux/arm64"))


def sighted(tag: str, at: datetime, content: str = "") -> Sighting:
    return Sighting(name("web"), tag, digest(content or f"web:{tag}"), at)


def holding(**platforms: tuple[str, ...]) -> World:
    """Versions 1.0.0 and so on, each with what it holds: `v1_0_0=("linux/amd64",)`."""
    world = World()
    for version, held in platforms.items():
        tag = version.removeprefix("v").replace("_", ".")
        world.built("web", tag, ago(days=9))
        world.platforms[digest(f"web:{tag}")] = held
    return world


# -- what it costs ------------------------------------------------------------------------------


def test_one_request_where_the_best_tag_is_fine() -> None:
    world = tags(*(f"1.{minor}.0" for minor in range(500)))
    choose(world, artifact())
    asked = [type(question) for question in world.asked]
    assert sorted(asked, key=str) == sorted([TagsOf, SightingsOf, DigestOf], key=str)


def test_a_long_walk_asks_in_batches_that_grow() -> None:
    world = World()
    for minor in range(300):
        world.built("web", f"1.{minor}.0", ago(hours=1) if minor > 100 else ago(days=2))
    assert chosen(choose(world, AGED, repository=None)) == "1.100.0"
    asked = sum(isinstance(question, DigestOf) for question in world.asked)
    assert 200 <= asked <= 256


def test_a_walk_without_an_end_is_stopped_with_a_way_out() -> None:
    world = tags(*(f"1.{minor}.0" for minor in range(MOST_LOOKED_AT + 1)))
    with pytest.raises(NotKnown) as stopped:
        choose(world, BOTH, repository=None)
    assert stopped.value.unknown == Unknown(
        "the best 1000 of 1001 tags of ghcr.io/shop/web were looked at, and none may be taken"
        " (1.1000.0: lacks linux/amd64, linux/arm64 (it names no platform)); narrow `tags`",
        "input",
    )


def test_newest_build_looks_into_every_image_and_says_where_it_stops() -> None:
    world = tags(*(f"b{number}" for number in range(MOST_LOOKED_AT + 1)))
    with pytest.raises(NotKnown) as stopped:
        choose(world, artifact("newest", "build"))
    assert "1001 tags of ghcr.io/shop/web match" in stopped.value.unknown.why
    assert stopped.value.unknown.why.endswith("which it does for 1000 at most: narrow `tags`")
    assert not any(isinstance(question, DigestOf) for question in world.asked)


# -- platforms ----------------------------------------------------------------------------------


def test_the_best_version_that_holds_all_platforms() -> None:
    world = holding(
        v1_0_0=("linux/amd64", "linux/arm64"),
        v1_1_0=("linux/amd64", "linux/arm64/v8"),
        v1_2_0=("linux/amd64",),
        v1_3_0=(),
    )
    choice = choose(world, BOTH)
    assert chosen(choice) == "1.1.0"
    assert reasons(choice) == {
        "1.3.0": "lacks linux/amd64, linux/arm64 (it names no platform)",
        "1.2.0": "lacks linux/arm64 (it holds linux/amd64)",
        "1.0.0": "is lower than 1.1.0",
    }


def test_an_image_that_is_not_complete_yet_is_not_what_its_version_is_known_by() -> None:
    """Builds push amd64, then the same tag again with both."""
    world = holding(v1_0_0=("linux/amd64", "linux/arm64"), v1_1_0=("linux/amd64",))
    choice = choose(world, BOTH)
    assert choice.sightings == (sighted("1.0.0", NOW),)
    world.sightings.extend(choice.sightings)
    world.built("web", "1.1.0@complete", ago(hours=1))
    world.platforms[digest("complete")] = ("linux/amd64", "linux/arm64")
    assert chosen(choose(world, BOTH)) == "1.1.0"


def test_an_image_that_is_gone_behind_its_tag_is_unknown() -> None:
    world = holding(v1_0_0=("linux/amd64",))
    world.troubles.append((lambda q: isinstance(q, DetailsOf), Unknown("503")))
    with pytest.raises(NotKnown, match="503"):
        choose(world, BOTH)


# -- minimum-age --------------------------------------------------------------------------------


def test_who_is_too_young_waits_and_the_one_before_is_taken() -> None:
    world = World()
    world.built("web", "1.0.0", ago(days=3))
    world.built("web", "1.1.0", ago(hours=2))
    choice = choose(world, AGED)
    assert chosen(choice) == "1.0.0"
    assert reasons(choice)["1.1.0"] == (
        "too young: created 2h ago, 1d asked; may be taken from 2026-03-03T10:00:00Z on"
    )
    assert choice.sightings == (sighted("1.1.0", NOW), sighted("1.0.0", NOW))
    assert chosen(choose(world, AGED, NOW + timedelta(hours=22))) == "1.1.0"


def test_a_ledger_that_watched_long_enough_goes_before_what_the_image_says() -> None:
    """A creation time can be made up; what was seen can't be backdated."""
    world = World()
    world.built("web", "1.0.0", ago(days=300))
    world.built("web", "1.1.0", ago(days=200))
    world.sightings = [sighted("1.0.0", ago(days=2))]
    choice = choose(world, AGED)
    assert chosen(choice) == "1.0.0"
    assert reasons(choice)["1.1.0"].startswith("too young: first seen 0s ago, 1d asked")
    world.sightings.extend(choice.sightings)
    assert chosen(choose(world, AGED, NOW + DAY)) == "1.1.0"
    assert chosen(choose(world, AGED, NOW + DAY - timedelta(seconds=1))) == "1.0.0"


def test_a_young_ledger_tells_nothing_of_an_image_that_says_when_it_was_created() -> None:
    world = World()
    world.built("web", "1.0.0", ago(days=300))
    world.sightings = [sighted("1.0.0", ago(hours=1))]
    assert chosen(choose(world, AGED)) == "1.0.0"


def test_without_a_creation_time_the_first_sight_counts() -> None:
    """Reproducible builds: no time at all."""
    world = tags("1.0.0")
    choice = choose(world, AGED)
    assert chosen(choice) is None
    assert reasons(choice) == {
        "1.0.0": "too young: first seen 0s ago, 1d asked; may be taken from 2026-03-03T12:00:00Z on"
    }
    world.sightings.extend(choice.sightings)
    assert chosen(choose(world, AGED, NOW + timedelta(hours=23))) is None
    assert chosen(choose(world, AGED, NOW + DAY)) == "1.0.0"


@pytest.mark.parametrize("asks_ledger", [True, False])
def test_an_age_that_nothing_tells_waits(asks_ledger: bool) -> None:
    world = tags("1.0.0")
    world.fails(SightingsOf)
    choice = choose(world, AGED) if asks_ledger else choose(world, AGED, repository=None)
    assert chosen(choice) is None
    why = "the ledger can't be read" if asks_ledger else "no ledger was asked"
    assert reasons(choice) == {
        "1.0.0": f"its age is unknown: it does not say when it was created, and {why}"
    }
    assert choice.sightings == ()


def test_a_flood_of_young_tags_neither_starves_the_old_ones_nor_the_ledger() -> None:
    world = World()
    for minor in range(300):
        world.built("web", f"1.{minor}.0", ago(minutes=300 - minor))
    world.built("web", "1.0.0", ago(days=2))
    first = choose(world, AGED)
    assert chosen(first) == "1.0.0"
    assert len(first.sightings) == 100
    world.sightings.extend(first.sightings)
    assert choose(world, AGED).sightings == ()
    assert chosen(choose(world, AGED, NOW + DAY)) == "1.299.0"


def test_below_what_the_ledger_can_hold_the_creation_time_counts() -> None:
    """A ledger that watched for long, and three hundred tags that it never saw."""
    world = World()
    for minor in range(300):
        world.built("web", f"1.{minor}.0", ago(hours=2) if minor > 20 else ago(days=2))
    world.sightings = [sighted("0.9.0", ago(days=9))]
    choice = choose(world, AGED)
    assert chosen(choice) == "1.20.0"
    assert reasons(choice)["1.299.0"].startswith("too young: first seen 0s ago")
    assert reasons(choice)["1.21.0"].startswith("too young: created 2h ago")


# -- the same for policies whose tags may move ----------------------------------------------------


@pytest.mark.parametrize(
    ("followed", "tag"),
    [
        (artifact("tag", "stable", minimum_age=DAY), "stable"),
        (artifact("newest", "build", minimum_age=DAY), "stable"),
    ],
)
def test_a_moving_tag_ages_with_each_image(followed: ArtifactRule, tag: str) -> None:
    world = World()
    world.built("web", f"{tag}@one", ago(hours=1))
    young = choose(world, followed)
    assert (chosen(young), young.stop) == (None, "")
    assert young.sightings == (sighted(tag, NOW, "one"),)
    world.sightings.extend(young.sightings)
    assert chosen(choose(world, followed, NOW + DAY)) == tag
    world.built("web", f"{tag}@two", ago(days=90))
    second = choose(world, followed, NOW + DAY)
    assert (chosen(second), second.stop) == (None, "")
    assert second.sightings == (sighted(tag, NOW + DAY, "two"),)


def test_a_moving_tag_without_the_platforms_waits() -> None:
    world = tags("stable")
    world.platforms[digest("web:stable")] = ("windows/amd64",)
    choice = choose(world, artifact("tag", "stable", platforms=("linux/amd64",)))
    assert chosen(choice) is None
    assert reasons(choice) == {"stable": "lacks linux/amd64 (it holds windows/amd64)"}


def test_the_last_build_that_may_be_taken() -> None:
    world = World()
    world.built("web", "a", ago(days=3))
    world.built("web", "b", ago(days=2))
    world.built("web", "c", ago(hours=2))
    choice = choose(world, artifact("newest", "build", minimum_age=DAY))
    assert chosen(choice) == "b"
    assert reasons(choice)["c"].startswith("too young: created 2h ago")
    assert reasons(choice)["a"] == "was created 2026-02-27 12:00:00Z, before b"


@pytest.mark.parametrize(("policy", "argument"), [("tag", "stable"), ("newest", "build")])
def test_without_an_age_asked_for_moving_tags_are_none_of_the_ledgers_business(
    policy: str, argument: str
) -> None:
    world = World()
    world.built("web", "stable", ago(days=3))
    assert choose(world, artifact(policy, argument)).sightings == ()
    assert not any(isinstance(question, SightingsOf) for question in world.asked)


# -- a tag that moved under a version -------------------------------------------------------------


def stopped(world: World, followed: ArtifactRule) -> Choice:
    choice = choose(world, followed)
    assert choice.stop
    assert choice.image is None
    return choice


def test_a_tag_is_noted_when_it_is_first_seen_and_not_again() -> None:
    world = tags("1.0.0", "1.1.0")
    first = choose(world, artifact())
    assert first.sightings == (sighted("1.1.0", NOW),)
    world.sightings.extend(first.sightings)
    assert choose(world, artifact(), NOW + DAY).sightings == ()


@pytest.mark.parametrize(
    "followed",
    [
        artifact(),
        artifact("calver", "YYYY.0M.MICRO"),
        artifact("numeric", "asc", tags=r"(?P<version>\d+).*"),
        artifact("alphabetical", "asc"),
    ],
)
def test_a_tag_that_moved_under_its_version_stops_and_nothing_lower_is_taken(
    followed: ArtifactRule,
) -> None:
    world = tags("2026.10.0", "2026.11.0@other")
    world.sightings = [sighted("2026.11.0", ago(days=2))]
    choice = stopped(world, followed)
    assert reasons(choice)["2026.11.0"] == "names another image than it did at first"
    assert "2026.10.0" in reasons(choice)
    was, now = digest("web:2026.11.0"), digest("other")
    assert choice.stop == (
        "the tag 2026.11.0 of ghcr.io/shop/web moved: it was first seen as"
        f" {was[:19]} at 2026-02-28T12:00:00Z and is now {now[:19]};"
        " publish a new version, or take this one knowingly with `promoter promote APPLICATION"
        f" --to ENVIRONMENT --image ghcr.io/shop/web:2026.11.0@{now}`"
    )


def test_the_target_is_blocked_and_says_what_to_do() -> None:
    world = World((rule(environment("dev", automatic=True)),))
    world.registry("web", "1.0.0", "1.1.0@other")
    world.ran("web", "dev", "1.0.0")
    world.sightings = [sighted("1.1.0", ago(days=2))]
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert decision.why.startswith("the tag 1.1.0 of ghcr.io/shop/web moved: it was first seen as")
    world.registry("web", "1.0.0", "1.1.0@other", "1.1.1")
    assert world.decision("web", "dev").state is State.PROMOTING


def test_a_newer_version_is_taken_whatever_moved_below_it() -> None:
    world = tags("1.1.0@other", "1.2.0")
    world.sightings = [sighted("1.1.0", ago(days=2))]
    assert chosen(choose(world, artifact())) == "1.2.0"


def test_an_image_that_was_noted_later_as_well_was_taken_knowingly() -> None:
    world = tags("1.1.0@other")
    world.sightings = [sighted("1.1.0", ago(days=2)), sighted("1.1.0", ago(days=1), "other")]
    assert chosen(choose(world, artifact())) == "1.1.0"


def test_a_ledger_that_can_not_be_read_is_no_obstacle() -> None:
    world = tags("1.1.0")
    world.fails(SightingsOf)
    choice = choose(world, artifact())
    assert (chosen(choice), choice.sightings) == ("1.1.0", ())


def test_who_asks_without_a_repository_asks_no_ledger() -> None:
    world = tags("1.1.0")
    choice = choose(world, artifact(), repository=None)
    assert (chosen(choice), choice.sightings) == ("1.1.0", ())
    assert not any(isinstance(question, SightingsOf) for question in world.asked)
