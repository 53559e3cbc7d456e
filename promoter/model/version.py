"""Semantic versions, ordered (semver.org 2.0.0, section 11), as tags spell them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, total_ordering
from typing import Self

_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
# A tag can't hold the '+' of build metadata; Helm writes '_' in its place.
_SEMVER = re.compile(
    rf"[vV]?(?P<release>{_NUMBER}(?:\.{_NUMBER}){{0,2}})"
    rf"(?:-(?P<prerelease>{_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
    r"(?:[+_][0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_LONGEST_LONE_NUMBER = 3


@total_ordering
@dataclass(frozen=True, eq=False)
class SemanticVersion:
    """`[v]MAJOR[.MINOR[.PATCH]][-PRERELEASE][+BUILD]`; missing numbers are zeros.

    Build metadata does not order. `written` is how many numbers the text had; it does not
    order either.
    """

    release: tuple[int, int, int]
    prerelease: tuple[str, ...]
    written: int = field(default=3)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The version; None where the text is none.

        A lone number is one only up to three digits (`16`): a longer one is a date, a build
        number or a commit whose digits happen to hold no letter, and would beat every version.
        """
        match = _SEMVER.fullmatch(text)
        if not match:
            return None
        release, prerelease = match["release"], match["prerelease"]
        numbers = release.split(".")
        if len(numbers) == 1 and len(release) > _LONGEST_LONE_NUMBER:
            return None
        major, minor, patch = (int(each) for each in (*numbers, "0", "0")[:3])
        return cls(
            (major, minor, patch), tuple(prerelease.split(".") if prerelease else ()), len(numbers)
        )

    @cached_property
    def _key(self) -> tuple[object, ...]:
        # Without a prerelease ranks above any.
        return (self.release, not self.prerelease, prerelease_key(self.prerelease))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SemanticVersion) and self._key == other._key

    def __lt__(self, other: SemanticVersion) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        numbers = ".".join(str(number) for number in self.release)
        return numbers + (f"-{'.'.join(self.prerelease)}" if self.prerelease else "")


def prerelease_key(identifiers: Iterable[str]) -> tuple[tuple[int, int, str], ...]:
    """Orders the dotted identifiers of a prerelease: numbers by value, and below words."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in identifiers)
