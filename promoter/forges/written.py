"""What the bot writes into a merge request of any forge: the note that it keeps there for itself at
the end of the body, and how a text is made to fit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from promoter.model.ports import Comment

_COMMENT = "<!--"
_BEGINS = f"{_COMMENT} promoter-request "
_NOTE = re.compile(
    r"<!-- promoter-request approvals=([0-9]{1,4}) head=([0-9a-f]{0,64})"
    r"( unfinished)?( no-drafts)? -->\s*"
)
_CUT = "\n\n*(cut: it was longer than the forge takes)*"


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


def with_note(body: str, note: Note, most: int) -> str:
    """The body with the note, of `most` characters. One that is too long loses its middle, never
    its end: there stands the record that the request is known by."""
    end = f"\n\n{note}\n"
    body = body.rstrip("\n")
    room = most - len(end)
    if len(body) > room:
        at = body.rfind(_COMMENT)
        record = f"\n\n{body[at:]}" if at >= 0 and len(body) - at < room // 2 else ""
        kept = body[: room - len(_CUT) - len(record)]
        body = f"{kept.rpartition(chr(10))[0] or kept}{_CUT}{record}"
    return body + end


def split_note(text: str) -> tuple[str, Note]:
    """The body as it was given, and the note. A person may have edited it away, and forges give
    line ends back as browsers send them."""
    text = text.replace("\r\n", "\n")
    # Looked for from the end: anybody may have written a megabyte of what looks like it.
    at = text.rfind(_BEGINS)
    match = _NOTE.fullmatch(text, at) if at >= 0 else None
    if match is None:
        return text, Note()
    note = Note(int(match[1]), match[2], bool(match[3]), bool(match[4]))
    before = text[:at].rstrip("\n")
    return f"{before}\n", note


def fitting(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[: most - 1]}…"


def marked(comment: Comment, most: int) -> str:
    """The comment's text in `most` characters; its mark is never cut off."""
    text, mark = comment.text.rstrip("\n"), comment.mark
    if mark in text and len(text) <= most:
        return text
    end = f"\n\n{mark}" if mark.startswith(_COMMENT) else f"\n\n<!-- {mark} -->"
    room = most - len(end)
    return (text if len(text) <= room else text[: room - len(_CUT)] + _CUT) + end
