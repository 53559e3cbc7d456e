"""Whether what runs is later than a release that a job waits for."""

from __future__ import annotations

from dataclasses import replace

from promoter.decisions.passed import has_passed
from promoter.model.release import Release
from promoter.model.rule import Rule
from tests.decisions.rules import artifact, environment, release, rule
from tests.decisions.world import World, ago, image

DEV = rule(environment("dev"))
MOVING = rule(environment("dev"), artifacts=(artifact("tag", "main"),))
BOTH = rule(environment("dev"), artifacts=(artifact(), artifact(short="worker")))


def passed(world: World, asked: Release) -> bool:
    """By the facts of a look at the target."""
    plan, facts = world.plan_and_facts()
    (decision,) = plan.decisions
    (of,) = world.rules
    return has_passed(decision, asked, of, facts)


def world(of: Rule, *ran: str) -> World:
    made = World((of,))
    made.registry("web", "1.0.0", "1.1.0", "1.2.0")
    for days, version in zip(range(len(ran), 0, -1), ran, strict=True):
        made.lands("web", "dev", *version.split(), at=ago(days=days))
    return made


def test_a_lower_version_is_passed_and_a_higher_one_is_not() -> None:
    shop = world(DEV, "1.1.0")
    assert passed(shop, release("web:1.0.0"))
    assert not passed(shop, release("web:1.1.0"))
    assert not passed(shop, release("web:1.2.0"))


def test_a_digest_is_passed_once_it_ran_and_another_came() -> None:
    shop = world(MOVING, "main@first", "main@second")
    assert passed(shop, Release.of([image("web:main@first")]))
    assert not passed(shop, Release.of([image("web:main@third")]))


def test_of_two_artifacts_one_may_be_asked_for() -> None:
    shop = World((BOTH,))
    shop.registry("web", "1.0.0", "1.1.0")
    shop.registry("worker", "1.0.0")
    shop.lands("web", "dev", "web:1.1.0", "worker:1.0.0", at=ago(days=1))
    assert passed(shop, release("web:1.0.0"))
    assert not passed(shop, release("web:1.2.0"))


def test_nothing_is_passed_where_nobody_can_tell_what_runs() -> None:
    plan, facts = world(DEV, "1.1.0").plan_and_facts()
    mixed = replace(plan.decisions[0], running=None)
    assert not has_passed(mixed, release("web:1.0.0"), DEV, facts)
