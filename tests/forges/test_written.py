"""What the bot writes into a request of any forge is read again, and costs nothing to read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from promoter.forges.written import Note, fitting, marked, split_note, with_note
from promoter.model.ports import Comment

HEAD = "a" * 40
RECORD = "<!-- promoter record\nPromoter-Rule: shop\n-->"


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])))
def test_a_body_and_its_note_are_read_again(body: str) -> None:
    written = with_note(body, Note(2, HEAD, unfinished=True), 65_536)
    assert split_note(written.replace("\n", "\r\n")) == (
        f"{body.rstrip(chr(10))}\n",
        Note(2, HEAD, unfinished=True),
    )


def test_what_a_person_wrote_has_no_note() -> None:
    assert split_note("By hand.") == ("By hand.", Note())
    quoted = f"{Note(3, HEAD)} as they say"
    assert split_note(quoted) == (quoted, Note())


def test_a_body_that_is_too_long_loses_its_middle() -> None:
    written = with_note("line\n" * 1000 + RECORD, Note(1, HEAD), 500)
    assert len(written) <= 500
    body, note = split_note(written)
    assert body.startswith("line\nline\n")
    assert body.endswith(f"{RECORD}\n")
    assert note == Note(1, HEAD)


def test_a_comment_that_is_too_long_keeps_its_mark() -> None:
    text = marked(Comment("so " * 500 + "<!-- mark -->", "<!-- mark -->"), 300)
    assert len(text) <= 300
    assert text.endswith("<!-- mark -->")


def test_a_megabyte_of_what_looks_like_notes_is_read_at_once() -> None:
    """Quadratic, this would take minutes: anybody may write a merge request."""
    for piece in ("\n", "<!-- promoter-request ", "<!--", " "):
        text = piece * (1_000_000 // len(piece))
        assert split_note(text) == (text, Note())


def test_a_title_that_is_too_long_says_so() -> None:
    assert fitting("x" * 300, 255) == "x" * 254 + "…"
    assert fitting("short", 255) == "short"
