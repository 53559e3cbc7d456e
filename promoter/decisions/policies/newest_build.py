"""`newest: build`: the image that was created last, by its config's creation time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from promoter.decisions.policies.filters import filter_tags
from promoter.decisions.policies.policy import (
    Choice,
    Followed,
    Order,
    offered_tags,
    same_tag,
)
from promoter.decisions.policies.walk import MOST_LOOKED_AT, take_best
from promoter.model.facts import DetailsOf, DigestOf, Facts, NotKnown, TagsOf, Unknown
from promoter.model.image import ImageReference
from promoter.model.plan import PassedOver
from promoter.model.ports import ImageDetails
from promoter.model.rule import ArtifactRule


class NewestBuildPolicy:
    tags_may_move = True  # its time tells an image from another one, not its tag

    def select(self, followed: Followed, facts: Facts) -> Choice:
        artifact, name = followed.artifact, followed.name
        passed_over: list[PassedOver] = []
        offered = offered_tags(followed, facts, passed_over)
        tags = [tag for tag, _ in filter_tags(artifact, offered, passed_over)]
        if len(tags) > MOST_LOOKED_AT:
            why = (
                f"{len(tags)} tags of {name} match, and `newest: build` must look into each image,"
                f" which it does for {MOST_LOOKED_AT} at most: narrow `tags`; where they tell"
                " nothing (commits), delete old ones in the registry, or let the build push one"
                " more tag that moves, and follow it with `tag: NAME`"
            )
            raise NotKnown(TagsOf(name), Unknown(why, "input"))
        builds = sorted(_builds(followed, tags, facts, passed_over), reverse=True)
        taken = take_best(
            followed, [tag for _, tag in builds], facts, tags_may_move=self.tags_may_move
        )
        passed_over.extend(taken.passed_over)
        looked_at = len(taken.passed_over) + (taken.image is not None)
        if looked_at:
            created, best = builds[looked_at - 1]
            passed_over.extend(
                PassedOver(tag, f"was created {when:%Y-%m-%d %H:%M:%S}Z, before {best}")
                if when < created
                else PassedOver(tag, f"was created at the same time as {best}")
                for when, tag in builds[looked_at:]
            )
        return replace(taken, passed_over=tuple(passed_over))

    def order(
        self,
        artifact: ArtifactRule,  # noqa: ARG002 - time is the same for every rule
        running: ImageReference,
        offered: ImageReference,
        facts: Facts,
    ) -> Order:
        if running.tag is not None and running.tag == offered.tag:
            order = same_tag(running, offered)
            if order is Order.SAME:
                return order
        return order_by_age(running, offered, facts)


def order_by_age(running: ImageReference, offered: ImageReference, facts: Facts) -> Order:
    """By the creation times of two images. Raises NotAsked, NotKnown."""
    before, after = _details(running, facts), _details(offered, facts)
    if before is None or after is None:
        return Order.GONE  # an older build that never ran here would pass for a newer one
    if before.created is None or after.created is None or before.created == after.created:
        return Order.UNORDERED
    return Order.HIGHER if after.created > before.created else Order.LOWER


def _builds(
    followed: Followed, tags: Sequence[str], facts: Facts, passed_over: list[PassedOver]
) -> list[tuple[datetime, str]]:
    """The creation time of every tag's image, where it says one. Raises NotAsked, NotKnown."""
    name = followed.name
    digests = dict(zip(tags, facts.need_all(DigestOf(name, tag) for tag in tags), strict=True))
    known = [(tag, digest) for tag, digest in digests.items() if digest is not None]
    details = facts.need_all(DetailsOf(name, digest) for _, digest in known)
    builds: list[tuple[datetime, str]] = []
    for (tag, _), each in zip(known, details, strict=True):
        if each is None or each.created is None:
            passed_over.append(PassedOver(tag, "does not say when it was created"))
        else:
            builds.append((each.created, tag))
    passed_over.extend(
        PassedOver(tag, "is listed but has no image")
        for tag, digest in digests.items()
        if digest is None
    )
    return builds


def _details(image: ImageReference, facts: Facts) -> ImageDetails | None:
    digest = image.digest
    if digest is None and image.tag is not None:
        digest = facts.need(DigestOf(image.name, image.tag))
    return facts.need(DetailsOf(image.name, digest)) if digest else None
