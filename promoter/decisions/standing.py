"""How an offered release stands to the one that runs: *later* as DESIGN.md promise 8 has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.policy import Order
from promoter.model.facts import Facts
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release
from promoter.model.rule import ArtifactRule


class Standing(Enum):
    SAME = "same"
    LATER = "later"
    BACKWARDS = "backwards"
    MIXTURE = "mixture"
    """Some artifacts higher, some lower: a person decides."""
    MOVED = "moved"
    """A version's tag names another image than the one that runs."""
    OTHER = "other"
    """Not the same set of artifacts: an environment never receives a piece of a release."""


def compare_releases(
    running: Release,
    offered: Release,
    before: Sequence[Release],
    artifacts: Mapping[ImageName, ArtifactRule],
    facts: Facts,
) -> Standing:
    """`offered` against `running`; `before` is what ran here, for versions that don't order.

    Raises NotAsked, NotKnown.
    """
    if running.names != offered.names:
        return Standing.OTHER
    orders: set[Order] = set()
    for image in offered.artifacts:
        current = running.get(image.name)
        if current is None:
            return Standing.OTHER
        orders.add(_compare(current, image, before, artifacts[image.name], facts))
    if Order.MOVED in orders:
        return Standing.MOVED
    if Order.LOWER in orders:
        return Standing.MIXTURE if Order.HIGHER in orders else Standing.BACKWARDS
    return Standing.LATER if Order.HIGHER in orders else Standing.SAME


def _compare(
    running: ImageReference,
    offered: ImageReference,
    before: Sequence[Release],
    artifact: ArtifactRule,
    facts: Facts,
) -> Order:
    if running.tag is None and running.digest is None:
        return Order.HIGHER  # nothing is pinned yet
    if running.agrees(offered) and running.digest == offered.digest:
        return Order.SAME
    order = POLICIES[artifact.select.policy].order(artifact, running, offered, facts)
    if order is not Order.UNORDERED:
        return order
    ran = [each for release in before if (each := release.get(offered.name))]
    # At one moving tag only digests tell images apart; an entry without one tells nothing.
    moving = running.tag == offered.tag
    ran_before = any(
        each.digest == offered.digest if moving else each.agrees(offered) for each in ran
    )
    return Order.LOWER if ran_before else Order.HIGHER
