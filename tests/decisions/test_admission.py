"""`platforms`, `minimum-age`, and tags that moved under a version: from the best tag downwards."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from promoter.decisions.policies.admission import Refusal, refuse_image
from promoter.decisions.policies.policy import Choice, Followed
from promoter.decisions.policies.walk import MOST_LOOKED_AT
from promoter.model.facts import (
    DetailsOf,
    DigestOf,
    Facts,
    NotAsked,
    NotKnown,
    SightingsOf,
    TagsOf,
    Unknown,
)
from promoter.model.ledger import Sighting
from promoter.model.plan import State
from promoter.model.rule import ArtifactRule
from tests.decisions.choosing import answered, choose, chosen, reasons, tags
from tests.decisions.rules import MANIFESTS, artifact, digest, environment, image, name, rule
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
        " (1.1000.0 lacks linux/amd64, linux/arm64 (it names no platform)); narrow `tags`",
        "input",
    )


def test_newest_build_looks_into_every_image_and_says_where_it_stops() -> None:
    world = tags(*(f"b{number}" for number in range(MOST_LOOKED_AT + 1)))
    with pytest.raises(NotKnown) as stopped:
        choose(world, artifact("newest", "build"))
    assert "1001 tags of ghcr.io/shop/web match" in stopped.value.unknown.why
    assert stopped.value.unknown.why.endswith(
        "which it does for 1000 at most: narrow `tags`; where they tell nothing (commits), delete"
        " old ones in the registry, or let the build push one more tag that moves, and follow it"
        " with `tag: NAME`"
    )
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


def test_where_no_image_holds_them_the_best_one_tells_why() -> None:
    world = holding(v1_0_0=("linux/amd64",), v1_1_0=("linux/arm64",))
    choice = choose(world, BOTH)
    assert (choice.image, choice.stop) == (None, "")
    assert choice.refusal == "1.1.0 lacks linux/amd64 (it holds linux/arm64)"
    assert chosen(choose(world, artifact())) == "1.1.0"


def test_where_no_tag_fits_at_all_nothing_is_waited_for() -> None:
    world = holding(v1_0_0=("linux/amd64",))
    followed = artifact("semver", ">=2", platforms=BOTH.platforms)
    assert choose(world, followed).refusal == ""


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
    assert (chosen(choice), choice.refusal) == ("1.0.0", "")
    assert reasons(choice)["1.1.0"] == (
        "is too young: created 2h ago, 1d asked; may be taken from 2026-03-03T10:00:00Z on"
    )
    assert chosen(choose(world, AGED, NOW + timedelta(hours=22, seconds=-1))) == "1.0.0"
    assert chosen(choose(world, AGED, NOW + timedelta(hours=22))) == "1.1.0"


def test_where_all_are_too_young_the_best_one_tells_when_its_time_comes() -> None:
    world = World()
    world.built("web", "1.0.0", ago(hours=3))
    world.built("web", "1.1.0", ago(hours=2))
    choice = choose(world, AGED)
    assert chosen(choice) is None
    assert choice.refusal == (
        "1.1.0 is too young: created 2h ago, 1d asked; may be taken from 2026-03-03T10:00:00Z on"
    )


@pytest.mark.parametrize("seen", [ago(days=9), ago(hours=1)])
def test_what_an_image_says_goes_before_what_the_ledger_saw(seen: datetime) -> None:
    """Else the answer would turn round as the ledger grows old: what was proposed without it
    would be closed, and proposed again a day later."""
    world = World()
    world.built("web", "1.0.0", ago(days=300))
    world.built("web", "1.1.0", ago(hours=2))
    world.sightings = [sighted("1.0.0", seen), sighted("1.1.0", seen)]
    assert chosen(choose(world, AGED)) == "1.0.0"


def test_a_wider_range_does_not_make_old_tags_young() -> None:
    world = World()
    world.built("web", "1.0.0", ago(days=300))
    world.built("web", "2.0.0", ago(days=200))
    world.sightings = [sighted("1.0.0", ago(days=100))]
    narrow = artifact("semver", "1.x", minimum_age=DAY)
    assert chosen(choose(world, narrow)) == "1.0.0"
    assert chosen(choose(world, AGED)) == "2.0.0"


def test_without_a_creation_time_the_first_sight_counts() -> None:
    """Reproducible builds: no time at all."""
    world = tags("1.0.0")
    choice = choose(world, AGED)
    assert choice.refusal == (
        "1.0.0 is too young: first seen 0s ago, 1d asked; may be taken from 2026-03-03T12:00:00Z on"
    )
    assert choice.sightings == (sighted("1.0.0", NOW),)
    world.sightings.extend(choice.sightings)
    assert chosen(choose(world, AGED, NOW + timedelta(hours=23))) is None
    assert chosen(choose(world, AGED, NOW + DAY)) == "1.0.0"


@pytest.mark.parametrize("asks_ledger", [True, False])
def test_an_age_that_nothing_tells_waits(asks_ledger: bool) -> None:
    world = tags("1.0.0")
    world.fails(SightingsOf)
    choice = choose(world, AGED) if asks_ledger else choose(world, AGED, repository=None)
    why = "the ledger can't be read" if asks_ledger else "no ledger was asked"
    assert choice.refusal == (
        f"1.0.0 is of unknown age: it does not say when it was created, and {why}"
    )
    assert choice.sightings == ()


def test_a_flood_of_young_tags_neither_starves_the_old_ones_nor_the_ledger() -> None:
    """None of the young ones says a time, so each must be noted to grow old."""
    world = World()
    world.built("web", "1.0.0", ago(days=2))
    for minor in range(1, 300):
        world.tags["web"][f"1.{minor}.0"] = digest(f"web:1.{minor}.0")
    first = choose(world, AGED)
    assert chosen(first) == "1.0.0"
    assert len(first.sightings) == 101
    assert first.sightings[-1] == sighted("1.0.0", NOW)
    world.sightings.extend(first.sightings)
    assert choose(world, AGED).sightings == ()
    assert chosen(choose(world, AGED, NOW + DAY)) == "1.299.0"


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
    assert (chosen(young), young.stop, young.sightings) == (None, "", ())
    assert young.refusal.startswith("stable is too young: created 1h ago")
    old = choose(world, followed, NOW + DAY)
    assert (chosen(old), old.sightings) == (tag, ())
    world.built("web", f"{tag}@two", NOW + DAY)
    second = choose(world, followed, NOW + DAY)
    assert (chosen(second), second.stop, second.sightings) == (None, "", ())


def test_a_moving_tag_without_a_time_ages_from_its_first_sight() -> None:
    world, followed = tags("stable@one"), artifact("tag", "stable", minimum_age=DAY)
    world.sightings.extend(choose(world, followed).sightings)
    assert chosen(choose(world, followed, NOW + DAY)) == "stable"
    world.registry("web", "stable@two")
    second = choose(world, followed, NOW + DAY)
    assert (chosen(second), second.stop) == (None, "")
    assert second.sightings == (sighted("stable", NOW + DAY, "two"),)


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
    assert reasons(choice)["c"].startswith("is too young: created 2h ago")
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
    assert (choice.sightings, choice.refusal) == ((), "")
    return choice


def test_a_tag_is_noted_when_it_is_first_taken_and_not_again() -> None:
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
    assert choice.image == image("web:2026.11.0@other"), "as it is now: it may run here already"
    assert set(reasons(choice)) == {"2026.10.0"}
    was, now = digest("web:2026.11.0"), digest("other")
    assert choice.stop == (
        "the tag 2026.11.0 of ghcr.io/shop/web moved: it was first seen as"
        f" {was[:19]} at 2026-02-28T12:00:00Z and is now {now[:19]}"
    )


def test_the_target_is_blocked_and_says_what_to_do() -> None:
    world = World((rule(environment("dev", automatic=True)),))
    world.registry("web", "1.0.0", "1.1.0@other")
    world.ran("web", "dev", "1.0.0")
    world.sightings = [sighted("1.1.0", ago(days=2))]
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert decision.why.startswith("the tag 1.1.0 of ghcr.io/shop/web moved: it was first seen as")
    assert f"ghcr.io/shop/web:1.1.0@{digest('other')}" in decision.why, "how to take it knowingly"
    world.registry("web", "1.0.0", "1.1.0@other", "1.1.1")
    assert world.decision("web", "dev").state is State.PROMOTING


def test_a_young_image_was_offered_to_nobody_and_may_be_pushed_again() -> None:
    world = World()
    world.built("web", "1.0.0", ago(days=3))
    world.built("web", "1.1.0@one", ago(hours=2))
    first = choose(world, AGED)
    assert first.sightings == (sighted("1.0.0", NOW),)
    world.sightings.extend(first.sightings)
    world.built("web", "1.1.0@two", ago(hours=1))
    again = choose(world, AGED, NOW + DAY)
    assert (again.image, again.stop) == (image("web:1.1.0@two"), "")
    world.sightings.extend(again.sightings)
    world.built("web", "1.1.0@three", ago(hours=1))
    assert choose(world, AGED, NOW + DAY).stop, "it was taken as another image"


def test_an_image_without_a_time_is_known_from_its_first_sight_on() -> None:
    """Its age stands on that sight, so another image under its tag would age unseen."""
    world = tags("1.1.0@one")
    world.sightings.extend(choose(world, AGED).sightings)
    world.registry("web", "1.1.0@two")
    assert choose(world, AGED).stop


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


# -- one image that somebody asks for by name -----------------------------------------------------


def refuse(
    world: World, followed: ArtifactRule, tag: str | None, content: str, now: datetime = NOW
) -> Refusal | None:
    asked = Followed(followed, name("web"), MANIFESTS, now)
    return answered(world, now, lambda facts: refuse_image(asked, tag, digest(content), facts))


def test_without_platforms_and_age_nothing_is_asked_of_it() -> None:
    world = World()
    assert refuse(world, artifact(), "1.0.0", "web:1.0.0") is None
    assert world.asked == []


def test_its_platforms_and_its_age_are_those_of_the_rule() -> None:
    world = holding(v1_0_0=("linux/amd64",))
    world.built("web", "1.1.0", ago(hours=2))
    lacking = refuse(world, BOTH, "1.0.0", "web:1.0.0")
    assert lacking is not None
    assert lacking.why == "1.0.0 lacks linux/arm64 (it holds linux/amd64)"
    assert not lacking.too_young
    young = refuse(world, AGED, "1.1.0", "web:1.1.0")
    assert young is not None
    assert young.why.startswith("1.1.0 is too young: created 2h ago, 1d asked")
    assert (young.too_young, young.note) == (True, None)
    assert refuse(world, AGED, "1.1.0", "web:1.1.0", NOW + DAY) is None


def test_all_is_asked_in_one_round() -> None:
    world = tags("1.0.0")
    assert refuse(world, AGED, "1.0.0", "web:1.0.0")
    assert [type(question) for question in world.asked] == [SightingsOf, DetailsOf]
    with pytest.raises(NotAsked) as missing:
        refuse_image(
            Followed(AGED, name("web"), MANIFESTS, NOW), "1.0.0", digest("x"), Facts.none()
        )
    assert len(missing.value.questions) == 2


def test_without_a_time_it_ages_from_the_first_sight_under_its_tag() -> None:
    world = tags("1.0.0")
    first = refuse(world, AGED, "1.0.0", "web:1.0.0")
    assert first is not None
    assert first.note == sighted("1.0.0", NOW)
    world.sightings.append(first.note)
    assert refuse(world, AGED, "1.0.0", "web:1.0.0", NOW + DAY) is None


def test_a_digest_alone_ages_from_the_first_sight_under_any_tag() -> None:
    world = tags("1.0.0")
    unknown = refuse(world, AGED, None, "web:1.0.0")
    assert unknown is not None
    assert unknown.why == (
        f"{digest('web:1.0.0')[:19]} is of unknown age: it does not say when it was created, and"
        " the ledger knows images by their tags: name its tag, too"
    )
    world.sightings = [sighted("1.0.0", ago(days=2))]
    assert refuse(world, AGED, None, "web:1.0.0") is None
