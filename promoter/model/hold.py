"""A person's word that targets stay where they are, or that a release does not enter them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Self

from promoter.errors import Where
from promoter.model.image import ImageReference
from promoter.model.release import Release
from promoter.model.spell import spell_time
from promoter.model.target import Problem, Target

FOLDER = ".promoter/holds"
"""Where holds lie in a manifest repository."""
Globs = tuple[str, ...]
"""Names with `*`, `?` and `[...]`, case-sensitive; one that fits is enough."""
EVERYTHING: Globs = ("*",)
_SIGNS = frozenset("*?[")


@dataclass(frozen=True)
class Hold:
    """One document of a hold file. Without `releases` the targets stay where they are; with them
    these alone are kept out: labels, ids of releases, or whole image references."""

    applications: Globs
    environments: Globs
    by: str
    reason: str
    where: Where
    releases: tuple[str, ...] = ()
    until: datetime | None = None
    """In UTC: from then on it holds nothing any more. None: until somebody takes it away."""

    def covers(self, application: str, environment: str) -> bool:
        return _fits(environment, self.environments) and _fits(application, self.applications)

    def bans(self, release: Release) -> bool:
        return any(is_named(each, release) for each in self.releases)

    def keeps_out(self, release: Release) -> bool:
        """Whether this release may not enter because of it."""
        return not self.releases or self.bans(release)

    def is_over(self, now: datetime) -> bool:
        return self.until is not None and now >= self.until

    def is_same(self, other: Hold) -> bool:
        """Whether both hold the same, whoever says so, why, and until when."""
        return self._subject == other._subject

    @property
    def _subject(self) -> tuple[Globs, Globs, frozenset[str]]:
        return self.applications, self.environments, frozenset(self.releases)

    @property
    def subject(self) -> str:
        """`web in production`, `everything`, `1.4.0 of web in production`."""
        what = spell_globs(self.applications, self.environments)
        return f"{', '.join(self.releases)} of {what}" if self.releases else what

    @property
    def told(self) -> str:
        """`held by ann until 2026-12-24T00:00:00Z: the sale`."""
        until = f" until {spell_time(self.until)}" if self.until else ""
        what = f"{', '.join(self.releases)} is held off" if self.releases else "held"
        return f"{what} by {self.by}{until}: {self.reason}"

    @property
    def release_command(self) -> str:
        """What takes it away again, for a shell."""
        if (self.applications, self.environments) == (EVERYTHING, EVERYTHING):
            names = ["--all"]
        else:
            names = [",".join(self.applications), ",".join(self.environments)]
        flags = [word for each in self.releases for word in ("--release", each)]
        return shlex.join(["promoter", "release-hold", *names, *flags])


@dataclass(frozen=True)
class BrokenHold:
    """A document, or a whole file, that can't be read: it holds all that it may concern."""

    applications: Globs
    environments: Globs
    problems: tuple[Problem, ...]
    """What is wrong, at least one."""
    where: Where

    def covers(self, application: str, environment: str) -> bool:
        return _fits(environment, self.environments) and _fits(application, self.applications)

    @property
    def told(self) -> str:
        first, *rest = self.problems
        more = f" (and {len(rest)} more)" if rest else ""
        return f"held by a file that can't be read: {first}{more}"


@dataclass(frozen=True)
class Holds:
    """What hold files say: all of them, or those over one target."""

    standing: tuple[Hold, ...] = ()
    broken: tuple[BrokenHold, ...] = ()

    @classmethod
    def together(cls, of: Iterable[Holds]) -> Self:
        """What several repositories say, each once."""
        every = list(of)
        standing = dict.fromkeys(hold for each in every for hold in each.standing)
        broken = dict.fromkeys(hold for each in every for hold in each.broken)
        return cls(tuple(standing), tuple(broken))

    def over(self, target: Target, now: datetime) -> Holds:
        """Those that hold a target now."""
        return self.over_names(target.application, target.environment, now)

    def over_names(self, application: str, environment: str, now: datetime) -> Holds:
        if not self.standing and not self.broken:
            return self
        return Holds(
            tuple(
                each
                for each in self.standing
                if each.covers(application, environment) and not each.is_over(now)
            ),
            tuple(each for each in self.broken if each.covers(application, environment)),
        )

    @property
    def stops(self) -> tuple[Hold | BrokenHold, ...]:
        """Those because of which nothing at all is done."""
        return (*self.broken, *(each for each in self.standing if not each.releases))

    @property
    def bans(self) -> tuple[Hold, ...]:
        return tuple(each for each in self.standing if each.releases)

    def ban_of(self, release: Release | None) -> Hold | None:
        """What keeps this very release out."""
        if release is None:
            return None
        return next((each for each in self.bans if each.bans(release)), None)

    def keeper_of(self, release: Release | None) -> Hold | BrokenHold | None:
        """Why an open merge request with this release may not be merged."""
        return next(iter(self.stops), None) or self.ban_of(release)


NO_HOLDS = Holds()


def spell_globs(applications: Globs, environments: Globs) -> str:
    """`web in production`, `everything in production`, `everything`."""
    what = "everything" if applications == EVERYTHING else ", ".join(applications)
    if environments == EVERYTHING:
        return what if applications == EVERYTHING else f"{what} everywhere"
    return f"{what} in {', '.join(environments)}"


def is_image(text: str) -> bool:
    """Whether a release is named by a whole image reference."""
    return any(sign in text for sign in "/@:")


def is_named(text: str, release: Release) -> bool:
    """Whether `text` names this release: its label, the tag of one of its artifacts, its id (with
    digests or without: some kinds of manifests carry none), or one of its images."""
    if is_image(text):
        image = ImageReference.parse(text)
        return any(each.agrees(image) for each in release.artifacts)
    if text == release.label or any(text == each.tag for each in release.artifacts):
        return True
    if text == release.id:
        return True
    bare = Release.of(each.at(each.tag, None) if each.tag else each for each in release.artifacts)
    return text == bare.id


def _fits(name: str, globs: Globs) -> bool:
    # Most are plain names, and there may be hundreds of holds for each of a thousand targets.
    return any(
        name == each or (not _SIGNS.isdisjoint(each) and fnmatchcase(name, each)) for each in globs
    )
