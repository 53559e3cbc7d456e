"""The promotion graph: waves, environments in other repositories, other image names, lockstep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promoter.model.facts import DetailsOf, DigestOf, MergeRequestsOf, TipOf, Unknown
from promoter.model.image import ImageName, ImageReference
from promoter.model.plan import Merge, Propose, State
from promoter.model.release import Release
from promoter.model.rule import EnvironmentRule, RepositoryAddress, Upstream
from tests.decisions.rules import artifact, digest, environment, image, renames, rule, soak
from tests.decisions.test_wishes import asks
from tests.decisions.world import NOW, World, ago

PRODUCTION = RepositoryAddress("https://git.example.com/production.git", "main", "local")


def wave(name: str, *require: object, after: tuple[str, ...]) -> EnvironmentRule:
    return environment(name, *require, after=after, automatic=True, stage="production")  # type: ignore[arg-type]  # gates


class TestWaves:
    @pytest.fixture
    def world(self) -> World:
        """1.1.0 has run in staging for two days; production-eu goes before production-us."""
        day = replace(soak(hours=24), of=Upstream(("staging",)))
        world = World(
            (
                rule(
                    environment("staging"),
                    wave("production-eu", soak(hours=24), after=("staging",)),
                    wave("production-us", day, soak(hours=2), after=("production-eu",)),
                ),
            )
        )
        world.registry("web", "1.0.0", "1.1.0")
        for each in ("staging", "production-eu", "production-us"):
            world.lands("web", each, "1.0.0", at=ago(days=30))
        world.lands("web", "staging", "1.1.0", at=ago(days=2))
        return world

    def test_the_next_wave_waits_until_the_one_before_has_it_and_has_soaked(
        self, world: World
    ) -> None:
        eu, us = (world.decision("web", f"production-{each}") for each in ("eu", "us"))
        assert (eu.state, us.state) == (State.PROMOTING, State.CURRENT)
        world.lands("web", "production-eu", "1.1.0", at=ago(minutes=30))
        us = world.decision("web", "production-us")
        assert us.state is State.WAITING
        first, second = us.verdicts
        assert (first.judgement, dict(first.evidence)["upstream"]) == ("pass", "staging")
        assert (second.judgement, dict(second.evidence)["upstream"]) == ("wait", "production-eu")
        assert us.why == "production-eu has run 1.1.0 for 30m of 2h (soak: 2h)"

    def test_what_left_staging_too_early_stays_out_of_later_waves(self, world: World) -> None:
        """Somebody put 1.2.0 into the first wave by hand: the stage's soak is not skipped by it."""
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        world.lands("web", "staging", "1.2.0", at=ago(hours=8))
        world.lands("web", "production-eu", "1.2.0", at=ago(hours=5))
        us = world.decision("web", "production-us")
        assert us.state is State.WAITING
        assert us.why == "staging has run 1.2.0 for 8h of 1d (soak: 1d)"


class TestOtherRepositories:
    @pytest.fixture
    def world(self) -> World:
        world = World(
            (
                rule(
                    environment("staging", automatic=True),
                    environment("production", after=("staging",), repository=PRODUCTION),
                ),
            )
        )
        world.registry("web", "1.0.0", "1.1.0")
        world.lands("web", "staging", "1.1.0", at=ago(days=2))
        world.lands("web", "production", "1.0.0", at=ago(days=30))
        return world

    def test_a_release_goes_from_one_repository_to_the_other(self, world: World) -> None:
        decision = world.decision("web", "production")
        assert decision.repository == PRODUCTION
        assert isinstance(decision.action, Propose)
        assert decision.action.branch == "promoter/production/web"

    def test_one_that_is_silent_stops_only_what_depends_on_it(self, world: World) -> None:
        world.fails(TipOf, "no route to host", lambda q: q.repository == PRODUCTION)
        world.registry("web", "1.2.0")
        plan = world.plan()
        assert [str(each.target) for each in plan.decisions] == ["web in staging"]
        assert plan.decisions[0].state is State.PROMOTING
        assert [str(each) for each in plan.troubles] == ["rules/shop.yaml: no route to host"]

    def test_whose_upstream_is_silent_waits(self, world: World) -> None:
        world.fails(TipOf, "no route to host", lambda q: q.repository != PRODUCTION)
        decision = world.decision("web", "production")
        assert (decision.state, decision.why) == (State.UNKNOWN, "no route to host")

    def test_nothing_is_taken_for_gone_while_a_repository_is_silent(self, world: World) -> None:
        """The application may have moved there with its environment."""
        world.carry_out(world.plan())
        del world.history["web", "production"]
        assert [each.action.number for each in world.plan().orphans] == [1]
        world.fails(TipOf, "no route to host", lambda q: q.repository != PRODUCTION)
        assert world.plan().orphans == ()

    def test_each_repository_is_asked_for_its_own_merge_requests(self, world: World) -> None:
        world.plan()
        asked = [each.repository for each in world.asked if isinstance(each, MergeRequestsOf)]
        assert len(asked) == len(set(asked)) == 2


class TestOtherNames:
    """Production pulls from ghcr.io/prod what others pull from ghcr.io/shop."""

    there = ImageName.parse("ghcr.io/prod/web")

    def called(self, version: str, pinned: bool = True) -> Release:
        made = ImageReference(self.there, version, digest(f"web:{version}") if pinned else None)
        return Release.of([made])

    @pytest.fixture
    def world(self) -> World:
        names = (renames("ghcr.io/shop/", "ghcr.io/prod/"),)
        production = environment("production", after=("dev",), automatic=True, images=names)
        world = World((rule(environment("dev"), production),))
        world.registry("web", "1.0.0", "1.1.0")
        world.lands("web", "dev", "1.0.0", at=ago(days=30))
        world.lands("web", "dev", "1.1.0", at=ago(days=2))
        world.lands_release("web", "production", self.called("1.0.0"), ago(days=30))
        return world

    def test_the_same_digest_is_promoted_under_the_other_name(self, world: World) -> None:
        decision = world.decision("web", "production")
        assert decision.offered == self.called("1.1.0")
        assert [(each.gate, each.judgement) for each in decision.verdicts] == [("images", "pass")]
        assert world.reconcile().decisions[1].state is State.CURRENT
        assert world.history["web", "production"][-1].release == self.called("1.1.0")

    def test_it_waits_until_it_is_there(self, world: World) -> None:
        world.absent.add("ghcr.io/prod/web")
        decision = world.decision("web", "production")
        assert decision.state is State.WAITING
        assert decision.why == f"not there yet: ghcr.io/prod/web@{digest('web:1.1.0')} (images)"
        assert decision.verdicts[0].opened_by == "whoever copies it there"
        world.absent.clear()
        assert world.decision("web", "production").state is State.PROMOTING

    def test_a_registry_that_does_not_answer_is_waited_for(self, world: World) -> None:
        trouble = Unknown("503", retry_at=NOW)
        world.troubles.append((lambda q: isinstance(q, DetailsOf), trouble))
        decision = world.decision("web", "production")
        assert (decision.state, decision.why) == (State.WAITING, "can't be evaluated: 503 (images)")
        assert decision.verdicts[0].opens_at == NOW

    def test_where_only_a_tag_is_written_the_tag_must_be_the_same_image(self, world: World) -> None:
        world.tag_only.add(("web", "production"))
        world.tags["web"]["1.1.0"] = digest("another build")
        world.tags["web"]["other"] = digest("web:1.1.0")
        decision = world.decision("web", "production")
        assert decision.state is State.BLOCKED
        assert "ghcr.io/prod/web:1.1.0 is another image there" in decision.why

    def test_where_dev_writes_tags_its_own_registry_tells_the_digest(self, world: World) -> None:
        world.history["web", "dev"].pop()
        world.lands("web", "dev", "1.1.0@", at=ago(days=2))
        decision = world.decision("web", "production")
        assert decision.offered == self.called("1.1.0")
        names = {str(each.name) for each in world.asked if isinstance(each, DigestOf)}
        assert names == {"ghcr.io/shop/web"}

    def test_what_dev_went_back_from_is_known_by_both_names(self, world: World) -> None:
        world.lands("web", "dev", "1.0.0", at=ago(hours=2))
        decision = world.decision("web", "production")
        assert decision.state is State.CURRENT
        assert decision.passed_over[0].why == "dev went back from it"


class TestLockstep:
    def world(self, *environments: EnvironmentRule, lockstep: bool = True) -> World:
        shop = rule(
            *(environments or (environment("dev", automatic=True),)),
            artifacts=(artifact(), artifact(short="worker", platforms=("linux/amd64",))),
            lockstep=lockstep,
        )
        world = World((shop,))
        for each in shop.environments:
            world.lands("web", each.name, "1.0.0", "worker:1.0.0", at=ago(days=30))
        return world

    def publish(self, world: World, short: str, *versions: str) -> None:
        world.registry(short, *versions)
        for each in world.tags[short].values():
            world.platforms[each] = ("linux/amd64",)

    def test_the_newest_tag_that_all_have_is_taken(self) -> None:
        world = self.world()
        self.publish(world, "web", "1.0.0", "1.1.0", "1.2.0", "1.3.0")
        self.publish(world, "worker", "1.0.0", "1.1.0", "1.2.0", "2.0.0")
        decision = world.decision("web", "dev")
        assert decision.offered is not None
        assert decision.offered.label == "1.2.0"
        passed = {each.what: each.why for each in decision.selections[0].passed_over}
        assert passed["1.3.0"] == "is not a tag of every image that moves with it"

    def test_without_it_each_goes_its_own_way(self) -> None:
        world = self.world(lockstep=False)
        self.publish(world, "web", "1.0.0", "1.3.0")
        self.publish(world, "worker", "1.0.0", "2.0.0")
        decision = world.decision("web", "dev")
        assert decision.offered is not None
        assert decision.offered.label == "web 1.3.0, worker 2.0.0"

    def test_what_one_image_may_not_take_none_takes(self) -> None:
        world = self.world()
        self.publish(world, "web", "1.0.0", "1.1.0", "1.2.0", "1.3.0")
        self.publish(world, "worker", "1.0.0", "1.1.0", "1.2.0", "1.3.0")
        for version in ("1.2.0", "1.3.0"):
            world.platforms[digest(f"worker:{version}")] = ("linux/arm64",)
        decision = world.decision("web", "dev")
        assert decision.offered is not None
        assert decision.offered.label == "1.1.0"

    def test_without_a_common_tag_it_waits_and_says_so(self) -> None:
        world = self.world()
        self.publish(world, "web", "1.1.0")
        self.publish(world, "worker", "1.2.0")
        decision = world.decision("web", "dev")
        assert decision.state is State.WAITING
        assert decision.why.endswith("fits semver: >=1.0 and is a tag of all images (lockstep)")

    def test_downstream_a_mixture_is_no_release(self) -> None:
        world = self.world(environment("dev"), environment("staging", after=("dev",)))
        self.publish(world, "web", "1.0.0", "1.1.0")
        self.publish(world, "worker", "1.0.0", "1.1.0")
        world.lands("web", "dev", "1.1.0", "worker:1.0.0", at=ago(hours=2))
        decision = world.decision("web", "staging")
        assert decision.state is State.CURRENT
        assert decision.passed_over[0].why.startswith("its images are at different tags")
        world.lands("web", "dev", "1.1.0", "worker:1.1.0", at=ago(hours=1))
        decision = world.decision("web", "staging")
        assert decision.offered is not None
        assert decision.offered.label == "1.1.0"

    def test_whoever_asks_must_ask_for_all_at_one_tag(self) -> None:
        world = self.world()
        self.publish(world, "web", "1.0.0", "1.1.0")
        self.publish(world, "worker", "1.0.0", "1.1.0")
        world.asked_for = (asks("web:1.1.0"),)
        (answer,) = world.decision("web", "dev").requested
        assert answer.state is State.BLOCKED
        assert answer.why == "all images move together (lockstep): name ghcr.io/shop/worker, too"
        world.asked_for = (asks("web:1.1.0", "worker:1.0.0"),)
        (answer,) = world.decision("web", "dev").requested
        assert answer.why.startswith("its images are at different tags")
        world.asked_for = (asks("web:1.1.0", "worker:1.1.0"),)
        world.carry_out(world.plan())
        assert isinstance(world.decision("web", "dev").action, Merge)


def test_the_world_knows_images_by_their_digest() -> None:
    assert image("web:1.1.0").digest == digest("web:1.1.0")
