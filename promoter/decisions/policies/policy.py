"""What every policy is: it selects a version and orders two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from promoter.model.facts import Facts, NotKnown, TagsOf, Unknown
from promoter.model.image import ImageName, ImageReference
from promoter.model.ledger import Sighting
from promoter.model.plan import PassedOver
from promoter.model.rule import ArtifactRule, RepositoryAddress


class Order(Enum):
    """How an offered version of one artifact stands to the one that runs."""

    LOWER = "lower"
    SAME = "same"
    HIGHER = "higher"
    MOVED = "moved"
    """The same version, but its tag names another image now."""
    GONE = "gone"
    """The registry no longer holds what runs, as far as it was looked through, and nothing else
    tells its version or age."""
    UNORDERED = "unordered"
    """The versions tell nothing; what ran before is then backwards."""


@dataclass(frozen=True)
class Followed:
    """What a policy selects for: an artifact's rule under the name of one image.

    `repository` is the manifest repository whose ledger tells what a tag named when it was first
    seen; None where there is none to ask (`promoter tags`).
    """

    artifact: ArtifactRule
    name: ImageName
    repository: RepositoryAddress | None
    now: datetime
    among: frozenset[str] | None = None
    """The only tags that may be chosen, where other images must be at the same one."""
    running: ImageReference | None = None
    """What runs, where nothing is done if it is still the best: then it need not be known to the
    minute what its tag names (`StillOf`)."""


@dataclass(frozen=True)
class Choice:
    """A selected tag and digest, and why every other tag was passed over.

    `sightings` are first sights, to be kept in the ledger. `stop` tells that the tag of `image`
    moved: only a person may take it, and nothing lower is taken instead; it does not matter where
    exactly this digest runs already, or something later. `refusal`, where `image` is None because
    none may be taken *yet*: why not the best one, as a sentence; it waits by itself. Where no tag
    fits at all it is empty.
    """

    image: ImageReference | None
    passed_over: tuple[PassedOver, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    stop: str = ""
    refusal: str = ""


class Policy(Protocol):
    tags_may_move: bool
    """Whether a tag may name another image later. Where it stands for a version it may not: nobody
    could tell which of the two images was tested."""

    def select(self, followed: Followed, facts: Facts) -> Choice:
        """The version that the registry offers. Raises NotAsked, NotKnown."""

    def order(
        self,
        artifact: ArtifactRule,
        running: ImageReference,
        offered: ImageReference,
        facts: Facts,
    ) -> Order:
        """How `offered` stands to `running`, which differs from it. Raises NotAsked, NotKnown."""


def listed_tags(name: ImageName, facts: Facts) -> tuple[str, ...]:
    """The registry's tags. An empty list is no answer: nobody follows an image without tags, so
    it is a fault or a clean-up, and unknown means wait."""
    question = TagsOf(name)
    tags = facts.need(question)
    if not tags:
        raise NotKnown(question, Unknown(f"{name} lists no tags"))
    return tags


def offered_tags(followed: Followed, facts: Facts, passed_over: list[PassedOver]) -> Sequence[str]:
    """The registry's tags that may be chosen at all. Raises NotAsked, NotKnown."""
    listed, among = listed_tags(followed.name, facts), followed.among
    if among is None:
        return listed
    why = "is not a tag of every image that moves with it"
    passed_over.extend(PassedOver(tag, why) for tag in sorted({*listed} - among))
    return [tag for tag in listed if tag in among]


def same_tag(running: ImageReference, offered: ImageReference) -> Order:
    """Two references at one tag: the same image as far as known, or a tag that moved."""
    return Order.SAME if running.agrees(offered) else Order.MOVED
