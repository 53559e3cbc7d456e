"""Outside text within a line of Markdown (GitHub's and GitLab's flavour) or of HTML."""

from __future__ import annotations

import html
import re

from promoter.texts.paint import printable

# Underscores inside of words mark nothing; names are full of them.
_SPECIAL = re.compile(r"[\\`*<\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


# What forges make of plain words: a mention, a reference, and with a keyword a closed issue.
_CALLING = re.compile(r"([@#!%&$~])(?=[A-Za-z0-9_])")
# An issue is also named by its address or, in trackers beside the forge, as `SHOP-12`.
_CLOSING = re.compile(
    r"\b([cfri])(?=(?:(?<=c)los(?:e[sd]?|ing)|(?<=f)ix(?:e[sd]|ing)?|(?<=r)esolv(?:e[sd]?|ing)"
    r"|(?<=i)mplement(?:s|ed|ing)?):? (?:issues? )?\S*(?:://|[a-z0-9_]-[0-9]))",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"[(\"']*(?:https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?(?:[/?#]\S*)?|file://[^\s@]*)",
    re.IGNORECASE,
)
# What opens a heading, a list, a quotation or a rule where it begins a line, and what GitLab
# obeys there (`/merge`).
_OPENING = re.compile(r"[>/]|(?:#{1,6}|[-+=]+|[0-9]{1,9}[.)])(?: |\Z)")
_NOTHING = "&#8203;"  # no width: it reads the same, and calls nobody
_NO_WIDTH = "\u200b"


def escaped(text: str) -> str:
    """Reads as the text itself, in a table cell too: no markup, nobody called, nothing closed,
    one line. Where it may begin a line `escaped_line` is needed."""
    return " ".join(_escaped_word(word) for word in _unclosing(text).split(" "))


def escaped_line(text: str) -> str:
    """Escaped, and safe at the beginning of a line, between HTML tags, and in an attribute."""
    line = escaped(text).replace('"', "&quot;").replace("'", "&#39;")
    return f"{_NOTHING}{line}" if _OPENING.match(line) else line


def unmarked(text: str) -> str:
    """For a title or a commit's message, where nothing is markup: one line, nobody called,
    nothing closed."""
    return " ".join(_quiet(word, _NO_WIDTH) for word in _unclosing(text).split(" "))


def _unclosing(text: str) -> str:
    return _CLOSING.sub(rf"\1{_NO_WIDTH}", one_line(text))


def _escaped_word(word: str) -> str:
    return _SPECIAL.sub(_marked, _quiet(word, _NOTHING))


def _quiet(word: str, nothing: str) -> str:
    # Within an address a sign is the address's own.
    return word if _ADDRESS.fullmatch(word) else _CALLING.sub(rf"\1{nothing}", word)


def _marked(match: re.Match[str]) -> str:
    # A backslash does nothing between HTML tags.
    return "&lt;" if match[0] == "<" else f"\\{match[0]}"


def code(text: str) -> str:
    """A code span that no backtick in the text can end. Not for table cells: a pipe ends those."""
    line = one_line(text)
    fence = "`" * (1 + longest_run(line))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def html_text(text: str) -> str:
    """Text between two HTML tags."""
    return html.escape(one_line(text), quote=False)


def longest_run(line: str) -> int:
    """The longest run of backticks: a fence must be longer than any in the text it holds."""
    return max((len(run) for run in re.findall("`+", line)), default=0)


def one_line(text: str) -> str:
    """Without control characters, runs of blanks as one."""
    return printable(" ".join(text.split()))
