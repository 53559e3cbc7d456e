"""Replaces and inserts scalars in a file, and proves that nothing else has changed.

All changes of one file are made at once, in its text. The result is parsed again: its events
must be the old ones but for the changed scalars, and its lines the old ones but for theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from promoter.errors import InputError
from promoter.manifests import quoting
from promoter.manifests.events import Signature, Stream, parse, scalar_signature
from promoter.manifests.nodes import Alias, Mapping, Node, Path, Scalar, Sequence, key_of, text_of

_COLON = re.compile(r"[ \t]*:")
_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]+)*")
_LINE_BREAKS = ("\n", "\r", "\x85", "\u2028", "\u2029")
_TEMPLATES = ("{{", "${")
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")


@dataclass(frozen=True)
class SetScalar:
    """Give the scalar at `path` another value; an empty one is filled."""

    document: int
    path: Path
    value: str


@dataclass(frozen=True)
class InsertKey:
    """Put a new key after its sibling at `path`, in the same mapping."""

    document: int
    path: Path
    key: str
    value: str


Change = SetScalar | InsertKey


@dataclass(frozen=True)
class _Patch:
    """`text` replaces [start, end); `events` replace `removed` ones at `position`.

    `line` (from 0) is changed, or, where `adds_line`, gets a new line before it.
    """

    start: int
    end: int
    text: str
    position: int
    removed: int
    events: tuple[Signature, ...]
    line: int
    adds_line: bool = False


@dataclass(frozen=True)
class _Found:
    """A node, the entry's key (None in a sequence) and the collection around it."""

    node: Node
    key: Node | None
    parent: Node | None

    @property
    def in_flow(self) -> bool:
        return isinstance(self.parent, Mapping | Sequence) and self.parent.flow


def splice(stream: Stream, changes: Iterable[Change], *, shared: bool = False) -> Stream:
    """The stream with the changes made; the same one where all values stand already.

    `shared` says yes to changing a value that other paths share through an alias. Raises
    InputError with file, line and reason, and then nothing is changed.
    """
    patches = []
    for change in dict.fromkeys(changes):
        chain = _chain(stream, change.document, change.path)
        found = chain[-1]
        _refuse_duplicates(stream, chain, change.path)
        if isinstance(change, SetScalar) and text_of(found.node) == change.value:
            continue
        if not shared:
            # A new key is the mapping's matter, not its sibling's.
            touched = chain if isinstance(change, SetScalar) else chain[:-1]
            _refuse_shared(stream, change.document, touched)
        if isinstance(change, SetScalar):
            patches.append(_replacement(stream, found, change.value))
        else:
            patches.append(_insertion(stream, found, change))
    if not patches:
        return stream
    # Stable: what is inserted at one place stands there in the order of the changes.
    patches.sort(key=lambda patch: (patch.start, patch.end))
    return _proved(stream, patches)


def _chain(stream: Stream, document: int, path: Path) -> list[_Found]:
    """What a path leads through, the root first. Raises InputError where it leads nowhere."""
    if document >= len(stream.documents):
        raise InputError(f"has no document {document + 1}", where=stream.where(0))
    chain = [_Found(stream.documents[document].root, None, None)]
    for step in path:
        node = chain[-1].node
        if isinstance(node, Mapping) and (entries := node.all(step)):
            chain.append(_Found(entries[-1][1], entries[-1][0], node))
        elif isinstance(node, Sequence) and step.isdecimal() and int(step) < len(node.items):
            chain.append(_Found(node.items[int(step)], None, node))
        elif isinstance(node, Alias):
            _refuse(stream, node, f"*{node.name} is an alias; edit the value at its anchor")
        else:
            _refuse(stream, node, f"holds no '{step}'")
    return chain


def _refuse(stream: Stream, node: Node, why: str) -> NoReturn:
    raise InputError(why, where=stream.where(node.start))


def _refuse_duplicates(stream: Stream, chain: list[_Found], path: Path) -> None:
    for found, step in zip(chain[1:], path, strict=True):
        if isinstance(found.parent, Mapping) and len(twice := found.parent.all(step)) > 1:
            lines = ", ".join(str(stream.where(key.start).line) for key, _ in twice)
            why = f"the key '{step}' stands {len(twice)} times (lines {lines}); keep one"
            _refuse(stream, twice[-1][0], why)


def _refuse_shared(stream: Stream, document: int, touched: list[_Found]) -> None:
    """Refuse what other paths show too: an anchor on the way whose alias is used."""
    for found in touched:
        if aliases := stream.documents[document].aliases_of(found.node):
            lines = ", ".join(str(stream.where(alias.start).line) for alias in aliases)
            why = (
                f"&{aliases[0].name} is used again by alias (line {lines}): the change would"
                " show there too; write the value out in both places"
            )
            _refuse(stream, found.node, why)


def _replacement(stream: Stream, found: _Found, value: str) -> _Patch:
    node = found.node
    if isinstance(node, Alias):
        _refuse(stream, node, f"the value is the alias *{node.name}; write the value out")
    if not isinstance(node, Scalar):
        _refuse(stream, node, "is a mapping or a list where one value was expected")
    start, end, style, lead = node.start, node.end, node.style, ""
    if not style and found.in_flow and isinstance(found.key, Scalar) and found.key.style == '"':
        style = '"'  # JSON stays JSON
    if not node.value and not node.style:
        start = end = _place_of_nothing(stream, found, node)
        lead = " "
    else:
        if properties := _PROPERTIES.match(stream.text, start, end):
            start = properties.end()
        _refuse_unwritable(stream, node, stream.text[start:end])
    text, style = _written(stream, node, value, style, flow=found.in_flow)
    event = scalar_signature(value, style, node.anchor, node.tag)
    line = stream.text.count("\n", 0, start)
    return _Patch(start, end, lead + text, node.first, 1, (event,), line)


def _place_of_nothing(stream: Stream, found: _Found, node: Scalar) -> int:
    """Where an empty value goes: right after its key's colon. Its own mark can't be trusted."""
    colon = _COLON.match(stream.text, found.key.end) if found.key else None
    if colon is None or node.anchor or node.tag:
        _refuse(stream, node, "has no value that could be replaced; write one")
    return colon.end()


def _refuse_unwritable(stream: Stream, node: Scalar, raw: str) -> None:
    if node.style in ("|", ">") or any(each in raw for each in _LINE_BREAKS):
        _refuse(stream, node, "the value spans several lines; write it on one")
    if any(each in raw for each in _TEMPLATES):
        _refuse(stream, node, f"the value is a template expression ({raw.strip()}); write a value")
    if node.tag not in _TEXT_TAGS:
        _refuse(stream, node, f"the value has the type {node.tag}; take it off")


def _written(stream: Stream, node: Node, value: str, style: str, *, flow: bool) -> tuple[str, str]:
    favourite = quoting.favourite_quote(stream.text)
    try:
        return quoting.write(value, style, flow=flow, favourite=favourite)
    except ValueError as error:
        _refuse(stream, node, f"can't be set: {error}")


def _insertion(stream: Stream, sibling: _Found, change: InsertKey) -> _Patch:
    key, value, mapping = sibling.key, sibling.node, sibling.parent
    if not isinstance(mapping, Mapping) or not isinstance(key, Scalar):
        _refuse(stream, value, "is not in a mapping, so no key can stand beside it")
    if any(key_of(other) == change.key for other, _ in mapping.entries):
        _refuse(stream, key, f"the key '{change.key}' stands already")
    end = value.end
    if isinstance(value, Scalar) and not value.value and not value.style:
        end = _place_of_nothing(stream, sibling, value)
    elif not isinstance(value, Scalar | Alias) or any(
        each in stream.text[value.start : end] for each in _LINE_BREAKS
    ):
        _refuse(stream, value, f"spans several lines, so '{change.key}' can't be put after it")
    quote = value.style if isinstance(value, Scalar) else ""
    flow = mapping.flow
    if flow and not quote:
        quote = quoting.favourite_quote(stream.text)
    key_text, key_style = _written(stream, key, change.key, key.style, flow=flow)
    text, style = _written(stream, key, change.value, quote, flow=flow)
    events = (
        scalar_signature(change.key, key_style, None, None),
        scalar_signature(change.value, style, None, None),
    )
    entry = f"{key_text}: {text}"
    if flow:
        line = stream.text.count("\n", 0, end)
        return _Patch(end, end, f", {entry}", value.last + 1, 0, events, line)
    return _new_line(stream, key, value, end, entry, events)


def _new_line(
    stream: Stream, key: Scalar, value: Node, end: int, entry: str, events: tuple[Signature, ...]
) -> _Patch:
    """A line of its own at the column of the sibling's key, after the sibling."""
    text = stream.text
    key_line = text.rfind("\n", 0, key.start) + 1
    indent = " " * (key.start - key_line)
    line_end = text.find("\n", end)
    if line_end >= 0:
        ending = "\r\n" if text[line_end - 1] == "\r" else "\n"
        at = line_end + 1
        line = text.count("\n", 0, at)
        added = f"{indent}{entry}{ending}"
        return _Patch(at, at, added, value.last + 1, 0, events, line, adds_line=True)
    ending = "\r\n" if "\r\n" in text else "\n"
    if text[key_line : key.start].strip(" "):
        # `- newTag: x` ends the file: nothing can stand before it in the mapping's first line.
        line = text.count("\n") + 1
        added = f"{ending}{indent}{entry}"
        return _Patch(len(text), len(text), added, value.last + 1, 0, events, line, adds_line=True)
    # The file's last line has no line feed: before it, the other lines stay as they are.
    line = text.count("\n", 0, key_line)
    added = f"{indent}{entry}{ending}"
    return _Patch(key_line, key_line, added, key.first, 0, events, line, adds_line=True)


def _proved(before: Stream, patches: list[_Patch]) -> Stream:
    """The stream after the patches; InputError where anything but them would differ."""
    pieces, position = [], 0
    for patch in patches:
        if patch.start < position:
            raise InputError("is changed twice at one place", where=before.where(patch.start))
        pieces += [before.text[position : patch.start], patch.text]
        position = patch.end
    text = "".join([*pieces, before.text[position:]])
    where = before.where(patches[0].start)
    doubt = InputError(
        "can't be edited safely here, the file would read differently; edit it by hand", where=where
    )
    try:
        after = parse(before.file, text.encode(), pure=before.pure)
    except InputError:
        raise doubt from None
    if after.events != _expected_events(before, patches) or not _only_these_lines(
        before.text, text, patches
    ):
        raise doubt
    return Stream(after.file, text, before.bom, after.pure, after.documents, after.events)


def _expected_events(before: Stream, patches: list[_Patch]) -> tuple[Signature, ...]:
    events: list[Signature] = []
    position = 0
    for patch in sorted(patches, key=lambda patch: patch.position):
        events += [*before.events[position : patch.position], *patch.events]
        position = patch.position + patch.removed
    return (*events, *before.events[position:])


def _only_these_lines(before: str, after: str, patches: list[_Patch]) -> bool:
    """Whether the lines differ exactly where the patches say."""
    changed = {patch.line for patch in patches if not patch.adds_line}
    added = [patch.line for patch in patches if patch.adds_line]
    last = before.count("\n")
    new = iter(after.split("\n"))
    for number, old in enumerate(before.split("\n")):
        for _ in range(added.count(number)):
            next(new, None)
        line = next(new, None)
        if line is None:
            return False
        if number == last and last + 1 in added:
            line = line.removesuffix("\r")  # the file's last line got its ending
        if (line == old) == (number in changed):
            return False
    return len(list(new)) == added.count(last + 1)
