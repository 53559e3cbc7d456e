"""Ranges of semantic versions, in node's grammar and with node's meaning.

The library reads the grammar; its own test of a version is neither fast (10,000 tags) nor
node's where prereleases are included, so its comparators are turned into bounds here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from promoter.model.version import SemanticVersion

Operator = Literal["", "=", "<", "<=", ">", ">="]

# A version that the author spelled out bounds exactly there; what the library fills in for the
# parts that are missing bounds before all prereleases. The mark tells them apart afterwards.
_MARK = "spelled-out"
_SPELLED_OUT = re.compile(r"(?<![0-9A-Za-z.+-])(v?[0-9]+\.[0-9]+\.[0-9]+)(?=[\s+]|$)")
_HYPHEN = re.compile(r"\s-\s")
_LOWEST = ("0",)


@dataclass(frozen=True)
class Bound:
    operator: Operator
    version: SemanticVersion

    def admits(self, version: SemanticVersion) -> bool:
        match self.operator:
            case "<":
                return version < self.version
            case "<=":
                return version <= self.version
            case ">":
                return version > self.version
            case ">=":
                return version >= self.version
        return version == self.version


@dataclass(frozen=True)
class VersionRange:
    """Alternatives of bounds; a version is in it where all bounds of one alternative admit it.

    Without `prereleases` one is admitted only by an alternative that itself names a prerelease
    of the same three numbers.
    """

    alternatives: tuple[tuple[Bound, ...], ...]
    prereleases: bool

    def admits(self, version: SemanticVersion) -> bool:
        return any(
            all(bound.admits(version) for bound in bounds)
            and (not version.prerelease or self.prereleases or _names(bounds, version))
            for bounds in self.alternatives
        )


@lru_cache(maxsize=256)
def parse_range(text: str, prereleases: bool) -> VersionRange:
    """Raises ValueError where the text is no range. Parsed once instead of once a tag."""
    import nodesemver  # type: ignore[import-untyped]  # the library has no annotations

    nodesemver.make_range(text, False)  # what it refuses it must refuse as it was written
    marked = "||".join(_mark(each) for each in text.split("||"))
    found = nodesemver.make_range(marked, False)
    return VersionRange(
        tuple(
            tuple(
                _bound(comparator, prereleases)
                for comparator in alternative
                if isinstance(comparator.semver, nodesemver.SemVer)  # else it is `*`
            )
            for alternative in found.set
        ),
        prereleases,
    )


def _mark(alternative: str) -> str:
    if _HYPHEN.search(alternative):
        return alternative  # node widens the ends of `1.0.0 - 2.0.0` as well
    return _SPELLED_OUT.sub(rf"\1-{_MARK}", alternative)


def _bound(comparator: Any, prereleases: bool) -> Bound:
    read = comparator.semver
    release = (read.major, read.minor, read.patch)
    identifiers = tuple(str(each) for each in read.prerelease)
    operator = cast("Operator", comparator.operator)
    if identifiers == (_MARK,):
        return Bound(operator, SemanticVersion(release, ()))
    if identifiers:
        return Bound(operator, SemanticVersion(release, identifiers))
    if operator == "<" or (operator == ">=" and prereleases):
        return Bound(operator, SemanticVersion(release, _LOWEST))
    return Bound(operator, SemanticVersion(release, ()))


def _names(bounds: tuple[Bound, ...], version: SemanticVersion) -> bool:
    return any(
        bound.version.prerelease and bound.version.release == version.release for bound in bounds
    )
