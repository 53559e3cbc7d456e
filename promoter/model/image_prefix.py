"""A registry, or a part of one: what names of images begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from promoter.model.image import ImageName

_SAMPLE = "/a/b"  # two components: one alone would stand in Docker Hub's `library`


@dataclass(frozen=True)
class ImagePrefix:
    """A registry's host, and the first components of paths there; empty: all of them."""

    registry: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ghcr.io`, `harbor.example.com/apps/` or `docker.io/library`; the slash at the end
        may be left out. Raises ValueError that says what is wrong."""
        bare = text.removesuffix("/")
        name = ImageName.parse(f"{bare}{_SAMPLE}")
        if f"{name.path}" == f"{bare}{_SAMPLE}":
            raise ValueError(
                f"'{text}' names no registry: write docker.io/{bare} for Docker Hub's, or the"
                " registry's host with its dot or port"
            )
        path = name.path.removesuffix(_SAMPLE.removeprefix("/")).removesuffix("/")
        return cls(name.registry, path)

    def covers(self, name: ImageName) -> bool:
        """Whether an image is from there; `apps` does not cover `apps-old/web`."""
        if name.registry.casefold() != self.registry.casefold():
            return False
        return not self.path or name.path == self.path or name.path.startswith(f"{self.path}/")

    def rest_of(self, name: ImageName) -> str:
        """What stands behind it in the path of an image from there; empty where it is all."""
        return name.path.removeprefix(self.path).removeprefix("/")

    def put_before(self, rest: str) -> ImageName:
        """The image's name from here. Raises ValueError where that is none."""
        path = "/".join(part for part in (self.path, rest) if part)
        return ImageName.parse(f"{self.registry}/{path}")

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}" if self.path else self.registry
