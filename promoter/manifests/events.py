"""Bytes to documents whose parts know their places.

The events of the C parser are read first, for speed; where it fails, those of the pure one:
each takes inputs that the other refuses.
"""

from __future__ import annotations

import gc
import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.main import CParser  # type: ignore[attr-defined]  # None without the C one
from ruamel.yaml.reader import ReaderError

from promoter.errors import InputError, Where
from promoter.manifests import quoting
from promoter.manifests.nodes import Alias, Document, Mapping, Node, Scalar, Sequence

Signature = tuple[str | None, ...]
"""What an event says, without its place: two equal lists are the same documents."""

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DEEPEST = 200
_LARGEST = 50 * 1024 * 1024
_LARGEST_PURE = 10 * 1024 * 1024  # the pure parser takes some 2 s for each MB
_LARGE = 1024 * 1024
_LINE = re.compile("\n")

# Besides its own errors the parser lets these escape on damaged input (an escape beyond
# Unicode, a %YAML version of twenty digits).
_PARSER_FAILURES = (YAMLError, ValueError, ArithmeticError, LookupError, AssertionError)


@dataclass(frozen=True)
class Stream:
    """A parsed file. `text` is without the byte order mark, line endings as they stand.

    `built` None: the documents are built from the text when someone asks for them.
    """

    file: str
    text: str
    bom: bool
    pure: bool
    events: tuple[Signature, ...]
    built: tuple[Document, ...] | None

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        if self.built is not None:
            return self.built
        return _build(self.file, self.text, self.bom, pure=self.pure).documents

    @property
    def content(self) -> bytes:
        return (_BOM if self.bom else b"") + self.text.encode()

    @cached_property
    def _line_starts(self) -> tuple[int, ...]:
        return (0, *(match.end() for match in _LINE.finditer(self.text)))

    @cached_property
    def favourite_quote(self) -> str:
        """The kind of quote that the file uses more."""
        return quoting.favourite_quote(self.text)

    def line(self, index: int) -> int:
        """The line of a code point, from 0. Lines end at a line feed, as Git and editors count."""
        return bisect_right(self._line_starts, index) - 1

    def where(self, index: int) -> Where:
        """The place of a code point, for people."""
        line = self.line(index)
        return Where(self.file, line + 1, index - self._line_starts[line] + 1)

    def refuse(self, index: int, why: str) -> NoReturn:
        raise InputError(why, where=self.where(index))


def parse(file: str, content: bytes, *, pure: bool | None = None) -> Stream:
    """Parse a file; `pure` asks for one parser only. Raises InputError with line and column."""
    if len(content) > _LARGEST:
        most = f"{_LARGEST // 1024 // 1024} MiB"
        why = f"has {len(content):,} bytes; only files up to {most} are read, split it"
        raise InputError(why, where=Where(file))
    bom = content.startswith(_BOM)
    text = _decode(file, content.removeprefix(_BOM))
    if text.startswith("\ufeff"):
        raise InputError("begins with two byte order marks; keep one", where=Where(file, 1, 1))
    if pure is None:
        try:
            return _build(file, text, bom, pure=False)
        except _PARSER_FAILURES as error:
            if len(content) > _LARGEST_PURE:
                raise _not_yaml(file, text, error) from None
            pure = True
    try:
        return _build(file, text, bom, pure=pure)
    except _PARSER_FAILURES as error:
        raise _not_yaml(file, text, error) from None


class Parsed:
    """A file that is parsed when somebody asks for it, and once for all who ask."""

    def __init__(self, file: str, content: bytes) -> None:
        self.file = file
        self.content = content

    @cached_property
    def _stream(self) -> Stream | InputError:
        try:
            return parse(self.file, self.content)
        except InputError as error:
            return error

    @property
    def stream(self) -> Stream:
        """Raises InputError with line and column."""
        if isinstance(self._stream, InputError):
            raise self._stream
        return self._stream


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


class _Builder:
    """Nodes from events, without recursion; an alias leads to its anchor's node, unexpanded."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self.anchors: dict[str, Node] = {}
        self.aliases: list[Alias] = []
        # Open collections: their first event and its position, and the children of each.
        self.open: list[tuple[Any, int]] = []
        self.children: list[list[Node]] = [[]]

    def take(self, event: Any, position: int, signature: Signature) -> None:
        kind = type(event)
        if kind is ScalarEvent:
            start, end = event.start_mark.index, event.end_mark.index
            _, anchor, tag, value, style = signature
            node = Scalar(start, end, position, position, anchor, tag, value or "", style or "")
            self._add(node)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if len(self.open) >= _DEEPEST:
                raise ValueError(f"nested deeper than {_DEEPEST} levels")
            # A name that is given again means the new node from here on, not the old one.
            self.anchors.pop(event.anchor, None)
            self.open.append((event, position))
            self.children.append([])
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._add(self._closed(event, position))
        elif kind is AliasEvent:
            start, end, name = event.start_mark.index, event.end_mark.index, str(event.anchor)
            alias = Alias(start, end, position, position, name, self.anchors.get(name))
            self.aliases.append(alias)
            self._add(alias)
        elif kind is DocumentStartEvent:
            self.anchors, self.aliases, self.children = {}, [], [[]]
        elif kind is DocumentEndEvent:
            self.documents += [Document(root, tuple(self.aliases)) for root in self.children[0]]

    def _closed(self, end_event: Any, last: int) -> Mapping | Sequence:
        event, first = self.open.pop()
        children, end = self.children.pop(), end_event.end_mark.index
        start, flow = event.start_mark.index, bool(event.flow_style)
        anchor, tag = event.anchor, _tag(event)
        if isinstance(event, MappingStartEvent):
            entries = tuple(zip(children[::2], children[1::2], strict=True))
            return Mapping(start, end, first, last, anchor, tag, entries, flow)
        return Sequence(start, end, first, last, anchor, tag, tuple(children), flow)

    def _add(self, node: Node) -> None:
        if node.anchor is not None:
            self.anchors[node.anchor] = node
        self.children[-1].append(node)


def _build(file: str, text: str, bom: bool, *, pure: bool) -> Stream:
    builder, signatures = _Builder(), list[Signature]()
    known: dict[Signature, Signature] = {}  # keys and markers come again and again: one object
    with _no_collection(len(text)):
        for position, event in enumerate(_events(text, pure=pure)):
            signature = _signature(event)
            signature = known.setdefault(signature, signature)
            signatures.append(signature)
            builder.take(event, position, signature)
        return Stream(file, text, bom, pure, tuple(signatures), tuple(builder.documents))


def _events(text: str, *, pure: bool) -> Iterator[Any]:
    """As `YAML(typ="safe").parse` gives them, which makes a class and looks for plug-ins on the
    disk for every text: three quarters of the time of a small one."""
    if pure or CParser is None:
        yield from YAML(typ="safe", pure=pure).parse(text)
        return
    parser = CParser(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


def reads_as(before: Stream, text: str, expected: tuple[Signature, ...]) -> Stream | None:
    """The stream of another text of the same file; None where its events are not the expected.

    Those of a large text are compared one by one and no nodes are made, to save memory.
    """
    if len(text) < _LARGE:
        try:
            after = _build(before.file, text, before.bom, pure=before.pure)
        except _PARSER_FAILURES:
            return None
        return after if after.events == expected else None
    if says(text, expected, pure=before.pure) is not True:
        return None
    return Stream(before.file, text, before.bom, before.pure, expected, None)


def says(text: str, expected: tuple[Signature, ...], *, pure: bool) -> bool | None:
    """Whether a parser reads these very events; None where it can't read the text."""
    try:
        said = zip_longest(map(_signature, _events(text, pure=pure)), expected)
        return all(one == other for one, other in said)
    except _PARSER_FAILURES:
        return None


@contextmanager
def _no_collection(size: int) -> Iterator[None]:
    """No cyclic garbage collection while a large file is read: there are no cycles in it, and
    walking over all that was read, again and again, takes as long as reading."""
    if size < _LARGE or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def scalar_signature(value: str, style: str, anchor: str | None, tag: str | None) -> Signature:
    return ("ScalarEvent", anchor, tag, value, style)


def _signature(event: Any) -> Signature:
    if type(event) is ScalarEvent:
        return ("ScalarEvent", event.anchor, _tag(event), event.value, event.style or "")
    name = type(event).__name__
    if isinstance(event, CollectionStartEvent):
        return (name, event.anchor, _tag(event), "flow" if event.flow_style else "block")
    if isinstance(event, AliasEvent):
        return (name, event.anchor)
    if isinstance(event, DocumentStartEvent | DocumentEndEvent):
        return (name, "explicit" if event.explicit else None)
    return (name,)


def _tag(event: Any) -> str | None:
    return None if event.ctag is None else str(event.tag)
