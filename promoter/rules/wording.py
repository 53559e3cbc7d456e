"""How messages about rule files quote, list and guess."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

Step = str | int
Location = tuple[Step, ...]
"""The way to a value from the root of a rule file: keys, and indices counted from 0."""

_LONGEST_QUOTE = 60
_MOST_WORDS = 5
_ASKED_BACK = re.compile(r"; did you mean '(?P<meant>[^']+)'\?\Z")
# The log masks it too, but this floor lies below the one that knows the secrets.
_USER_INFO = re.compile(r"(?<=//)[^/\s@]+@")


def quote(text: str) -> str:
    """`text` between single quotes, on one line, not longer than a line should be."""
    shown = printable(text)
    return f"'{shown}'" if len(shown) <= _LONGEST_QUOTE else f"'{shown[:_LONGEST_QUOTE]}…'"


def printable(text: str) -> str:
    """`text` with what would break the line written as an escape, and without a password in
    front of a URL's host."""
    text = _USER_INFO.sub("***@", text)
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def enumerate_words(words: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; of many, the first."""
    *head, tail = list(words) or ["none"]
    if len(head) > _MOST_WORDS:
        head, tail = head[:_MOST_WORDS], f"{len(head) - _MOST_WORDS + 1} more"
    return f"{', '.join(head)} {last} {tail}" if head else tail


def guess(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'dev'?` where one of `known` is near, else what is known."""
    near = find_nearest(word, known)
    if near is not None:
        return f"; did you mean {quote(near)}?"
    return f"; known: {', '.join(printable(each) for each in known)}"


def find_nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant."""
    word = word[:_LONGEST_QUOTE]
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if not near and len(word) > 2:
        near = [each for each in known if each.startswith(word) or word.startswith(each)]
    return near[0] if near else None


def suggestion_in(message: str) -> str | None:
    """The word that a message asks back for (`did you mean 'dev'?`), as `guess` writes it."""
    match = _ASKED_BACK.search(message)
    return match["meant"] if match else None


def label(location: Location) -> str:
    """`environments.staging.after[1]`; empty for the root."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = printable(step) or "''"
            if len(name) > _LONGEST_QUOTE:
                name = f"{name[:_LONGEST_QUOTE]}…"
            text += f".{name}" if text else name
    return text
