"""Follows paths through documents, and says why one leads nowhere or where else it shows."""

from __future__ import annotations

import re
from collections.abc import Sequence as Series
from dataclasses import dataclass

from promoter.errors import InputError
from promoter.manifests.events import Stream
from promoter.manifests.nodes import Alias, Mapping, Node, Path, Scalar, Sequence, key_of, pointer

_INDEX = re.compile(r"0|[1-9][0-9]{0,17}")
_SHOWN = 5


@dataclass(frozen=True)
class Found:
    """A node, the entry's key (None in a sequence) and the collection around it."""

    node: Node
    key: Node | None
    parent: Node | None

    @property
    def in_flow(self) -> bool:
        return isinstance(self.parent, Mapping | Sequence) and self.parent.flow


class NoSuchPathError(InputError):
    """A path leads nowhere; `depth` steps of it exist."""

    def __init__(self, stream: Stream, found: Found, why: str, depth: int) -> None:
        super().__init__(why, where=stream.where(found.node.start))
        self.depth = depth


class Trails:
    """Paths through one stream. Keys of a mapping are indexed once, for large batches."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._entries: dict[int, dict[str, list[tuple[Node, Node]]]] = {}

    def follow(self, document: int, path: Path) -> list[Found]:
        """What a path leads through, the root first. Raises NoSuchPathError where it ends early."""
        stream = self._stream
        if document >= len(stream.documents):
            raise InputError(f"has no document {document + 1}", where=stream.where(0))
        trail = [Found(stream.documents[document].root, None, None)]
        for depth, step in enumerate(path):
            node = trail[-1].node
            if isinstance(node, Mapping) and (entries := self._all(node, step)):
                trail.append(Found(entries[-1][1], entries[-1][0], node))
            elif (
                isinstance(node, Sequence)
                and _INDEX.fullmatch(step)
                and int(step) < len(node.items)
            ):
                trail.append(Found(node.items[int(step)], None, node))
            else:
                why = _missing(node, path[:depth], step)
                raise NoSuchPathError(stream, trail[-1], why, depth)
        return trail

    def refuse_duplicates(self, trail: Series[Found], path: Path) -> None:
        for found, step in zip(trail[1:], path, strict=True):
            if not isinstance(found.parent, Mapping):
                continue
            twice = self._all(found.parent, step)
            if len(twice) > 1:
                lines = ", ".join(str(self._stream.line(key.start) + 1) for key, _ in twice)
                why = f"the key '{step}' stands {len(twice)} times (lines {lines}); keep one"
                self._stream.refuse(twice[-1][0].start, why)

    def refuse_shared(self, document: int, touched: Series[Found], path: Path) -> None:
        """Refuse what other paths show too: an anchor on the way whose alias is used."""
        stream = self._stream
        holder = stream.documents[document]
        for depth, found in enumerate(touched):
            aliases = holder.aliases_of(found.node)
            if not aliases:
                continue
            shown = [
                f"{pointer((*_merged(holder.alias_paths[alias]), *path[depth:])) or 'a key'}"
                f" (line {stream.line(alias.start) + 1})"
                for alias in aliases[:_SHOWN]
            ]
            more = f" and {len(aliases) - _SHOWN} more" if len(aliases) > _SHOWN else ""
            why = (
                f"&{aliases[0].name} is used again by alias: {', '.join(shown)}{more} would change"
                " with it; write the value out there, or say that all of them shall change"
            )
            stream.refuse(found.node.start, why)

    def _all(self, mapping: Mapping, key: str) -> list[tuple[Node, Node]]:
        """Every entry of that key: more than one where it is written twice."""
        index = self._entries.get(id(mapping))
        if index is None:
            index = self._entries[id(mapping)] = {}
            for entry in mapping.entries:
                name = key_of(entry[0])
                if name is not None:
                    index.setdefault(name, []).append(entry)
        return index.get(key, [])


def _merged(path: Path) -> Path:
    """The path at which a merge key's (`<<`) values show."""
    while path and path[-1] == "<<":
        path = path[:-1]
    if len(path) > 1 and path[-2] == "<<":
        path = path[:-2]
    return path


def _missing(node: Node, path: Path, step: str) -> str:
    place = pointer(path) or "the document"
    if isinstance(node, Alias):
        return f"{place} is the alias *{node.name}; name the path of the value at its anchor"
    if isinstance(node, Scalar):
        what = "empty" if node.is_null else "a single value"
        return f"{place} is {what}, there is no '{step}' below it"
    if isinstance(node, Sequence):
        count = len(node.items)
        last = f", 0 to {count - 1}" if count else ""
        return f"{place} is a list of {count}{last}; it has no '{step}'"
    merged = _comes_by_merge(node, step)
    if merged is not None:
        return f"{place} has '{step}' only by <<: *{merged}; edit it at &{merged}, or write it out"
    from difflib import get_close_matches  # costs a start-up some milliseconds

    keys = [key for each, _ in node.entries[:1000] if (key := key_of(each)) is not None]
    near = get_close_matches(step, keys, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{place} exists, it has no '{step}'{hint}"


def _comes_by_merge(node: Mapping, step: str) -> str | None:
    """The alias by which a merge key brings this key in."""
    for key, value in node.entries:
        if key_of(key) != "<<":
            continue
        for each in value.items if isinstance(value, Sequence) else (value,):
            target = each.target if isinstance(each, Alias) else None
            if isinstance(target, Mapping) and target.get(step) is not None:
                return str(target.anchor)
    return None
