"""Replaces and inserts scalars in a file; `proof` shows that nothing else has changed.

All changes of one file are made at once, in its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from promoter.manifests.changes import Change, InsertImage, InsertKey, SetScalar
from promoter.manifests.events import Stream, scalar_signature
from promoter.manifests.images_list import image_patches
from promoter.manifests.nodes import Alias, Mapping, Node, Scalar, Sequence, key_of, text_of
from promoter.manifests.proof import Patch, proved
from promoter.manifests.quoting import keeps_type
from promoter.manifests.trail import Found, Trails
from promoter.manifests.writing import end_of, line_ending, place_of_nothing, spans_lines, written

_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]+)*")
_TEMPLATES = ("{{", "${")
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")


def splice(stream: Stream, changes: Iterable[Change], *, shared: bool = False) -> Stream:
    """The stream with the changes made; the same one where all values stand already.

    `shared` says yes to changing a value that other paths share through an alias. Raises
    InputError with file, line and reason, and then nothing is changed.
    """
    patches = patches_for(stream, changes, shared=shared)
    return proved(stream, patches) if patches else stream


def patches_for(stream: Stream, changes: Iterable[Change], *, shared: bool = False) -> list[Patch]:
    """The patches that make the changes, sorted by place, unproved; raises as `splice`."""
    trails = Trails(stream)
    patches: list[Patch] = []
    images: dict[int, list[InsertImage]] = {}
    for change in dict.fromkeys(changes):
        if isinstance(change, InsertImage):
            images.setdefault(change.document, []).append(change)
        else:
            patches += _patches(stream, trails, change, shared=shared)
    # Last, so that at one place a new key stands before the next entry.
    for document, entries in images.items():
        patches += image_patches(stream, trails, document, entries, shared=shared)
    # Stable: what is inserted at one place stands there in the order of the changes.
    return sorted(patches, key=lambda patch: (patch.start, patch.end))


def _patches(
    stream: Stream, trails: Trails, change: SetScalar | InsertKey, *, shared: bool
) -> Iterable[Patch]:
    trail = trails.follow(change.document, change.path)
    found = trail[-1]
    trails.refuse_duplicates(trail, change.path)
    if isinstance(change, InsertKey):
        if not shared:
            # A new key is the mapping's matter, not its sibling's.
            path = (*change.path[:-1], change.key)
            trails.refuse_shared(change.document, trail[:-1], path)
        return [_insertion(stream, found, change)]
    if text_of(found.node) == change.value:
        return []
    if not shared:
        trails.refuse_shared(change.document, trail, change.path)
    return [_replacement(stream, found, change)]


def _replacement(stream: Stream, found: Found, change: SetScalar) -> Patch:
    node = found.node
    if isinstance(node, Alias):
        stream.refuse(node.start, f"the value is the alias *{node.name}; write the value out")
    if not isinstance(node, Scalar):
        what = "mapping" if isinstance(node, Mapping) else "list"
        stream.refuse(node.start, f"is a {what} where one value was expected")
    start, end, style, lead = node.start, node.end, node.style, ""
    if not style and found.in_flow and isinstance(found.key, Scalar) and found.key.style == '"':
        style = '"'  # JSON stays JSON
    if not node.value and not node.style:
        start = end = place_of_nothing(stream, found.key, node)
        lead = " "
    else:
        if properties := _PROPERTIES.match(stream.text, start, end):
            start = properties.end()
        raw = stream.text[start:end]
        if not change.explicit and any(each in raw for each in _TEMPLATES):
            why = f"the value is a template expression ({raw.strip()}); write a value"
            stream.refuse(node.start, why)
        _refuse_unwritable(stream, node, raw)
    if change.explicit and not node.style and keeps_type(node.value, change.value):
        text, style = change.value, ""
    else:
        text, event = written(stream, node.start, change.value, style, flow=found.in_flow)
        style = event[-1] or ""
    event = scalar_signature(change.value, style, node.anchor, node.tag)
    return Patch(start, end, lead + text, node.first, 1, (event,), stream.line(start))


def _refuse_unwritable(stream: Stream, node: Scalar, raw: str) -> None:
    if node.style in ("|", ">") or spans_lines(raw):
        stream.refuse(node.start, "the value spans several lines; write it on one")
    if node.tag not in _TEXT_TAGS:
        stream.refuse(node.start, f"the value has the type {node.tag}; take it off")


def _insertion(stream: Stream, sibling: Found, change: InsertKey) -> Patch:
    key, value, mapping = sibling.key, sibling.node, sibling.parent
    if not isinstance(mapping, Mapping) or not isinstance(key, Scalar):
        stream.refuse(value.start, "is not in a mapping, so no key can stand beside it")
    if any(key_of(other) == change.key for other, _ in mapping.entries):
        stream.refuse(key.start, f"the key '{change.key}' stands already")
    end = end_of(stream, sibling)
    if isinstance(value, Mapping | Sequence) or spans_lines(stream.text[value.start : end]):
        why = f"spans several lines, so '{change.key}' can't be put after it"
        stream.refuse(value.start, why)
    quote = value.style if isinstance(value, Scalar) else ""
    if mapping.flow and not quote:
        quote = stream.favourite_quote
    key_text, key_event = written(stream, key.start, change.key, key.style, flow=mapping.flow)
    text, event = written(stream, key.start, change.value, quote, flow=mapping.flow)
    entry, events = f"{key_text}: {text}", (key_event, event)
    if mapping.flow:
        return Patch(end, end, f", {entry}", value.last + 1, 0, events, stream.line(end))
    return _new_line(stream, key, value, end, Patch(0, 0, entry, 0, 0, events, 0, 1))


def _new_line(stream: Stream, key: Scalar, value: Node, end: int, entry: Patch) -> Patch:
    """A line of its own at the column of the sibling's key, after the sibling."""
    text, events = stream.text, entry.events
    key_line = text.rfind("\n", 0, key.start) + 1
    indent = " " * (key.start - key_line)
    line_end = text.find("\n", end)
    if line_end >= 0:
        at = line_end + 1
        added = f"{indent}{entry.text}{line_ending(text, at)}"
        return Patch(at, at, added, value.last + 1, 0, events, stream.line(at), 1)
    ending = line_ending(text, len(text))
    if text[key_line : key.start].strip(" "):
        # `- newTag: x` ends the file: nothing can stand before it in the mapping's first line.
        at, line = len(text), text.count("\n") + 1
        return Patch(at, at, f"{ending}{indent}{entry.text}", value.last + 1, 0, events, line, 1)
    # The file's last line has no line feed: before it, the other lines stay as they are.
    added = f"{indent}{entry.text}{ending}"
    return Patch(key_line, key_line, added, key.first, 0, events, stream.line(key_line), 1)
