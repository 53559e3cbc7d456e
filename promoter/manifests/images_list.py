"""New entries of a kustomization's `images:`, in the style of the file.

After the last entry; where there is none, `images:` is filled or begun at the end of the
document. A block stays a block, a flow a flow; `images: []` in a block becomes a block.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence as Series
from itertools import takewhile

from promoter.manifests.changes import InsertImage
from promoter.manifests.entry_style import Style, begins, column_of, style_of
from promoter.manifests.events import Signature, Stream
from promoter.manifests.nodes import Alias, Mapping, Scalar, Sequence
from promoter.manifests.proof import Patch
from promoter.manifests.trail import Found, Trails
from promoter.manifests.writing import end_of, line_ending, place_of_nothing, written

_KEY = "images"
_TO_DASH = re.compile(r"(?:[&!]\S*(?:[ \t]+[&!]\S*)?)?(?:\s|#[^\n]*)*-")
_MARKER = re.compile(r"(?:---|\.\.\.)(?:\s|$)")
_BETWEEN = re.compile(r"[ \t]*:[ \t]*")

_LIST_END: Signature = ("SequenceEndEvent",)


def image_patches(
    stream: Stream,
    trails: Trails,
    document: int,
    images: Series[InsertImage],
    *,
    shared: bool = False,
) -> list[Patch]:
    """The patches that put these entries in; InputError where one stands already."""
    (top,) = trails.follow(document, ())
    root = top.node
    name, count = Counter(image.name for image in images).most_common(1)[0]
    if count > 1:
        stream.refuse(root.start, f"two entries for {name} were asked for; one is right")
    if not isinstance(root, Mapping):
        stream.refuse(root.start, f"is not a mapping, so no `{_KEY}:` can be added")
    if not root.all(_KEY):
        if not shared:
            trails.refuse_shared(document, [top], (_KEY,))
        return [_begin(stream, root, images)]
    trail = trails.follow(document, (_KEY,))
    trails.refuse_duplicates(trail, (_KEY,))
    if not shared:
        trails.refuse_shared(document, trail, (_KEY, "-"))
    found = trail[-1]
    value = found.node
    if isinstance(value, Scalar) and value.is_null:
        return _fill(stream, root, found, images)
    if not isinstance(value, Sequence):
        stream.refuse(value.start, f"is no list, so no entry of `{_KEY}:` can be added")
    _refuse_doubles(stream, value, images)
    if not value.flow:
        return [_append_block(stream, value, images)]
    if not value.items and not root.flow and _is_bare(stream, found):
        return _fill(stream, root, found, images)
    return [_append_flow(stream, found, value, images)]


def _refuse_doubles(stream: Stream, value: Sequence, images: Series[InsertImage]) -> None:
    for item in value.items:
        entry = item.target if isinstance(item, Alias) else item
        if isinstance(entry, Mapping):
            for image in images:
                if entry.text("name") == image.name:
                    stream.refuse(item.start, f"an entry for {image.name} stands here already")


def _is_bare(stream: Stream, found: Found) -> bool:
    """Whether the list is `[]` and nothing else, on its key's line."""
    key, node = found.key, found.node
    if key is None or stream.text[node.start : node.end].replace(" ", "") != "[]":
        return False
    return _BETWEEN.fullmatch(stream.text, key.end, node.start) is not None


def _append_block(stream: Stream, value: Sequence, images: Series[InsertImage]) -> Patch:
    dash = _TO_DASH.match(stream.text, value.start)
    if dash is None:
        stream.refuse(value.start, f"the last entry of `{_KEY}:` can't be told; add one by hand")
    column = column_of(stream, dash.end() - 1)
    style = style_of(stream, value.items, column, flow=False)
    end = _content_end(stream, Found(value.items[-1], None, value))
    at = _after_line(stream, end)
    # A deeper comment belongs to the entry above it.
    for line in takewhile(lambda line: line.lstrip().startswith("#"), _lines(stream.text, at)):
        if len(line) - len(line.lstrip()) <= column:
            break
        at += len(line)
    lines, events = style.lines(stream, value.start, images)
    return _new_lines(stream, at, lines, value.last, 0, events)


def _fill(stream: Stream, root: Mapping, found: Found, images: Series[InsertImage]) -> list[Patch]:
    """Entries for `images:` with nothing, null or `[]` behind it."""
    node, key = found.node, found.key
    removed = node.last - node.first + 1
    if root.flow:
        text, events = Style(flow=True, key_quote=_key_quote(root)).inline(
            stream, node.start, images
        )
        events = [begins("SequenceStartEvent", True), *events, _LIST_END]
        nothing = isinstance(node, Scalar) and not node.value
        start = end_of(stream, found) if nothing else node.start
        end = start if nothing else node.end
        lead = " " if nothing else ""
        line = stream.line(start)
        return [Patch(start, end, f"{lead}[{text}]", node.first, removed, tuple(events), line)]
    if key is None or node.anchor or getattr(node, "tag", None):
        stream.refuse(node.start, "has an anchor or a tag of its own; add the entry by hand")
    style = Style(column_of(stream, key.start) + _list_indent(stream, root))
    lines, events = style.lines(stream, key.start, images)
    events = [begins("SequenceStartEvent", False), *events, _LIST_END]
    colon = place_of_nothing(stream, key, Scalar(key.end, key.end, 0, 0, None, None, "", ""))
    end = max(node.end, colon) if node.end > node.start else colon
    patches = []
    if end > colon:  # `[]`, `~` or `null` goes
        patches.append(Patch(colon, end, "", node.first, 0, (), stream.line(colon)))
    at = _after_line(stream, end)
    return [*patches, _new_lines(stream, at, lines, node.first, removed, events)]


def _append_flow(
    stream: Stream, found: Found, value: Sequence, images: Series[InsertImage]
) -> Patch:
    style = style_of(stream, value.items, 0, flow=True)
    if not value.items and isinstance(found.key, Scalar) and found.key.style == '"':
        style = Style(flow=True, key_quote='"')
    at = value.items[-1].end if value.items else value.end - 1
    text, events = style.inline(stream, value.start, images)
    lead = ", " if value.items else ""
    return Patch(at, at, lead + text, value.last, 0, tuple(events), stream.line(at))


def _begin(stream: Stream, root: Mapping, images: Series[InsertImage]) -> Patch:
    """A document without the key gets it, with its entries, as the last one."""
    if root.flow:
        return _begin_flow(stream, root, images)
    column = column_of(stream, root.entries[0][0].start)
    style = Style(column + _list_indent(stream, root))
    lines, events = style.lines(stream, root.start, images)
    key, key_event = written(stream, root.start, _KEY, "", flow=False)
    key_line = f"{' ' * column}{key}:"
    events = [key_event, begins("SequenceStartEvent", False), *events, _LIST_END]
    value = root.entries[-1][1]
    at = _after_line(stream, _content_end(stream, Found(value, root.entries[-1][0], root)))
    # What stands below the content is kept above the new key, up to the document's end.
    passed = at
    for line in takewhile(lambda line: not _MARKER.match(line), _lines(stream.text, at)):
        passed += len(line)
        if line.strip():
            at = passed
    return _new_lines(stream, at, [key_line, *lines], root.last, 0, events)


def _begin_flow(stream: Stream, root: Mapping, images: Series[InsertImage]) -> Patch:
    quote = _key_quote(root)
    text, events = Style(flow=True, key_quote=quote).inline(stream, root.start, images)
    key, key_event = written(stream, root.start, _KEY, quote, flow=True)
    events = [key_event, begins("SequenceStartEvent", True), *events, _LIST_END]
    if root.entries:
        last_key, last = root.entries[-1]
        at, lead = end_of(stream, Found(last, last_key, root)), ", "
    else:
        at, lead = root.end - 1, ""
    added = f"{lead}{key}: [{text}]"
    return Patch(at, at, added, root.last, 0, tuple(events), stream.line(at))


def _key_quote(root: Mapping) -> str:
    """JSON stays JSON."""
    first = root.entries[0][0] if root.entries else None
    return '"' if isinstance(first, Scalar) and first.style == '"' else ""


def _new_lines(
    stream: Stream, at: int, lines: list[str], position: int, removed: int, events: list[Signature]
) -> Patch:
    """Whole lines at `at`, which is the start of a line, or the end of a file without a line
    feed there."""
    text, ending = stream.text, line_ending(stream.text, at)
    if at and text[at - 1] != "\n":
        added, line = "".join(ending + each for each in lines), text.count("\n") + 1
    else:
        added, line = "".join(each + ending for each in lines), stream.line(at)
    return Patch(at, at, added, position, removed, tuple(events), line, len(lines))


def _content_end(stream: Stream, found: Found) -> int:
    """Where the text of a node's last scalar ends; a block's own mark runs past comments."""
    node = found.node
    if isinstance(node, Mapping) and not node.flow and node.entries:
        key, value = node.entries[-1]
        return _content_end(stream, Found(value, key, node))
    if isinstance(node, Sequence) and not node.flow and node.items:
        return _content_end(stream, Found(node.items[-1], None, node))
    if isinstance(node, Scalar) and node.style in ("|", ">"):
        raw = stream.text[node.start : node.end]
        if "+" in raw.partition("\n")[0]:  # its blank lines belong to the value
            return node.end
        return node.start + len(raw.rstrip(" \r\n"))
    if isinstance(node, Scalar) and not node.value and not node.style and found.key is None:
        return node.start
    return end_of(stream, found)


def _list_indent(stream: Stream, root: Mapping) -> int:
    """How far the document's other lists stand to the right of their keys; 0 where it has none."""
    seen: Counter[int] = Counter()
    for key, value in root.entries:
        if isinstance(value, Sequence) and not value.flow:
            dash = _TO_DASH.match(stream.text, value.start)
            if dash is not None:
                seen[column_of(stream, dash.end() - 1) - column_of(stream, key.start)] += 1
    return seen.most_common(1)[0][0] if seen else 0


def _after_line(stream: Stream, index: int) -> int:
    """The start of the next line, or the end of the text."""
    if index and stream.text[index - 1] == "\n":
        return index  # a block scalar that keeps its blank lines ends there
    line_end = stream.text.find("\n", index)
    return len(stream.text) if line_end < 0 else line_end + 1


def _lines(text: str, at: int) -> Iterator[str]:
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        yield text[at:end]
        at = end
