"""What the manifest kinds give: the places in one document that name an image."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from promoter.manifests.changes import Change
from promoter.manifests.nodes import Mapping, Node, Path
from promoter.model.image import ImageName, ImageReference
from promoter.model.target import SiteKind


@dataclass(frozen=True)
class Place:
    """A mapping in a document: `file` is the whole path, `document` counts from 0.

    `registries` are the registries that a chart's `global.imageRegistry` gives to the names
    below a path.
    """

    file: str
    document: int
    root: Node
    path: Path
    mapping: Mapping
    registries: dict[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """A site with its parts. `path` leads to the whole unit, `node` is the part shown to people.

    `carries_tag` and `carries_digest` tell what can be written here.
    """

    kind: SiteKind
    place: Place
    path: Path
    node: Node
    image: ImageReference
    carries_digest: bool
    carries_tag: bool = True


@dataclass(frozen=True)
class Unreadable:
    """A place that names a followed image at a version that can't be read."""

    why: str
    node: Node


@dataclass(frozen=True)
class Version:
    """What is to be written, both parts as one; None: that part does not stand there."""

    tag: str | None
    digest: str | None


class Kind(Protocol):
    """A manifest kind: a module with these two functions."""

    def read(self, place: Place, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
        """The units that the mapping itself holds (not those below it)."""

    def write(self, unit: Unit, version: Version) -> Sequence[Change]:
        """The changes that bring a unit to a version; InputError where that can't be written."""


def shown(mapping: Mapping, *keys: str) -> Node:
    """The first of these keys' values that says something, else the mapping's first key."""
    for key in keys:
        value = mapping.get(key)
        if value is not None and mapping.text(key):
            return value
    return mapping.entries[0][0] if mapping.entries else mapping


def parse_name(text: str | None, names: Collection[ImageName]) -> ImageName | None:
    """The name that a text spells, where it is one of those looked for."""
    if not text:
        return None
    try:
        name = ImageName.parse(text)
    except ValueError:
        return None
    return name if name in names else None


def is_template(text: str) -> bool:
    """Whether something else fills in a part of the text: `{{ .Values.tag }}`, `${TAG}`."""
    return "{{" in text or "${" in text


def bad_version(key: str, name: ImageName, text: str, should_be: str) -> str:
    """The sentence for a version that can't be read."""
    if is_template(text):
        return f"{key} of {name} is a template expression ({text}); write {should_be} here"
    return f"{key} of {name} is {text!r}, which is not {should_be}"


def two_claims(one: ImageName, other: ImageName) -> str:
    """The sentence for a site that two followed images would both write."""
    return f"{one} and {other} both claim this place; follow one of them"
