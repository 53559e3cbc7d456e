"""`semver: RANGE`: the highest semantic version in a range of node's grammar."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from promoter.decisions.policies.policy import (
    Choice,
    Followed,
    Order,
    compared_text,
    filter_tags,
    listed_tags,
    same_tag,
)
from promoter.model.facts import DigestOf, Facts, NotKnown, Unknown
from promoter.model.image import ImageReference
from promoter.model.plan import PassedOver
from promoter.model.rule import ArtifactRule
from promoter.model.version import SemanticVersion

_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)+")


class SemverPolicy:
    def select(self, followed: Followed, facts: Facts) -> Choice:
        artifact, name = followed.artifact, followed.name
        passed_over: list[PassedOver] = []
        survivors: list[tuple[SemanticVersion, str]] = []
        for tag, text in filter_tags(artifact, listed_tags(name, facts), passed_over):
            version = SemanticVersion.parse(text)
            if version is None:
                passed_over.append(PassedOver(tag, "is not a semantic version"))
            elif version.prerelease and not artifact.prereleases:
                passed_over.append(PassedOver(tag, "is a prerelease"))
            elif not _satisfies(version, artifact.select.argument, artifact.prereleases):
                passed_over.append(PassedOver(tag, f"is outside {artifact.select.argument}"))
            else:
                survivors.append((version, tag))
        if not survivors:
            return Choice(None, tuple(passed_over))
        # Versions that are equal (`1.2.0`, `v1.2.0`) are told apart by the tag's text, so that
        # the order in which a registry lists them never matters.
        survivors.sort()
        highest, best = survivors.pop()
        passed_over.extend(
            PassedOver(tag, f"is lower than {best}")
            if version < highest
            else PassedOver(tag, f"is the same version as {best}")
            for version, tag in survivors
        )
        question = DigestOf(name, best)
        digest = facts.need(question)
        if digest is None:
            raise NotKnown(question, Unknown(f"{name} lists the tag {best} but has no such image"))
        return Choice(ImageReference(name, best, digest), tuple(passed_over))

    def order(
        self,
        artifact: ArtifactRule,
        running: ImageReference,
        offered: ImageReference,
        facts: Facts,
    ) -> Order:
        here, there = _tag(artifact, running, facts), _tag(artifact, offered, facts)
        if here is None or there is None:
            return Order.GONE
        if here == there:
            return same_tag(running, offered) if running.tag and offered.tag else Order.SAME
        before, after = _version(artifact, here), _version(artifact, there)
        if before is None or after is None:
            return _order_numbers(here, there)
        if before == after:
            return Order.SAME
        return Order.HIGHER if after > before else Order.LOWER


def _tag(artifact: ArtifactRule, image: ImageReference, facts: Facts) -> str | None:
    """Its tag; where only a digest is written (`pin: digest`) the highest version that names it."""
    if image.tag is not None:
        return image.tag
    versions = sorted(
        (version, tag)
        for tag, text in filter_tags(artifact, listed_tags(image.name, facts), [])
        if (version := SemanticVersion.parse(text)) is not None
    )
    tags = [tag for _, tag in reversed(versions)]
    digests = facts.need_all(DigestOf(image.name, tag) for tag in tags)
    named = (tag for tag, digest in zip(tags, digests, strict=True) if digest == image.digest)
    return next(named, None)


def _version(artifact: ArtifactRule, tag: str) -> SemanticVersion | None:
    # What runs may be a tag that `tags` does not match (any more): 2.0.0 beside v1.5.0 is still
    # the higher version, and only what says nothing at all does not order.
    text = compared_text(artifact, tag)
    return SemanticVersion.parse(tag if text is None else text)


def _order_numbers(running: str, offered: str) -> Order:
    """By their first dotted numbers: `1.43.3.10896` is no semantic version, and yet not lower than
    1.0.0. A text without any (`latest`, a commit) tells nothing."""
    here, there = _DOTTED.search(running), _DOTTED.search(offered)
    if here is None or there is None:
        return Order.UNORDERED
    before, after = ([int(part) for part in each[0].split(".")] for each in (here, there))
    if after == before[: len(after)] or before == after[: len(before)]:
        return Order.SAME
    return Order.HIGHER if after > before else Order.LOWER


def _satisfies(version: SemanticVersion, wanted: str, prereleases: bool) -> bool:
    return bool(_range(wanted).test(str(version), include_prerelease=prereleases))


@cache
def _range(text: str) -> Any:
    # Parsed once instead of once a tag: that is what keeps 10,000 tags fast.
    import nodesemver  # type: ignore[import-untyped]  # the library has no annotations

    return nodesemver.make_range(text, False)
