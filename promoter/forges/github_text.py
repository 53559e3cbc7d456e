"""What the bot notes for itself in a merge request on GitHub, and the sizes that GitHub takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from promoter.model.ports import Comment

MOST_BODY = 65_536  # characters; GitHub answers 422 beyond
MOST_TITLE = 256
_NOTE = re.compile(
    r"\n*<!-- promoter-request approvals=([0-9]{1,4}) head=([0-9a-f]{0,64})"
    r"( unfinished)?( no-drafts)? -->\s*$"
)
_RECORD = "<!--"
_CUT = "\n\n*(cut: it was longer than GitHub takes)*\n\n"


@dataclass(frozen=True)
class Note:
    """How many approvals the request asks for, and the head that the bot last put there.

    `unfinished`: labels or people are still to be given to it. `no_drafts`: it should be a draft
    and is none, because the repository knows none.
    """

    approvals: int = 0
    head: str = ""
    unfinished: bool = False
    no_drafts: bool = False

    def __str__(self) -> str:
        more = " unfinished" * self.unfinished + " no-drafts" * self.no_drafts
        return f"<!-- promoter-request approvals={self.approvals} head={self.head}{more} -->"


def with_note(body: str, note: Note) -> str:
    """The body as GitHub gets it. One that is too long loses its middle, never its end: there
    stands the record that the request is known by."""
    end = f"\n\n{note}\n"
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
    note = Note(int(match[1]), match[2], bool(match[3]), bool(match[4]))
    return f"{text[: match.start()]}\n", note


def fitting_title(title: str) -> str:
    return title if len(title) <= MOST_TITLE else f"{title[: MOST_TITLE - 1]}…"


def marked(comment: Comment) -> str:
    """The comment as GitHub gets it: its mark is never cut off."""
    text, mark = comment.text.rstrip("\n"), comment.mark
    if mark in text and len(text) <= MOST_BODY:
        return text
    end = f"\n\n{mark}" if mark.startswith(_RECORD) else f"\n\n<!-- {mark} -->"
    room = MOST_BODY - len(end)
    return (text if len(text) <= room else text[: room - len(_CUT)] + _CUT.rstrip("\n")) + end
