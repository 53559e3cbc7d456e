"""Applies patches to a file's text, and proves that nothing but them has changed.

The result is parsed again: its events must be the old ones but for the patched ones, and its
lines the old ones but for theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from promoter.errors import InputError
from promoter.manifests.events import Signature, Stream, reads_as


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
    after = reads_as(before, text, _expected_events(before, patches))
    if after is None or not _only_these_lines(before, text, patches):
        raise doubt
    return after


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
