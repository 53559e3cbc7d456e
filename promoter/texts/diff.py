"""A unified diff of the bytes that a plan changes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from promoter.model.target import FileChange
from promoter.texts.paint import Paint, printable


def diff_lines(changes: Iterable[FileChange]) -> Iterator[str]:
    """Lines without line ends, as `git diff` would show them; bytes that are no UTF-8 stay
    readable as `\\xNN`, a missing final newline is said."""
    for change in changes:
        before, after = _lines(change.before), _lines(change.after)
        hunks = difflib.unified_diff(before, after, f"a/{change.path}", f"b/{change.path}", n=3)
        for line in hunks:
            yield printable(line.rstrip("\r\n"))
            if not line.endswith("\n"):
                yield "\\ No newline at end of file"


def painted_diff(changes: Iterable[FileChange], paint: Paint) -> Iterator[str]:
    """The same, with the usual colours."""
    styles = {"---": "bold", "+++": "bold", "@@": "cyan", "-": "red", "+": "green"}
    for line in diff_lines(changes):
        style = next((each for mark, each in styles.items() if line.startswith(mark)), None)
        yield paint(line, style) if style else line


def _lines(content: bytes) -> list[str]:
    """Split at line feeds only, as Git does."""
    text = content.decode("utf-8", "backslashreplace")
    return [f"{line}\n" for line in text.split("\n")[:-1]] + (
        [] if text.endswith("\n") or not text else [text.rpartition("\n")[2]]
    )
