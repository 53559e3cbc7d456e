"""What a YAML document is made of, each part with its place in the text.

Places are code points from the start of `Stream.text`, half open; `start` includes an anchor
and a tag. `first` and `last` are positions in `Stream.events`. Aliases are never expanded.

Nothing changes a node once it is made. The classes are not declared frozen only because that
doubles the time to make one, and a file of 50 MB has millions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Path = tuple[str, ...]
"""Keys and (decimal) indices from a document's root, as in a JSON pointer (RFC 6901)."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True, eq=False)
class Scalar:
    """`style` is empty for a plain scalar, else one of `'`, `"`, `|`, `>`."""

    start: int
    end: int
    first: int
    last: int
    anchor: str | None
    tag: str | None
    value: str
    style: str

    @property
    def is_null(self) -> bool:
        return not self.style and self.value in _NULLS


@dataclass(slots=True, eq=False)
class Mapping:
    start: int
    end: int
    first: int
    last: int
    anchor: str | None
    tag: str | None
    entries: tuple[tuple[Node, Node], ...]
    flow: bool

    def all(self, key: str) -> tuple[tuple[Node, Node], ...]:
        """Every entry (key, value) of that key: more than one where it is written twice."""
        return tuple(entry for entry in self.entries if key_of(entry[0]) == key)

    def get(self, key: str) -> Node | None:
        """The value that most readers see: the last one where the key is written twice."""
        for each, value in reversed(self.entries):
            if (each.value if type(each) is Scalar else key_of(each)) == key:
                return value
        return None

    def text(self, key: str) -> str | None:
        """The text of a scalar value; None where it is absent, null, or no scalar."""
        return text_of(self.get(key))


@dataclass(slots=True, eq=False)
class Sequence:
    start: int
    end: int
    first: int
    last: int
    anchor: str | None
    tag: str | None
    items: tuple[Node, ...]
    flow: bool


@dataclass(slots=True, eq=False)
class Alias:
    """`target` is None where the alias stands inside of what it names."""

    start: int
    end: int
    first: int
    last: int
    name: str
    target: Node | None

    @property
    def anchor(self) -> None:
        """An alias has no anchor of its own."""
        return


Node = Scalar | Mapping | Sequence | Alias


@dataclass(frozen=True)
class Document:
    root: Node
    aliases: tuple[Alias, ...]

    def aliases_of(self, node: Node) -> tuple[Alias, ...]:
        """The aliases by which other paths lead to the same node."""
        if node.anchor is None:
            return ()
        return tuple(
            alias
            for alias in self._aliases_by_name.get(node.anchor, ())
            if alias.target is node or alias.target is None
        )

    @cached_property
    def _aliases_by_name(self) -> dict[str, list[Alias]]:
        found: dict[str, list[Alias]] = {}
        for alias in self.aliases:
            found.setdefault(alias.name, []).append(alias)
        return found

    @cached_property
    def alias_paths(self) -> dict[Alias, Path]:
        """Where each alias stands; one that is a key, at the path of its value."""
        return dict(_aliases(self.root, ()))


def _aliases(node: Node, path: Path) -> Iterator[tuple[Alias, Path]]:
    if isinstance(node, Alias):
        yield node, path
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _aliases(item, (*path, str(index)))
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            below = (*path, key_of(key) or "")
            yield from _aliases(key, below)
            yield from _aliases(value, below)


def text_of(node: Node | None) -> str | None:
    """The source text of a scalar (also through an alias): `1.10` stays `1.10`; None for null."""
    if isinstance(node, Alias):
        node = node.target
    if not isinstance(node, Scalar) or node.is_null:
        return None
    return node.value


def key_of(node: Node) -> str | None:
    """A key as a pointer spells it; None for a key that is no scalar."""
    if isinstance(node, Alias) and node.target is not None:
        node = node.target
    return node.value if isinstance(node, Scalar) else None


def mappings(node: Node, path: Path = ()) -> Iterator[tuple[Path, Mapping]]:
    """Every mapping with its path, in the order of the text."""
    if isinstance(node, Mapping):
        yield path, node
        for key, value in node.entries:
            step = key_of(key)
            if step is not None:
                yield from mappings(value, (*path, step))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from mappings(item, (*path, str(index)))


def pointer(path: Path) -> str:
    """The path as a JSON pointer (RFC 6901)."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def steps(pointer: str) -> Path:
    """The path that a JSON pointer spells."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
