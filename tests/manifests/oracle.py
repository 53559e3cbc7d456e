"""What other readers see in a file: the judge of every edit, apart from the editor's own proof."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError

from promoter.errors import InputError
from promoter.manifests import is_manifest
from promoter.manifests.events import parse
from promoter.manifests.nodes import Mapping, Node, Scalar, Sequence, key_of
from promoter.model.image import ImageName, ImageReference

_LOOKS_LIKE_A_NAME = re.compile(
    rb"(?:image|repository|name|newName)[\"']?:[ \t]+[\"']?([a-z0-9][A-Za-z0-9./_:-]*)"
)
_MOST_LEAVES = 20_000

OTHER = "\0"
"""Begins a key that the reader took for a number or the like: its spelling in the file is lost."""

Spot = tuple[int, tuple[str, ...]]
"""A document, from 0, and a path in it."""


def manifests_in(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and is_manifest(file.name)]


def names_in(content: bytes) -> list[ImageName]:
    """Whatever could be an image's name by the look of the line alone."""
    found: dict[ImageName, None] = {}
    for text in _LOOKS_LIKE_A_NAME.findall(content):
        try:
            found[ImageReference.parse(text.decode()).name] = None
        except ValueError:
            continue
    return list(found)


def load(content: bytes, *, pure: bool = False) -> list[Any] | None:
    """The documents as another reader sees them; None where it can't."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            return list(YAML(typ="safe", pure=pure).load_all(content))
    except (YAMLError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError):
        return None


def leaves(documents: list[Any]) -> dict[Spot, object] | None:
    """Every single value by its place, aliases followed; None where they are too many."""
    found: dict[Spot, object] = {}
    try:
        for number, document in enumerate(documents):
            for path, value in _leaves(document, ()):
                found[number, path] = (type(value).__name__, str(value))
                if len(found) > _MOST_LEAVES:
                    return None
    except RecursionError:
        return None
    return found


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(node, dict) and node:
        for key, each in node.items():
            yield from _leaves(each, (*path, key if isinstance(key, str) else f"{OTHER}{key}"))
    elif isinstance(node, list) and node:
        for index, each in enumerate(node):
            yield from _leaves(each, (*path, str(index)))
    else:
        yield path, node


def lies_below(spot: Spot, above: Spot) -> bool:
    """Whether a place that another reader tells of may be that of the editor's, or below it."""
    (document, path), (other, head) = spot, above
    return (
        document == other
        and len(path) >= len(head)
        and all(
            mine == its or mine.startswith(OTHER) for mine, its in zip(path, head, strict=False)
        )
    )


def scalars_in(content: bytes) -> dict[Spot, Scalar]:
    """Every single value that a path leads to, the path as the editor spells it."""
    try:
        stream = parse("a.yaml", content)
    except InputError:
        return {}
    found: dict[Spot, Scalar] = {}
    for number, document in enumerate(stream.documents):
        for path, node in _scalars(document.root, ()):
            found[number, path] = node
    return found


def _scalars(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Scalar]]:
    if isinstance(node, Scalar):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            step = key_of(key)
            if step is not None:
                yield from _scalars(value, (*path, step))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _scalars(item, (*path, str(index)))
