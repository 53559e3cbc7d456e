"""What the bot notes for itself in a merge request on GitHub, and the sizes that GitHub takes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from promoter.texts.inline import escaped

MOST_BODY = 65_536  # characters; GitHub answers 422 beyond
MOST_TITLE = 256
_MOST_REASON = 4096
_NOTE = re.compile(r"\n*<!-- promoter-request approvals=([0-9]{1,4}) head=([0-9a-f]{0,64}) -->\s*$")
_RECORD = "<!--"
_CUT = "\n\n*(cut: it was longer than GitHub takes)*\n\n"


@dataclass(frozen=True)
class Note:
    """How many approvals the request asks for, and the head that the bot last put there."""

    approvals: int = 0
    head: str = ""


def with_note(body: str, note: Note) -> str:
    """The body as GitHub gets it. One that is too long loses its middle, never its end: there
    stands the record that the request is known by."""
    end = f"\n\n<!-- promoter-request approvals={note.approvals} head={note.head} -->\n"
    body = body.rstrip("\n")
    room = MOST_BODY - len(end)
    if len(body) > room:
        at = body.rfind(_RECORD)
        record = body[at:] if at >= 0 and len(body) - at < room // 2 else ""
        body = body[: room - len(_CUT) - len(record)] + _CUT + record
    return body + end


def split_note(body: str) -> tuple[str, Note]:
    """The body as it was given, and the note. A person may have edited it away.

    GitHub gives line ends back as browsers send them.
    """
    text = body.replace("\r\n", "\n")
    match = _NOTE.search(text)
    if match is None:
        return text, Note()
    return f"{text[: match.start()]}\n", Note(int(match[1]), match[2])


def fitting_title(title: str) -> str:
    return title if len(title) <= MOST_TITLE else f"{title[: MOST_TITLE - 1]}…"


def closing_comment(number: int, reason: str) -> str:
    """Ends with a mark by which a repeated call knows that it was said."""
    return f"{escaped(reason[:_MOST_REASON])}\n\n{closing_mark(number, reason)}\n"


def closing_mark(number: int, reason: str) -> str:
    digest = hashlib.sha256(reason.encode()).hexdigest()[:12]
    return f"<!-- promoter-closed {number} {digest} -->"
