"""How an offered release stands to the one that runs: *later* as DESIGN.md promise 8 has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import partial

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.policy import Order
from promoter.model.facts import Facts, ask_together
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
    GONE = "gone"
    """An image that runs is gone from the registry, and nothing tells what is later."""
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
    pairs = [
        (current, image) for image in offered.artifacts if (current := running.get(image.name))
    ]
    orders = ask_together(
        partial(compare_images, current, image, before, artifacts[image.name], facts)
        for current, image in pairs
    )
    if Order.MOVED in orders:
        return Standing.MOVED
    if Order.GONE in orders:
        return Standing.GONE
    if Order.LOWER in orders:
        return Standing.MIXTURE if Order.HIGHER in orders else Standing.BACKWARDS
    return Standing.LATER if Order.HIGHER in orders else Standing.SAME


def compare_images(
    running: ImageReference,
    offered: ImageReference,
    before: Sequence[Release],
    artifact: ArtifactRule,
    facts: Facts,
) -> Order:
    """One image against the one that runs. Where versions don't order, what is among `before` is
    lower, and anything else higher. Raises NotAsked, NotKnown."""
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
