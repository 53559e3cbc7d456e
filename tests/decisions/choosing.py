"""What a policy chooses in a world, and how it orders two references, without a plan around it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.policy import Choice, Followed, Order
from promoter.model.facts import Facts, NotAsked
from promoter.model.rule import ArtifactRule, RepositoryAddress
from tests.decisions.rules import MANIFESTS, image, name
from tests.decisions.world import NOW, World

T = TypeVar("T")


def choose(
    world: World,
    artifact: ArtifactRule,
    now: datetime = NOW,
    repository: RepositoryAddress | None = MANIFESTS,
) -> Choice:
    """What the artifact's policy chooses of the image `web`. Raises NotKnown."""
    policy = POLICIES[artifact.select.policy]
    followed = Followed(artifact, name("web"), repository, now)
    return answered(world, now, lambda facts: policy.select(followed, facts))


def order(artifact: ArtifactRule, running: str, offered: str) -> Order:
    """How two tags of `web` stand to each other; each names an image of its own."""
    policy = POLICIES[artifact.select.policy]
    one, other = image(f"web:{running}"), image(f"web:{offered}")
    return answered(World(), NOW, lambda facts: policy.order(artifact, one, other, facts))


def tags(*listed: str) -> World:
    """A world whose registry lists these tags of `web`."""
    world = World()
    world.registry("web", *listed)
    return world


def chosen(choice: Choice) -> str | None:
    return choice.image.tag if choice.image else None


def reasons(choice: Choice) -> dict[str, str]:
    return {each.what: each.why for each in choice.passed_over}


def answered(world: World, now: datetime, step: Callable[[Facts], T]) -> T:
    """What one pure step comes to, with every question answered by the world."""
    facts = Facts.none()
    for _ in range(20):
        try:
            return step(facts)
        except NotAsked as more:
            facts = facts.plus(world.answer(more.questions, now))
    raise AssertionError("the policy asks for ever")
