"""`semver: RANGE`: the highest semantic version in a range of node's grammar."""

from __future__ import annotations

import re
from functools import lru_cache

from promoter.decisions.policies.by_version import Rank
from promoter.decisions.policies.dotted_numbers import order_by_numbers
from promoter.decisions.policies.policy import Order
from promoter.decisions.policies.semver_range import parse_range
from promoter.model.rule import ArtifactRule
from promoter.model.version import SemanticVersion

_MANY_NUMBERS = re.compile(r"[vV]?[0-9]+(?:\.[0-9]+){3,}(?:[-+_].*)?")
_LEADING_ZERO = re.compile(r"[vV]?(?:[0-9]+\.)*0[0-9]+(?:[.+_-].*)?")
_LONE_NUMBER = re.compile(r"[vV]?[0-9]+(?:[-+_].*)?")
_WAY_OUT = "select by `calver` or `numeric`, or let `tags` name its `version`"


class SemverScheme:
    reads_any_text = False

    def read(self, artifact: ArtifactRule, text: str) -> Rank:  # noqa: ARG002 - no rule differs
        version = _parse(text)
        if version is None:
            raise ValueError(_why_not(text))
        # Of equal versions the one that is spelled out: `1.2` often is a tag that moves.
        return Rank(version, version.written)

    def refuse(self, artifact: ArtifactRule, version: SemanticVersion) -> str:
        wanted = artifact.select.argument
        if parse_range(wanted, artifact.prereleases).admits(version):
            return ""
        if version.prerelease and not artifact.prereleases:
            return "is a prerelease"
        return f"is outside {wanted}"

    def behind(self, artifact: ArtifactRule) -> str:  # noqa: ARG002 - no rule differs
        return "is lower than"

    def order_unread(self, running: str, offered: str) -> Order:
        return order_by_numbers(running, offered)


@lru_cache(maxsize=1 << 14)  # each tag is read for each comparison, and in each round of questions
def _parse(text: str) -> SemanticVersion | None:
    return SemanticVersion.parse(text)


def _why_not(text: str) -> str:
    if _MANY_NUMBERS.fullmatch(text):
        return f"has more than three numbers, so it is not a semantic version: {_WAY_OUT}"
    if _LEADING_ZERO.fullmatch(text):
        return f"has a number with a leading zero, so it is not a semantic version: {_WAY_OUT}"
    if _LONE_NUMBER.fullmatch(text):
        return f"begins with a lone long number, so it is not a semantic version: {_WAY_OUT}"
    return "is not a semantic version"
