"""`tag: NAME`: the digest that a moving tag names now."""

from __future__ import annotations

from promoter.decisions.policies.policy import Choice, Followed, Order
from promoter.model.facts import DigestOf, Facts, NotKnown, Unknown
from promoter.model.image import ImageReference
from promoter.model.rule import ArtifactRule


class MovingTagPolicy:
    def select(self, followed: Followed, facts: Facts) -> Choice:
        artifact, name = followed.artifact, followed.name
        tag = artifact.select.argument
        question = DigestOf(name, tag)
        digest = facts.need(question)
        if digest is None:
            raise NotKnown(question, Unknown(f"{name} has no tag {tag}"))
        return Choice(ImageReference(name, tag, digest))

    def order(
        self,
        artifact: ArtifactRule,  # noqa: ARG002 - the same for every moving tag
        running: ImageReference,
        offered: ImageReference,
        facts: Facts,  # noqa: ARG002 - digests don't order
    ) -> Order:
        if running.digest is None:
            return Order.HIGHER  # from whatever the tag named to a digest that is known
        return Order.SAME if running.digest == offered.digest else Order.UNORDERED
