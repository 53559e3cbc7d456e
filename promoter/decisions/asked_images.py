"""Whether images that somebody asks for are later than what runs, and are what they say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.admission import refuse_image
from promoter.decisions.policies.filters import ignored_by
from promoter.decisions.policies.newest_build import order_by_age
from promoter.decisions.policies.policy import Followed, Order
from promoter.decisions.policies.sightings import Witness, sightings_question, tell_moved
from promoter.decisions.situation import Situation, ways_out
from promoter.decisions.standing import compare_images
from promoter.model.facts import DetailsOf, DigestOf, Facts
from promoter.model.image import ImageReference, short_digest
from promoter.model.ledger import Sighting
from promoter.model.plan import State
from promoter.model.release import Release


@dataclass(frozen=True)
class Asking:
    """What the images of a wish are judged by."""

    this: Situation
    running: Release
    facts: Facts
    now: datetime


@dataclass(frozen=True)
class LookedUp:
    """The images with the digests that their tags name; or a state, and what is wrong. `refuted`:
    asking again later is of no use by itself."""

    release: Release
    state: State = State.CURRENT
    wrong: str = ""
    refuted: bool = False


def judge_images(asking: Asking, asked: Release, *, told_by_upstream: bool) -> tuple[Order, str]:
    """How they stand to what runs, in one word and a sentence: HIGHER, LOWER (or the same), or
    UNORDERED where only a person can tell. `told_by_upstream`: what nothing orders comes in the
    order in which it ran there. Raises NotAsked, NotKnown."""
    label, here = asked.label, asking.running.label
    orders: set[Order] = set()
    for image in asked.artifacts:
        current = asking.running.get(image.name)
        if current is None or current.agrees(image):
            continue
        order = _judge(asking, current, image, told_by_upstream)
        if order is Order.UNORDERED:
            return order, f"nothing tells whether {image.version} is later than {current.version}"
        orders.add(order)
    if orders == {Order.LOWER, Order.HIGHER}:
        return Order.UNORDERED, f"a mixture: some images of {label} are later, some earlier"
    if Order.HIGHER in orders:
        return Order.HIGHER, ""
    return Order.LOWER, f"{label} is not later than {here} that runs here"


def _judge(
    asking: Asking, current: ImageReference, image: ImageReference, told_by_upstream: bool
) -> Order:
    """HIGHER, LOWER or UNORDERED."""
    this, facts = asking.this, asking.facts
    artifact = this.artifacts[image.name]
    if current.tag is None and current.digest is None:
        return Order.HIGHER
    order = POLICIES[artifact.select.policy].order(artifact, current, image, facts)
    if order in (Order.SAME, Order.LOWER):
        return Order.LOWER
    if order in (Order.HIGHER, Order.MOVED):
        return Order.HIGHER  # whether a tag that moved is meant, tells the digest; see `look_up`
    if compare_images(current, image, this.ran, artifact, facts) is Order.LOWER:
        return Order.LOWER  # it ran here before
    if told_by_upstream:
        return Order.HIGHER
    if artifact.select.policy == "tag":
        named = facts.need(DigestOf(image.name, artifact.select.argument))
        is_named = image.tag == artifact.select.argument and image.digest in (None, named)
        return Order.HIGHER if is_named else Order.LOWER  # another build came after it
    by_age = order_by_age(current, image, facts)
    return Order.UNORDERED if by_age is Order.GONE else by_age


def look_up(asking: Asking, asked: Release) -> LookedUp:
    """Whether the registry bears it out, and the rule allows it. Raises NotAsked, NotKnown."""
    images: list[ImageReference] = []
    facts = asking.facts
    facts.prefetch(
        *(DigestOf(each.name, each.tag) for each in asked.artifacts if each.tag),
        *(DetailsOf(each.name, each.digest) for each in asked.artifacts if each.digest),
    )
    for image in asked.artifacts:
        found = _look_up_image(asking, image)
        if isinstance(found, LookedUp):
            return found
        images.append(found)
    return LookedUp(Release.of(images))


def tell_moved_here(asking: Asking, asked: Release) -> str:
    """Whether a tag that was given without a digest names another image than the one that runs
    here under it; empty where none does. Raises NotAsked, NotKnown."""
    for image in asked.artifacts:
        current = asking.running.get(image.name)
        if image.digest or not image.tag or not current or current.tag != image.tag:
            continue
        if POLICIES[asking.this.artifacts[image.name].select.policy].tags_may_move:
            continue
        named = asking.facts.need(DigestOf(image.name, image.tag)) if current.digest else None
        if named not in (None, current.digest):
            was, now = short_digest(current.digest or ""), short_digest(named or "")
            moved = f"{image.tag} runs here as {was}, and the tag moved to {now}"
            return f"{moved}; {ways_out(asking.this.target, image.at(image.tag, named))}"
    return ""


def _first_sight(followed: Followed, tag: str, digest: str, facts: Facts) -> Sighting | None:
    """What the tag named when it was first seen, where that was another image."""
    question = sightings_question(followed)
    if question is not None:
        facts.prefetch(question)
    return Witness.of(followed, question, facts).moved(tag, digest)


def _look_up_image(asking: Asking, image: ImageReference) -> ImageReference | LookedUp:
    this, facts = asking.this, asking.facts
    artifact = this.artifacts[image.name]
    whole = Release.of([image])
    if image.tag and (glob := ignored_by(artifact, image.tag)):
        return LookedUp(whole, State.BLOCKED, f"{image.tag} is ignored by '{glob}'", True)
    named = facts.need(DigestOf(image.name, image.tag)) if image.tag else None
    digest = image.digest or named
    may_move = POLICIES[artifact.select.policy].tags_may_move
    if digest is None or (named is None and image.tag and not may_move):
        why = f"the registry has no tag {image.name}:{image.tag} (yet)"
        return LookedUp(whole, State.UNKNOWN, why, True)
    followed = Followed(artifact, image.name, this.repository, asking.now)
    if image.tag and not may_move:
        if named != digest:
            why = f"{image.name}:{image.tag} names {named} in the registry, not {digest}"
            return LookedUp(whole, State.BLOCKED, why, True)
        if image.digest is None and (first := _first_sight(followed, image.tag, digest, facts)):
            out = ways_out(this.target, image.at(image.tag, digest))
            return LookedUp(whole, State.BLOCKED, f"{tell_moved(first, digest)}; {out}", True)
    if facts.need(DetailsOf(image.name, digest)) is None:
        why = f"the registry has no image {image.normal} (yet)"
        return LookedUp(whole, State.UNKNOWN, why, True)
    refusal = refuse_image(followed, image.tag, digest, facts)
    if refusal is not None:
        state = State.WAITING if refusal.too_young else State.BLOCKED
        return LookedUp(whole, state, refusal.why)
    return image.at(image.tag, digest)
