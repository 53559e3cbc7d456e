"""Outside text within a line of Markdown (GitHub's and GitLab's flavour) or of HTML."""

from __future__ import annotations

import html
import re

from promoter.texts.paint import printable

# Underscores inside of words mark nothing; names are full of them.
_SPECIAL = re.compile(r"[\\`*<\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


# What forges make of plain words: a mention, a reference, and with a keyword a closed issue.
_CALLING = re.compile(r"([@#!%&$~])(?=[A-Za-z0-9_])")
_NOTHING = "&#8203;"  # no width: it reads the same, and calls nobody


def escaped(text: str) -> str:
    """Reads as the text itself, in a table cell too: no markup, nobody called, one line."""
    return " ".join(_escaped_word(word) for word in _one_line(text).split(" "))


def _escaped_word(word: str) -> str:
    marked = _SPECIAL.sub(lambda match: f"\\{match[0]}", word)
    # Within an address a sign is the address's own.
    return marked if "://" in word else _CALLING.sub(rf"\1{_NOTHING}", marked)


def code(text: str) -> str:
    """A code span that no backtick in the text can end. Not for table cells: a pipe ends those."""
    line = _one_line(text)
    fence = "`" * (1 + longest_run(line))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def html_text(text: str) -> str:
    """Text between two HTML tags."""
    return html.escape(_one_line(text), quote=False)


def longest_run(line: str) -> int:
    """The longest run of backticks: a fence must be longer than any in the text it holds."""
    return max((len(run) for run in re.findall("`+", line)), default=0)


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
