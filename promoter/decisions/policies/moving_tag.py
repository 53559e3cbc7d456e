"""`tag: NAME`: the digest that a moving tag names now."""

from __future__ import annotations

from promoter.decisions.policies.policy import Choice, Followed, Order
from promoter.decisions.policies.walk import take_best
from promoter.model.facts import DigestOf, Facts, NotKnown, Unknown
from promoter.model.image import ImageReference
from promoter.model.rule import ArtifactRule


class MovingTagPolicy:
    tags_may_move = True

    def select(self, followed: Followed, facts: Facts) -> Choice:
        """Nothing else can be taken where the image may not be yet: then the choice is empty,
        and its `refusal` tells why."""
        tag = followed.artifact.select.argument
        question = DigestOf(followed.name, tag)
        if facts.need(question) is None:
            raise NotKnown(question, Unknown(f"{followed.name} has no tag {tag}"))
        return take_best(followed, (tag,), facts, tags_may_move=self.tags_may_move)

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
