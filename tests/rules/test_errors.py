"""Everything that can be wrong with a rule file: the exact message, at the exact place."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.rules.files import SHOP, complaints

GOLDEN = Path(__file__).parent / "golden" / "errors.txt"
LOOK = "look at the indentation"


def _cases() -> list[tuple[str, str, list[str]]]:
    """(replaced lines, their replacement, errors) of each block of the golden file."""
    cases = []
    for block in GOLDEN.read_text("utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        old, new, errors = ([line[2:] for line in lines if line[0] == sign] for sign in "-+!")
        if lines:
            cases.append(("\n".join([*old, ""]), "".join(f"{line}\n" for line in new), errors))
    return cases


@pytest.mark.parametrize(("old", "new", "errors"), _cases())
def test_each_slip_is_told_at_its_place(old: str, new: str, errors: list[str]) -> None:
    assert old in SHOP, "a block replaces lines that the file does not have"
    assert complaints(SHOP.replace(old, new, 1)) == errors


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "1:1: the file is empty: begin it with 'version: 1'"),
        ("# nothing yet\n", "1:1: the file is empty: begin it with 'version: 1'"),
        ("~", "1:1: a rule file is a mapping that begins with 'version: 1', found nothing"),
        ("- a\n", "1:1: a rule file is a mapping that begins with 'version: 1', found a list"),
        ("hello", "1:1: a rule file is a mapping that begins with 'version: 1', found text"),
        (
            f"{SHOP}---\n{SHOP}",
            "21:1: a rule file holds one document: put the second in its own file",
        ),
        ("version: 1\n\tx: 2\n", "2:1: a tab can't indent YAML: use spaces"),
        (
            "a: b: c\n",
            f"1:5: is not YAML: ': ' can't stand here: {LOOK}, or put the text in quotes",
        ),
        ("a: [1,\n", "2:1: is not YAML: a bracket or a quote is open at the end of the file"),
        ("a: 'x\n", "2:1: is not YAML: a bracket or a quote is open at the end of the file"),
        ("a:\n - x\n b: 1\n", f"3:2: is not YAML: this does not continue what is above: {LOOK}"),
        ("a: 1\nb: \x07\n", "2:4: the character U+0007 can't stand in YAML: remove it"),
        (
            "a: *base\n",
            "1:4: the alias '*base' names no anchor: put it in quotes where text is meant",
        ),
        ("a: &a [*a]\n", "1:8: the alias '*a' stands inside the value that it repeats"),
    ],
)
def test_what_is_no_rule_file_at_all_gets_one_message(text: str, error: str) -> None:
    assert complaints(text) == [error]


def test_all_errors_of_a_file_are_told_at_once_in_the_order_of_their_places() -> None:
    text = """\
version: 1
repository: {url: https://git.example.com/a.git}
artifacts:
  - image: Web
    select: {semver: foo}
environments:
  staging:
    after: devel
    soak: 5
  dev:
    merge: automatically
use: shop.yaml
"""
    assert [error.partition(" ")[0] for error in complaints(text)] == [
        "1:1:",  # no applications
        "2:1:",  # no forge
        "4:12:",
        "5:22:",
        "8:12:",
        "9:5:",
        "11:12:",
        "12:1:",
    ]


def test_lines_end_as_editors_count_them_whatever_the_line_ending_and_byte_order_mark() -> None:
    expected = ["4:11: repository.branch: 'a..b' can't name a branch"]
    text = SHOP.replace("branch: main", "branch: a..b")
    assert complaints(text) == expected
    assert complaints("\ufeff" + text.replace("\n", "\r\n")) == expected
    # NEL and U+2028 in a comment end no line.
    nel = text.replace("version: 1\n", "version: 1 # \x85 \u2028\n")
    assert complaints(nel) == expected


def test_a_password_in_an_address_is_never_repeated() -> None:
    for address in (
        "https://bob:hunter2@gitlab.com/shop/manifests.git",
        "https://hunter2@gitlab.com/shop/manifests.git",
        "ssh://git:hunter2@gitlab.com/shop/manifests.git",
        "git:hunter2@gitlab.com:shop/manifests.git",
        "bob:hunter2@gitlab.com:shop/manifests.git",
        "https:/bob:hunter2@gitlab.com/shop/manifests.git",
        "http:bob:hunter2@gitlab.com/shop/manifests.git",
        "gitlab.com:bob:hunter2@shop/manifests.git",
        "ftp://bob:hunter2@gitlab.com/shop/manifests.git",
        "https://gitlab.com/shop/manifests.git?private_token=hunter2",
    ):
        errors = complaints(SHOP.replace("https://gitlab.com/shop/manifests.git", address))
        assert len(errors) == 1
        assert "repository.url" in errors[0]
        assert "hunter2" not in errors[0]
    for image in (
        "bob:hunter2@harbor.example.com/web",
        "https://bob:hunter2@harbor.example.com/web",
    ):
        errors = complaints(SHOP.replace("harbor.example.com/apps/{application}", image))
        assert len(errors) == 1
        assert "hunter2" not in errors[0]


def test_a_bomb_of_aliases_is_refused_unexpanded() -> None:
    levels = "abcdefghijklmnop"
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(levels)
    )
    assert complaints(bomb) == [
        "5:8: holds more than 10000 values, aliases written out: split the file"
    ]


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "? " * 100_000])
def test_nesting_without_end_is_refused(text: str) -> None:
    (error,) = complaints(text)
    assert error.endswith("is nested deeper than 30 levels")


def test_a_file_that_is_far_too_long_is_refused_unread() -> None:
    assert complaints("#" * 600_000) == ["1:1: is longer than 524288 characters: split the file"]
