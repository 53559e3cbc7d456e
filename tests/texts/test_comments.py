"""What the bot says on merge requests: marked, escaped, and each thing once."""

from __future__ import annotations

import re

import pytest

from promoter.model.ports import Comment
from promoter.texts.comments import closing_comment, left_alone_comment, superseded_comment
from tests.texts.shop import NEW, OLD

HEAD, OTHER = "a" * 40, "b" * 40
HOSTILE = "gone\n/close\n<!-- @all --> fixes #1"


@pytest.mark.parametrize(
    ("comment", "name"),
    [
        (superseded_comment(OLD, NEW, HEAD), "superseded"),
        (closing_comment(7, HEAD, HOSTILE), "closed"),
        (left_alone_comment("promoter/dev/web", HEAD), "left-alone"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_comment_ends_with_its_mark_and_does_nothing_else(comment: Comment, name: str) -> None:
    assert re.fullmatch(rf"<!-- promoter {name} [0-9a-f]{{16}} -->", comment.mark)
    assert comment.text.endswith(f"\n\n{comment.mark}\n")
    said = comment.text.removesuffix(f"{comment.mark}\n")
    assert "<!--" not in said
    assert not re.search(r"^/|@all|#1", said, re.MULTILINE)


def test_the_same_thing_has_the_same_mark_and_another_has_another() -> None:
    assert superseded_comment(OLD, NEW, HEAD) == superseded_comment(OLD, NEW, HEAD)
    marks = {
        superseded_comment(OLD, NEW, HEAD).mark,
        superseded_comment(OLD, NEW, OTHER).mark,
        superseded_comment(NEW, OLD, HEAD).mark,
        closing_comment(7, HEAD, "x").mark,
        closing_comment(7, HEAD, "y").mark,
        closing_comment(7, OTHER, "x").mark,
        closing_comment(8, HEAD, "x").mark,
        left_alone_comment("x", HEAD).mark,
        left_alone_comment("x", OTHER).mark,
    }
    assert len(marks) == 9


def test_what_superseded_what_is_said_by_name() -> None:
    text = superseded_comment(OLD, NEW, HEAD).text
    assert f"`{OLD.id}` (1.0.0) is superseded by `{NEW.id}` (1.1.0), at aaaaaaaaaaaa" in text


def test_a_reason_without_end_is_cut() -> None:
    assert len(closing_comment(7, HEAD, "x" * 100_000).text) < 5_000
