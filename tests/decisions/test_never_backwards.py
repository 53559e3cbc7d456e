"""Properties over random histories and registries: never backwards, never what ran before."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from promoter.model.facts import Facts
from promoter.model.plan import Decision, Merge, Propose
from promoter.model.version import SemanticVersion
from promoter.texts.as_json import dump, plan_json
from tests.decisions.rules import artifact, chain, environment, rule, soak
from tests.decisions.world import NOW, World, ago

ENVIRONMENTS = ("dev", "staging", "production")
CHAIN = (
    environment("dev", automatic=True),
    environment("staging", soak(hours=30), after=("dev",), automatic=True),
    environment("production", soak(hours=50), after=("staging",), automatic=True),
)
ANY = (
    *chain("dev", automatic=True),
    environment("staging", automatic=True),
    environment("production", any_of=("dev", "staging"), automatic=True),
)
versions = st.builds(lambda a, b: f"1.{a}.{b}", st.integers(0, 3), st.integers(0, 2))
pairs = st.tuples(versions, versions)
digests = st.sampled_from([f"main@{each}" for each in "abcdef"])


@st.composite
def semver_worlds(draw: st.DrawFn) -> World:
    """Two artifacts, random histories by people, a random registry."""
    stages = draw(st.sampled_from([CHAIN, ANY]))
    world = World((rule(*stages, artifacts=(artifact(), artifact(short="worker"))),))
    for which in ("web", "worker"):
        world.registry(which, *draw(st.lists(versions, max_size=4, unique=True)))
    for which in ENVIRONMENTS:
        history = draw(st.lists(pairs, min_size=1, max_size=5))
        for index, (web, worker) in enumerate(history):
            at = ago(days=len(history) - index, hours=draw(st.integers(0, 20)))
            world.lands("web", which, web, f"worker:{worker}", at=at)
    return world


@st.composite
def digest_worlds(draw: st.DrawFn) -> World:
    stages = draw(st.sampled_from([CHAIN, ANY]))
    world = World((rule(*stages, artifacts=(artifact("tag", "main"),)),))
    world.registry("web", draw(digests))
    for which in ENVIRONMENTS:
        history = draw(st.lists(digests, min_size=1, max_size=5))
        for index, version in enumerate(history):
            world.lands("web", which, version, at=ago(days=len(history) - index))
    return world


def proposals(world: World, hours: int) -> list[Decision]:
    """Every decision that opens, updates or merges something in the next days."""
    found: list[Decision] = []
    for hour in range(0, hours, 10):
        for _ in range(10):
            plan = world.plan(NOW + timedelta(hours=hour))
            if not plan.actions:
                break
            moving = [d for d in plan.decisions if isinstance(d.action, Propose | Merge)]
            found += moving
            for decision in moving:
                check_not_backwards(world, decision)
            world.carry_out(plan, NOW + timedelta(hours=hour))
        else:
            raise AssertionError("the bot never comes to rest")
    return found


def check_not_backwards(world: World, decision: Decision) -> None:
    assert decision.offered is not None
    assert decision.running is not None
    orders = []
    for offered in decision.offered.artifacts:
        running = decision.running.get(offered.name)
        assert running is not None
        before, after = (SemanticVersion.parse(each.tag or "") for each in (running, offered))
        if before and after:
            assert after >= before, f"{offered} after {running}"
            orders.append(after > before)
        else:
            orders.append(True)
    assert any(orders), "something gets newer"
    key = decision.target.application, decision.target.environment
    ran = [period.release for period in world.history[key] if period.release]
    assert not any(each.agrees(decision.offered) for each in ran), "it ran here before"


@settings(max_examples=60, deadline=None)
@given(semver_worlds())
def test_no_plan_ever_goes_backwards(world: World) -> None:
    proposals(world, hours=70)


@settings(max_examples=60, deadline=None)
@given(digest_worlds())
def test_no_plan_ever_repeats_a_digest(world: World) -> None:
    proposals(world, hours=70)


@settings(max_examples=40, deadline=None)
@given(semver_worlds())
def test_whoever_is_asked_fresh_or_warm_plans_the_same(world: World) -> None:
    """Facts from before that are still true change nothing, nor does who saw them when."""
    fresh, facts = world.plan_and_facts()
    warm = world.plan(facts=facts)
    half = Facts(dict(list(facts.answers.items())[::2]))
    assert (
        dump(plan_json(fresh)) == dump(plan_json(warm)) == dump(plan_json(world.plan(facts=half)))
    )
    assert hash(fresh) == hash(warm)
