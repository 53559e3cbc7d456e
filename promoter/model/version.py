"""Semantic versions, ordered (semver.org 2.0.0, section 11)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, total_ordering
from typing import Self

_NUMBER = r"(0|[1-9][0-9]*)"
_SEMVER = re.compile(
    rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    r"(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)


@total_ordering
@dataclass(frozen=True, eq=False)
class SemanticVersion:
    """`[v]MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]`; build metadata does not order."""

    release: tuple[int, int, int]
    prerelease: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The version; None where the text is none."""
        match = _SEMVER.fullmatch(text)
        if not match:
            return None
        major, minor, patch, prerelease = match.groups()
        return cls(
            (int(major), int(minor), int(patch)), tuple(prerelease.split(".") if prerelease else ())
        )

    @cached_property
    def _key(self) -> tuple[object, ...]:
        # Without a prerelease ranks above any; numbers rank below words, and by value.
        identifiers = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.prerelease
        )
        return (self.release, not self.prerelease, identifiers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SemanticVersion) and self._key == other._key

    def __lt__(self, other: SemanticVersion) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        numbers = ".".join(str(number) for number in self.release)
        return numbers + (f"-{'.'.join(self.prerelease)}" if self.prerelease else "")
