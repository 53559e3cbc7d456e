"""Policies that order tags by the version that they spell.

What differs between them is a `Scheme`: how a text becomes a version. The rest is here: filter,
read, sort, and take the best one that may be taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from promoter.decisions.policies.filters import compared_text, filter_tags
from promoter.decisions.policies.policy import (
    Choice,
    Followed,
    Order,
    listed_tags,
    offered_tags,
    same_tag,
)
from promoter.decisions.policies.walk import MOST_LOOKED_AT, batches, take_best
from promoter.model.facts import DigestOf, Facts
from promoter.model.image import ImageReference
from promoter.model.plan import PassedOver
from promoter.model.rule import ArtifactRule


@dataclass(frozen=True)
class Rank:
    """How a text ranks. `version` orders, the higher the better; `preference` decides between
    equal versions, and the tag's own text after that, so that a registry's order never matters."""

    version: Any
    preference: int = 0


class Scheme(Protocol):
    reads_any_text: bool
    """Then a tag that `tags` does not match is no version: nothing else could tell so."""

    def read(self, artifact: ArtifactRule, text: str) -> Rank:
        """The version that a text spells; ValueError that says why it is none."""

    def refuse(self, artifact: ArtifactRule, version: Any) -> str:
        """Why a version is never taken by this rule; empty where it may be."""

    def behind(self, artifact: ArtifactRule) -> str:
        """How a version that comes after another one stands to it: `is lower than`."""

    def order_unread(self, running: str, offered: str) -> Order:
        """How two texts stand to each other of which at least one is no version."""


@dataclass(frozen=True)
class VersionPolicy:
    scheme: Scheme
    tags_may_move = False

    def select(self, followed: Followed, facts: Facts) -> Choice:
        artifact = followed.artifact
        passed_over: list[PassedOver] = []
        survivors: list[tuple[Rank, str]] = []
        offered = offered_tags(followed, facts, passed_over)
        for tag, text in filter_tags(artifact, offered, passed_over):
            try:
                rank = self.scheme.read(artifact, text)
            except ValueError as error:
                passed_over.append(PassedOver(tag, str(error)))
                continue
            if why := self.scheme.refuse(artifact, rank.version):
                passed_over.append(PassedOver(tag, why))
            else:
                survivors.append((rank, tag))
        survivors.sort(key=_best_last, reverse=True)
        taken = take_best(
            followed, [tag for _, tag in survivors], facts, tags_may_move=self.tags_may_move
        )
        looked_at = len(taken.passed_over) + (taken.image is not None)
        passed_over.extend(taken.passed_over)
        if looked_at:
            best, tag = survivors[looked_at - 1]
            behind, same = f"{self.scheme.behind(artifact)} {tag}", f"is the same version as {tag}"
            passed_over.extend(
                PassedOver(other, behind if rank.version != best.version else same)
                for rank, other in survivors[looked_at:]
            )
        return replace(taken, passed_over=tuple(passed_over))

    def order(
        self,
        artifact: ArtifactRule,
        running: ImageReference,
        offered: ImageReference,
        facts: Facts,
    ) -> Order:
        here, there = self._tag(artifact, running, facts), self._tag(artifact, offered, facts)
        if here is None or there is None:
            return Order.GONE
        if here == there:
            return same_tag(running, offered) if running.tag and offered.tag else Order.SAME
        before, after = self._read(artifact, here), self._read(artifact, there)
        if before is None or after is None:
            return self.scheme.order_unread(here, there)
        if before.version == after.version:
            return Order.SAME
        return Order.HIGHER if after.version > before.version else Order.LOWER

    def _tag(self, artifact: ArtifactRule, image: ImageReference, facts: Facts) -> str | None:
        """Its tag; where only a digest is written (`pin: digest`) the best one that names it."""
        if image.tag is not None:
            return image.tag
        ranked = sorted(self._ranked(artifact, image, facts), key=_best_last, reverse=True)
        for batch in batches([tag for _, tag in ranked[:MOST_LOOKED_AT]]):
            digests = facts.need_all(DigestOf(image.name, tag) for tag in batch)
            for tag, digest in zip(batch, digests, strict=True):
                if digest == image.digest:
                    return tag
        return None

    def _ranked(
        self, artifact: ArtifactRule, image: ImageReference, facts: Facts
    ) -> Iterator[tuple[Rank, str]]:
        for tag, text in filter_tags(artifact, listed_tags(image.name, facts), []):
            try:
                yield self.scheme.read(artifact, text), tag
            except ValueError:
                continue

    def _read(self, artifact: ArtifactRule, tag: str) -> Rank | None:
        # What runs may be a tag that `tags` does not match (any more): 2.0.0 beside v1.5.0 is
        # still the higher version, and only what says nothing at all does not order.
        text = compared_text(artifact, tag)
        if text is None and self.scheme.reads_any_text:
            return None
        try:
            return self.scheme.read(artifact, tag if text is None else text)
        except ValueError:
            return None


def _best_last(ranked: tuple[Rank, str]) -> tuple[Any, int, str]:
    rank, tag = ranked
    return rank.version, rank.preference, tag
