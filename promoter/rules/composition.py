"""YAML text -> nodes, within limits, and with clear words where the text can't be read."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from promoter.errors import InputError, Where
from promoter.rules.wording import quote

MOST_CHARACTERS = 512 * 1024
MOST_VALUES = 10_000
"""Keys and values, every alias written out, so that a bomb of aliases is refused unexpanded."""
MOST_LEVELS = 30

_LINE_END = re.compile(r"\r\n|\n|\r")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_QUOTES = "put the text in quotes: YAML keeps the character that it begins with for itself"

# The parser's complaints that people meet most, in words that say what to look at.
_ADVICE = (
    ("<stream end>", "a bracket or a quote is open at the end of the file"),
    ("end of stream", "a bracket or a quote is open at the end of the file"),
    ("expected <block end>", "this does not continue what is above: look at the indentation"),
    (
        "mapping values are not allowed",
        "': ' can't stand here: look at the indentation, or put the text in quotes",
    ),
    ("could not find expected ':'", "a key without ': ' after it"),
    ("cannot start any token", _QUOTES),
    ("expected chomping or indentation", _QUOTES),
    ("expected a comment or a line break", _QUOTES),
    ("expected alphabetic or numeric", _QUOTES),
    ("unknown escape character", "a backslash stands for itself in single quotes only"),
)


@dataclass
class Node:
    """A value: a scalar's `text`, a mapping's `entries`, or a sequence's `items`.

    `start` is a character offset, `size` how many nodes it is with all aliases written out.
    `plain`: without quotes, so that its type follows from its text.
    """

    kind: Literal["scalar", "mapping", "sequence"]
    start: int
    tag: str | None
    text: str = ""
    plain: bool = False
    entries: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass(frozen=True)
class Words:
    """What is said of a text that is no document at all, has a second one, is no mapping, or holds
    a tag."""

    empty: str = "the file is empty: begin it with 'version: 1'"
    second: str = "a rule file holds one document: put the second in its own file"
    mapping: str = "a rule file is a mapping that begins with 'version: 1'"
    what: str = "rule files"


class Positions:
    """Lines and columns, from 1, of character offsets. The parsers' own line numbers disagree
    on NEL and U+2028, which no editor counts."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def __call__(self, offset: int) -> Where:
        line = bisect_right(self._starts, offset)
        return Where(self._file, line, offset - self._starts[line - 1] + 1)


def compose(text: str, positions: Positions, words: Words) -> Node:
    """The root of the one document in `text` (without a byte order mark); an alias is the
    anchor's own node, never a copy. InputError at the first thing that can't be read.
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"is longer than {MOST_CHARACTERS} characters: split the file", where=positions(0)
        )
    bad = _UNPRINTABLE.search(text)
    if bad:
        message = f"the character U+{ord(bad[0]):04X} can't stand in YAML: remove it"
        raise InputError(message, where=positions(bad.start()))
    root = _compose_events(text, positions, words)
    if root is None:
        raise InputError(words.empty, where=positions(0))
    return root


def _compose_events(text: str, positions: Positions, words: Words) -> Node | None:
    """From the C parser's events; where it gives up or is absent, from the other's, whose
    grammar is wider in some places and whose complaints are better.

    Events are taken one by one: what exceeds a limit is not parsed to its end.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return _Composer(positions, words).take_all(YAML(typ="safe").parse(text))
    except YAMLError:
        pass
    try:
        return _Composer(positions, words).take_all(YAML(typ="safe", pure=True).parse(text))
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - it raises what it likes on malformed text
        raise _syntax_error(error, text, positions) from None


@dataclass
class _Open:
    """A collection whose end was not seen yet; `key` waits for its value."""

    node: Node
    anchor: str | None
    counted: int
    key: Node | None = None


class _Composer:
    def __init__(self, positions: Positions, words: Words) -> None:
        self._root: Node | None = None
        self._positions = positions
        self._words = words
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._documents = 0
        self._counted = 0

    def take_all(self, events: Iterable[Any]) -> Node | None:
        """The root; None where there is no document."""
        for event in events:
            self._take(event)
        return self._root

    def _take(self, event: Any) -> None:
        start = event.start_mark.index
        match type(event).__name__:
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise self._error(start, self._words.second)
            case "ScalarEvent":
                plain = bool(event.implicit[0]) and not event.style
                node = Node("scalar", start, _tag(event), text=str(event.value), plain=plain)
                self._place(node)
                if event.anchor is not None:
                    self._anchors[event.anchor] = node
            case "AliasEvent":
                self._place(self._named(event.anchor, start), start)
            case "MappingStartEvent":
                self._begin(Node("mapping", start, _tag(event)), event.anchor)
            case "SequenceStartEvent":
                self._begin(Node("sequence", start, _tag(event)), event.anchor)
            case "MappingEndEvent" | "SequenceEndEvent":
                ended = self._open.pop()
                ended.node.size = 1 + self._counted - ended.counted
                if ended.anchor is not None:
                    self._anchors[ended.anchor] = ended.node

    def _begin(self, node: Node, anchor: str | None) -> None:
        self._place(node)
        self._open.append(_Open(node, anchor, self._counted))
        if len(self._open) > MOST_LEVELS:
            raise self._error(node.start, f"is nested deeper than {MOST_LEVELS} levels")
        if anchor is not None:
            self._anchors[anchor] = None  # not complete: an alias to it would have no end

    def _place(self, node: Node, start: int | None = None) -> None:
        self._counted += node.size
        if self._counted > MOST_VALUES:
            message = f"holds more than {MOST_VALUES} values, aliases written out: split the file"
            raise self._error(node.start if start is None else start, message)
        if not self._open:
            self._root = node
            return
        into = self._open[-1]
        if into.node.kind == "sequence":
            into.node.items.append(node)
        elif into.key is None:
            into.key = node
        else:
            into.node.entries.append((into.key, node))
            into.key = None

    def _named(self, anchor: str, start: int) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            inside = anchor in self._anchors
            if inside:
                why = "stands inside the value that it repeats"
            else:
                why = "names no anchor: put it in quotes where text is meant"
            raise self._error(start, f"the alias {quote('*' + anchor)} {why}")
        return node

    def _error(self, offset: int, message: str) -> InputError:
        return InputError(message, where=self._positions(offset))


def _tag(event: Any) -> str | None:
    return None if event.tag is None else str(event.tag)


def _syntax_error(error: Exception, text: str, positions: Positions) -> InputError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    offset = min(mark.index, len(text)) if mark else 0
    where = positions(offset)
    line = _LINE_END.split(text[offset - where.column + 1 :], maxsplit=1)[0]
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or text[offset : offset + 1] == "\t":
        return InputError("a tab can't indent YAML: use spaces", where=where)
    problem = " ".join(str(getattr(error, "problem", None) or "it can't be read").split())
    ours = (advice for fragment, advice in _ADVICE if fragment in problem)
    return InputError(f"is not YAML: {next(ours, problem)}", where=where)
