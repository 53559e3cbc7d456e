"""Names of container images, read into values and written back as they were read.

The grammar is the one of `distribution/reference`, which the OCI distribution
specification (section "Pulling manifests") narrows for repository names and tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

DOCKER_HUB = "docker.io"

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_HOST_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = re.compile(rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_MAXIMUM_PATH = 255


def is_tag(text: str) -> bool:
    """Whether `text` is a tag by the OCI distribution grammar."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether `text` is a registered digest: `sha256:` or `sha512:` with lower-case hex."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ImageName:
    """A repository in a registry, without tag or digest.

    `registry` and `path` are normal (`docker.io`, `library/nginx`), so that equal names
    compare equal however they were spelled; `written` keeps the spelling (`nginx`).
    """

    registry: str
    path: str
    written: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Read a name; raises ValueError that says which part is wrong."""
        return _parse_name(text)

    @property
    def short(self) -> str:
        """The last component: `frontend` of `ghcr.io/shop/frontend`."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


@lru_cache(maxsize=1 << 14)  # the same few names stand in thousands of places
def _parse_name(text: str) -> ImageName:
    if _IDENTIFIER.fullmatch(text):
        # distribution/reference refuses it as well: runtimes take it for an image's id.
        raise ValueError(f"{text!r} is the id of an image, not a name")
    head, slash, rest = text.partition("/")
    if slash and _is_registry(head):
        registry, path = head, rest
        if not _REGISTRY.fullmatch(registry):
            raise ValueError(f"{text!r}: {registry!r} is not a registry host")
    else:
        registry, path = DOCKER_HUB, text
    if registry == "index.docker.io":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not _PATH.fullmatch(path):
        raise ValueError(
            f"{text!r} is not an image name: {path!r} must be lower-case letters, digits and"
            " single separators (. _ __ -) between slashes"
        )
    if len(path) > _MAXIMUM_PATH:
        raise ValueError(f"image name is longer than {_MAXIMUM_PATH} characters: {text[:40]}…")
    return ImageName(registry, path, text)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image name with a tag, a digest, both or neither; `str()` writes what was read."""

    name: ImageName
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name[:tag][@digest]`; raises ValueError that says which part is wrong."""
        rest, at, digest = text.partition("@")
        if at and not is_digest(digest):
            raise ValueError(f"{text!r}: {digest!r} is not a sha256 or sha512 digest")
        # A colon before the last slash belongs to the registry's port.
        slash = rest.rfind("/")
        colon = rest.find(":", slash + 1)
        name, tag = (rest[:colon], rest[colon + 1 :]) if colon >= 0 else (rest, None)
        if tag is not None and not is_tag(tag):
            raise ValueError(f"{text!r}: {tag!r} is not a tag")
        return cls(ImageName.parse(name), tag, digest if at else None)

    def at(self, tag: str | None, digest: str | None) -> Self:
        """The same name, spelled the same, at another tag and digest."""
        return replace(self, tag=tag, digest=digest)

    def agrees(self, other: ImageReference) -> bool:
        """Whether both can name one image at one version: nothing both of them say differs.

        A manifest kind that carries a tag only still names the image whose digest
        another environment carries; two different digests or tags never agree.
        """
        if self.name != other.name:
            return False
        tags, digests = {self.tag, other.tag} - {None}, {self.digest, other.digest} - {None}
        if len(tags) > 1 or len(digests) > 1:
            return False
        shares_tag = self.tag is not None and self.tag == other.tag
        return shares_tag or (self.digest is not None and self.digest == other.digest)

    @property
    def version(self) -> str:
        """What people call it: the tag, or the digest's first twelve digits."""
        if self.tag:
            return self.tag
        if self.digest:
            return short_digest(self.digest)
        return "(no version)"

    @property
    def suffix(self) -> str:
        """`:tag@digest`, as far as known."""
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def normal(self) -> str:
        """The whole reference under its normal name, the same for every spelling."""
        return f"{self.name}{self.suffix}"

    def __str__(self) -> str:
        return f"{self.name.written}{self.suffix}"


def short_digest(digest: str) -> str:
    """`sha256:` and the first twelve digits: enough for a person to compare."""
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm}:{encoded[:12]}"


def _is_registry(head: str) -> bool:
    return "." in head or ":" in head or head == "localhost" or head != head.lower()
