"""`semver: RANGE`: the highest semantic version in a range of node's grammar."""

from __future__ import annotations

from functools import cache
from typing import Any

from promoter.decisions.policies.policy import (
    Choice,
    Order,
    compared_text,
    filter_tags,
    listed_tags,
    same_tag,
)
from promoter.model.facts import DigestOf, Facts, NotKnown, Unknown
from promoter.model.image import ImageName, ImageReference
from promoter.model.plan import PassedOver
from promoter.model.rule import ArtifactRule
from promoter.model.version import SemanticVersion


class SemverPolicy:
    def select(self, artifact: ArtifactRule, name: ImageName, facts: Facts) -> Choice:
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
            return Choice(None, passed_over)
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
        return Choice(ImageReference(name, best, digest), passed_over)

    def order(
        self,
        artifact: ArtifactRule,
        running: ImageReference,
        offered: ImageReference,
        facts: Facts,  # noqa: ARG002 - the versions say it all
    ) -> Order:
        if running.tag is None or offered.tag is None:
            return Order.UNORDERED
        if running.tag == offered.tag:
            return same_tag(running, offered)
        before, after = _version(artifact, running.tag), _version(artifact, offered.tag)
        if before is None or after is None:
            return Order.UNORDERED
        if before == after:
            return Order.SAME
        return Order.HIGHER if after > before else Order.LOWER


def _version(artifact: ArtifactRule, tag: str) -> SemanticVersion | None:
    # What runs may be a tag that `tags` does not match (any more): 2.0.0 beside v1.5.0 is still
    # the higher version, and only what says nothing at all does not order.
    text = compared_text(artifact, tag)
    return SemanticVersion.parse(tag if text is None else text)


def _satisfies(version: SemanticVersion, wanted: str, prereleases: bool) -> bool:
    return bool(_range(wanted).test(str(version), include_prerelease=prereleases))


@cache
def _range(text: str) -> Any:
    # Parsed once instead of once a tag: that is what keeps 10,000 tags fast.
    import nodesemver  # type: ignore[import-untyped]  # the library has no annotations

    return nodesemver.make_range(text, False)
