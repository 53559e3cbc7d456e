"""A target, the sites in it, and what they say now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promoter.errors import Where
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release

SiteKind = Literal["kustomization", "helm", "manifest"]


@dataclass(frozen=True, slots=True)
class Target:
    """One application in one environment: a directory or a file of the manifest repository."""

    application: str
    environment: str
    path: str

    def __str__(self) -> str:
        return f"{self.application} in {self.environment}"


@dataclass(frozen=True, slots=True)
class Site:
    """One place that names an artifact.

    `pointer` is the JSON pointer (RFC 6901) of the whole unit in its document: the mapping
    that holds name, tag and digest, or the scalar that holds all of them. `image` is what
    stands there. `carries_digest` tells whether a digest can be written there.
    """

    where: Where
    document: int
    pointer: str
    kind: SiteKind
    image: ImageReference
    carries_digest: bool


@dataclass(frozen=True)
class Problem:
    """Something a person should know of; it blocks the target that it belongs to."""

    message: str
    where: Where | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


@dataclass(frozen=True, slots=True)
class Reading:
    """What a target's sites say at one commit.

    `release` is None where nothing names an artifact, or where sites of one artifact
    disagree (`mixed` then says how).
    """

    sites: tuple[Site, ...]
    release: Release | None
    mixed: str | None = None
    problems: tuple[Problem, ...] = ()
    near: tuple[Problem, ...] = ()
    """Where there is no site: the places that name almost what is followed."""

    @property
    def names(self) -> frozenset[ImageName]:
        return frozenset(site.image.name for site in self.sites)


@dataclass(frozen=True)
class Discovery:
    """The targets that a rule's path patterns match in one tree."""

    targets: tuple[Target, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class FileChange:
    """A file's bytes before and after; nothing else about the file changes."""

    path: str
    before: bytes
    after: bytes


@dataclass(frozen=True)
class Edit:
    """The bytes that bring a target to a release, or why they can't be made (`refused`)."""

    changes: tuple[FileChange, ...]
    refused: tuple[Problem, ...] = ()
