"""Bytes to documents whose parts know their places.

The events of the C parser are read first, for speed; where it fails, those of the pure one:
each takes inputs that the other refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.reader import ReaderError

from promoter.errors import InputError, Where
from promoter.manifests.nodes import Alias, Document, Mapping, Node, Scalar, Sequence

Signature = tuple[str | None, ...]
"""What an event says, without its place: two equal lists are the same documents."""

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DEEPEST = 200

# Besides its own errors the parser lets these escape on damaged input (an escape beyond
# Unicode, a %YAML version of twenty digits).
_PARSER_FAILURES = (YAMLError, ValueError, ArithmeticError, LookupError, AssertionError)


@dataclass(frozen=True)
class Stream:
    """A parsed file. `text` is without the byte order mark, line endings as they stand."""

    file: str
    text: str
    bom: bool
    pure: bool
    documents: tuple[Document, ...]
    events: tuple[Signature, ...]

    @property
    def content(self) -> bytes:
        return (_BOM if self.bom else b"") + self.text.encode()

    def where(self, index: int) -> Where:
        """The place of a code point. Lines end at a line feed, as Git and editors count."""
        line_start = self.text.rfind("\n", 0, index) + 1
        return Where(self.file, self.text.count("\n", 0, index) + 1, index - line_start + 1)


def parse(file: str, content: bytes, *, pure: bool | None = None) -> Stream:
    """Parse a file; `pure` asks for one parser only. Raises InputError with line and column."""
    bom = content.startswith(_BOM)
    text = _decode(file, content.removeprefix(_BOM))
    if pure is None:
        try:
            return _build(file, text, bom, pure=False)
        except _PARSER_FAILURES:
            pure = True
    try:
        return _build(file, text, bom, pure=pure)
    except _PARSER_FAILURES as error:
        raise _not_yaml(file, text, error) from None


def is_utf16(content: bytes) -> bool:
    return content.startswith(_UTF16)


def _decode(file: str, content: bytes) -> str:
    if is_utf16(content):
        raise InputError("is UTF-16; save it as UTF-8", where=Where(file))
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError("is not UTF-8; save it as UTF-8", where=Where(file, line)) from None


def _not_yaml(file: str, text: str, error: Exception) -> InputError:
    place, why = Where(file), str(error)
    if isinstance(error, MarkedYAMLError):
        why = " ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark or error.context_mark
        if mark is not None:
            place = Where(file, mark.line + 1, mark.column + 1)
    elif isinstance(error, ReaderError):
        why = f"{error.reason} (U+{_code_point(error.character):04X})"
        place = Where(file, text.count("\n", 0, error.position) + 1)
    return InputError(f"is not YAML: {' '.join(why.split())}", where=place)


def _code_point(character: object) -> int:
    return character if isinstance(character, int) else ord(str(character)[:1] or "\0")


@dataclass
class _Open:
    """A collection whose end has not come yet."""

    event: Any
    first: int
    children: list[Node] = field(default_factory=list)

    def close(self, end: int, last: int) -> Mapping | Sequence:
        event, children = self.event, tuple(self.children)
        start, flow = event.start_mark.index, bool(event.flow_style)
        anchor, tag = event.anchor, _tag(event)
        if isinstance(event, MappingStartEvent):
            entries = tuple(zip(children[::2], children[1::2], strict=True))
            return Mapping(start, end, self.first, last, anchor, tag, entries, flow)
        return Sequence(start, end, self.first, last, anchor, tag, children, flow)


class _Builder:
    """Nodes from events, without recursion; an alias leads to its anchor's node, unexpanded."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.aliases: list[Alias] = []
        self.root: Node | None = None

    def take(self, event: Any, position: int) -> None:
        if isinstance(event, CollectionStartEvent):
            if len(self.open) >= _DEEPEST:
                raise ValueError(f"nested deeper than {_DEEPEST} levels")
            # A name that is given again means the new node from here on, not the old one.
            self.anchors.pop(event.anchor, None)
            self.open.append(_Open(event, position))
        elif isinstance(event, CollectionEndEvent):
            self._add(self.open.pop().close(event.end_mark.index, position))
        elif isinstance(event, NodeEvent):
            self._add(self._leaf(event, position))
        elif isinstance(event, DocumentStartEvent):
            self.anchors, self.aliases, self.root = {}, [], None
        elif isinstance(event, DocumentEndEvent) and self.root is not None:
            self.documents.append(Document(self.root, tuple(self.aliases)))

    def _leaf(self, event: Any, position: int) -> Scalar | Alias:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, AliasEvent):
            name = str(event.anchor)
            alias = Alias(start, end, position, position, name, self.anchors.get(name))
            self.aliases.append(alias)
            return alias
        anchor, style = event.anchor, event.style or ""
        return Scalar(start, end, position, position, anchor, _tag(event), event.value, style)

    def _add(self, node: Node) -> None:
        if node.anchor is not None:
            self.anchors[node.anchor] = node
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node


def _build(file: str, text: str, bom: bool, *, pure: bool) -> Stream:
    events: Iterable[Any] = YAML(typ="safe", pure=pure).parse(text)
    builder, signatures = _Builder(), list[Signature]()
    for position, event in enumerate(events):
        builder.take(event, position)
        signatures.append(_signature(event))
    return Stream(file, text, bom, pure, tuple(builder.documents), tuple(signatures))


def scalar_signature(value: str, style: str, anchor: str | None, tag: str | None) -> Signature:
    return ("ScalarEvent", anchor, tag, value, style)


def _signature(event: Any) -> Signature:
    if isinstance(event, ScalarEvent):
        return scalar_signature(event.value, event.style or "", event.anchor, _tag(event))
    name = type(event).__name__
    if isinstance(event, CollectionStartEvent):
        return (name, event.anchor, _tag(event), "flow" if event.flow_style else "block")
    if isinstance(event, AliasEvent):
        return (name, event.anchor)
    if isinstance(event, DocumentStartEvent | DocumentEndEvent):
        return (name, "explicit" if event.explicit else None)
    return (name,)


def _tag(event: Any) -> str | None:
    return None if event.tag is None else str(event.tag)
