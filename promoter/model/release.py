"""A release: the exact artifacts that move together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from promoter.model.image import ImageName, ImageReference


@dataclass(frozen=True)
class Release:
    """Artifacts sorted by name, one each; two releases are compared with `agrees`."""

    artifacts: tuple[ImageReference, ...]

    @classmethod
    def of(cls, artifacts: Iterable[ImageReference]) -> Self:
        return cls(tuple(sorted(artifacts, key=lambda artifact: artifact.normal)))

    @cached_property
    def id(self) -> str:
        """Eight hexadecimal digits of the SHA-256 over the normal references."""
        import hashlib  # here, because `promoter edit` starts faster without

        text = "\n".join(artifact.normal for artifact in self.artifacts)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def names(self) -> frozenset[ImageName]:
        return frozenset(artifact.name for artifact in self.artifacts)

    def get(self, name: ImageName) -> ImageReference | None:
        return next((artifact for artifact in self.artifacts if artifact.name == name), None)

    def agrees(self, other: Release) -> bool:
        """Whether both name the same images, as far as each says (a manifest may lack digests)."""
        return self.names == other.names and all(
            mine.agrees(theirs)
            for mine in self.artifacts
            if (theirs := other.get(mine.name)) is not None
        )

    def holds(self, asked: Release) -> bool:
        """Whether it has every artifact of `asked`, which may have fewer."""
        return all(
            (mine := self.get(each.name)) is not None and mine.agrees(each)
            for each in asked.artifacts
        )

    @property
    def label(self) -> str:
        """What people call it: the tag where all artifacts share one, else `name tag, ...`."""
        versions = {artifact.version for artifact in self.artifacts}
        if len(versions) == 1:
            return versions.pop()
        return ", ".join(f"{artifact.name.short} {artifact.version}" for artifact in self.artifacts)
