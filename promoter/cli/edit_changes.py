"""Which scalars differ between two states of a file, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from promoter.manifests.events import Stream, parse
from promoter.manifests.nodes import Alias, Mapping, Node, Path, Scalar, key_of, steps, text_of
from promoter.manifests.nodes import Sequence as Items
from promoter.manifests.nodes import pointer as pointer_of


class ScalarChange(NamedTuple):
    """`line` is in the new file, documents count from 0; `old` None: there was no such scalar."""

    line: int
    document: int
    pointer: str
    old: str | None
    new: str


def changes_between(file: str, before: bytes, after: bytes) -> tuple[ScalarChange, ...]:
    """Every scalar of the new file that is new or says something else, in the order of the text."""
    old = dict(_scalars(parse(file, before)))
    stream = parse(file, after)
    found = []
    for (document, path), node in _scalars(stream):
        was = old.get((document, path))
        if was is None or text_of(was) != text_of(node):
            text = None if was is None else text_of(was) or ""
            line = stream.where(node.start).line
            found.append(ScalarChange(line, document, pointer_of(path), text, text_of(node) or ""))
    return tuple(found)


def _scalars(stream: Stream) -> Iterator[tuple[tuple[int, Path], Scalar]]:
    for number, document in enumerate(stream.documents):
        for path, scalar in _below(document.root, ()):
            yield (number, path), scalar


def _below(node: Node, path: Path) -> Iterator[tuple[Path, Scalar]]:
    """Aliases are not followed: what they show is told once, at its anchor."""
    if isinstance(node, Scalar):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            step = key_of(key)
            if step is not None:
                yield from _below(value, (*path, step))
    elif isinstance(node, Items):
        for index, item in enumerate(node.items):
            yield from _below(item, (*path, str(index)))


def documents_holding(stream: Stream, pointer: str) -> tuple[int, ...]:
    """The documents, counted from 0, in which a pointer leads somewhere, if only to an alias."""
    path = steps(pointer)
    return tuple(number for number, each in enumerate(stream.documents) if _leads(each.root, path))


def _leads(node: Node | None, path: Path) -> bool:
    for step in path:
        if isinstance(node, Alias):
            return True
        if isinstance(node, Mapping):
            node = node.get(step)
        elif isinstance(node, Items) and step.isdecimal() and int(step) < len(node.items):
            node = node.items[int(step)]
        else:
            return False
    return node is not None
