"""`alphabetical: asc` and `desc`: the last text by code points, or the first."""

from __future__ import annotations

from promoter.decisions.policies.by_version import Rank
from promoter.decisions.policies.policy import Order
from promoter.model.rule import ArtifactRule


class AlphabeticalScheme:
    reads_any_text = True

    def read(self, artifact: ArtifactRule, text: str) -> Rank:
        if artifact.select.argument == "asc":
            return Rank(text)
        # The one above all stands for the end: `a` comes before `ab`, so it ranks above it.
        return Rank((*(-ord(character) for character in text), 1))

    def refuse(self, artifact: ArtifactRule, version: object) -> str:  # noqa: ARG002 - all may be
        return ""

    def behind(self, artifact: ArtifactRule) -> str:
        return "sorts before" if artifact.select.argument == "asc" else "sorts after"

    def order_unread(self, running: str, offered: str) -> Order:  # noqa: ARG002 - nothing tells
        return Order.UNORDERED
