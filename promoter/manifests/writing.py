"""How a scalar is spelled in a file, and where one goes that is not there yet."""

from __future__ import annotations

import re

from promoter.manifests import quoting
from promoter.manifests.events import Signature, Stream, scalar_signature
from promoter.manifests.nodes import Node, Scalar
from promoter.manifests.trail import Found

_COLON = re.compile(r"[ \t]*:")
_LINE_BREAKS = ("\n", "\r", "\x85", "\u2028", "\u2029")


def spans_lines(text: str) -> bool:
    return any(each in text for each in _LINE_BREAKS)


def written(
    stream: Stream, at: int, value: str, style: str, *, flow: bool
) -> tuple[str, Signature]:
    """The scalar's text and its event; InputError at `at` where the value can't be written."""
    try:
        text, style = quoting.write(value, style, flow=flow, favourite=stream.favourite_quote)
    except ValueError as error:
        stream.refuse(at, f"can't be set: {error}")
    return text, scalar_signature(value, style, None, None)


def place_of_nothing(stream: Stream, key: Node | None, node: Scalar) -> int:
    """Where an empty value goes: right after its key's colon. Its own mark can't be trusted."""
    colon = _COLON.match(stream.text, key.end) if key else None
    if colon is None or node.anchor or node.tag:
        stream.refuse(node.start, "has no value that could be replaced; write one")
    return colon.end()


def end_of(stream: Stream, found: Found) -> int:
    """Where a value's own text ends, also an empty one's."""
    node = found.node
    if isinstance(node, Scalar) and not node.value and not node.style:
        return place_of_nothing(stream, found.key, node)
    return node.end


def line_ending(text: str, at: int) -> str:
    """The ending of the line before `at`, or of the file where that has none."""
    before = text[max(at - 2, 0) : at]
    if before.endswith("\n"):
        return "\r\n" if before == "\r\n" else "\n"
    return "\r\n" if "\r\n" in text else "\n"
