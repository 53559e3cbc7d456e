"""`newest: build`: the image that was created last, by its config's creation time."""

from __future__ import annotations

from datetime import datetime

from promoter.decisions.policies.policy import (
    Choice,
    Followed,
    Order,
    filter_tags,
    listed_tags,
    same_tag,
)
from promoter.model.facts import DetailsOf, DigestOf, Facts
from promoter.model.image import ImageReference
from promoter.model.plan import PassedOver
from promoter.model.ports import ImageDetails
from promoter.model.rule import ArtifactRule


class NewestBuildPolicy:
    def select(self, followed: Followed, facts: Facts) -> Choice:
        artifact, name = followed.artifact, followed.name
        passed_over: list[PassedOver] = []
        tags = [tag for tag, _ in filter_tags(artifact, listed_tags(name, facts), passed_over)]
        digests = facts.need_all(DigestOf(name, tag) for tag in tags)
        known = [(tag, digest) for tag, digest in zip(tags, digests, strict=True) if digest]
        details = facts.need_all(DetailsOf(name, digest) for _, digest in known)
        survivors: list[tuple[datetime, str, str]] = []
        for (tag, digest), each in zip(known, details, strict=True):
            if each is None or each.created is None:
                passed_over.append(PassedOver(tag, "does not say when it was created"))
            else:
                survivors.append((each.created, tag, digest))
        passed_over.extend(
            PassedOver(tag, "is listed but has no image")
            for tag, digest in zip(tags, digests, strict=True)
            if digest is None
        )
        if not survivors:
            return Choice(None, tuple(passed_over))
        survivors.sort()
        created, best, digest = survivors.pop()
        passed_over.extend(
            PassedOver(tag, f"was created {when:%Y-%m-%d %H:%M:%S}Z, before {best}")
            if when < created
            else PassedOver(tag, f"was created at the same time as {best}")
            for when, tag, _ in survivors
        )
        return Choice(ImageReference(name, best, digest), tuple(passed_over))

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
        before, after = _details(running, facts), _details(offered, facts)
        if before is None or after is None:
            return Order.GONE  # an older build that never ran here would pass for a newer one
        if before.created is None or after.created is None or before.created == after.created:
            return Order.UNORDERED
        return Order.HIGHER if after.created > before.created else Order.LOWER


def _details(image: ImageReference, facts: Facts) -> ImageDetails | None:
    digest = image.digest
    if digest is None and image.tag is not None:
        digest = facts.need(DigestOf(image.name, image.tag))
    return facts.need(DetailsOf(image.name, digest)) if digest else None
