"""Applies patches to a file's text, and proves that nothing but them has changed.

The result is parsed again: its events must be the old ones but for the patched ones, and its
lines the old ones but for theirs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from promoter.errors import InputError
from promoter.manifests.events import Signature, Stream, reads_as, says

_ODD_BREAK = re.compile("[\x85\u2028\u2029]|\r(?!\n)|\ufeff")


@dataclass(frozen=True)
class Patch:
    """`text` replaces [start, end); `events` replace `removed` ones at `position`.

    `line` (from 0) is changed, or, where `adds_lines`, gets so many new lines before it.
    """

    start: int
    end: int
    text: str
    position: int
    removed: int
    events: tuple[Signature, ...]
    line: int
    adds_lines: int = 0


def proved(before: Stream, patches: Sequence[Patch]) -> Stream:
    """The stream after the patches, which are sorted by place; InputError where anything but
    them would differ."""
    pieces, position = [], 0
    for patch in patches:
        if patch.start < position:
            raise InputError("is changed twice at one place", where=before.where(patch.start))
        pieces += [before.text[position : patch.start], patch.text]
        position = patch.end
    text = "".join([*pieces, before.text[position:]])
    doubt = InputError(
        "can't be edited safely here, the file would read differently; edit it by hand",
        where=before.where(patches[0].start),
    )
    expected = _expected_events(before, patches)
    after = reads_as(before, text, expected)
    if after is None or not _only_these_lines(before, text, patches):
        raise doubt
    odd = _ODD_BREAK.search(before.text)
    if (
        odd is not None
        and _is_read_elsewhere(before, odd)
        and not says(text, expected, pure=not before.pure)
    ):
        raise doubt
    return after


def _is_read_elsewhere(before: Stream, odd: re.Match[str]) -> bool:
    """Whether the other parser reads the file too; refuses it where that one sees other values."""
    same = says(before.text, before.events, pure=not before.pure)
    if same is False:
        why = (
            f"U+{ord(odd.group()):04X} stands here, which only some YAML readers take for the end"
            " of a line; write a line feed, or an escape in double quotes"
        )
        before.refuse(odd.start(), why)
    return same is True


def _expected_events(before: Stream, patches: Sequence[Patch]) -> tuple[Signature, ...]:
    events: list[Signature] = []
    position = 0
    for patch in sorted(patches, key=lambda patch: patch.position):
        events += before.events[position : patch.position]
        events += patch.events
        position = patch.position + patch.removed
    events += before.events[position:]
    return tuple(events)


def _only_these_lines(stream: Stream, after: str, patches: Sequence[Patch]) -> bool:
    """Whether the lines differ exactly where the patches say."""
    before = stream.text
    # What lies before the first and behind the last patched line is compared as a whole.
    head = before.rfind("\n", 0, patches[0].start) + 1
    tail = before.find("\n", max(patch.end for patch in patches))
    behind = "" if tail < 0 else before[tail:]
    if before[:head] != after[:head] or not after.endswith(behind):
        return False
    old = before[head : len(before) - len(behind)].split("\n")
    new = iter(after[head : len(after) - len(behind)].split("\n"))
    first = stream.line(head)
    last = first + len(old) - 1
    changed = {patch.line for patch in patches if not patch.adds_lines}
    added = Counter({patch.line: 0 for patch in patches})
    for patch in patches:
        added[patch.line] += patch.adds_lines
    for number, line in enumerate(old, first):
        for _ in range(added[number]):
            next(new, None)
        now = next(new, None)
        if now is None:
            return False
        if number == last and not behind and added[last + 1]:
            now = now.removesuffix("\r")  # the file's last line got its ending
        if (now == line) == (number in changed):
            return False
    return len(list(new)) == added[last + 1]
