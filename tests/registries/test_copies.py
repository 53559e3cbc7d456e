from __future__ import annotations

import pytest
from urllib3 import HTTPHeaderDict

from promoter.access.http import Response
from promoter.registries.copies import Copies, Copy

OVERHEAD = len("https://h/v2/x/tags/list") + len('ETag"1"')


def answer(body: bytes, etag: str | None = '"1"', status: int = 200) -> Response:
    headers = HTTPHeaderDict() if etag is None else HTTPHeaderDict({"ETag": etag})
    return Response("https://h/v2/x/tags/list", status, headers, body)


def test_copies_are_bounded_and_the_last_used_stay() -> None:
    copies = Copies(most=4 * (100 + OVERHEAD))
    for url in "abcd":
        copies.keep(url, answer(bytes(100)))
    assert copies.get("a") is not None
    copies.keep("e", answer(bytes(100)))
    assert [url for url in "abcde" if copies.get(url)] == ["a", "c", "d", "e"]
    copies.keep("f", answer(bytes(101)))
    assert [url for url in "abcdef" if copies.get(url)] == ["a", "c", "d", "e"], "too large a one"
    for _ in range(9):  # the same again takes no more room
        copies.keep("a", answer(bytes(100)))
    assert [url for url in "abcdef" if copies.get(url)] == ["a", "c", "d", "e"]


def test_a_copy_is_asked_for_whole_now_and_then() -> None:
    """So that a registry whose ETag never changes is not believed for ever."""
    now = 0.0
    copies = Copies(clock=lambda: now)
    copies.keep("a", answer(b"x"))
    now = 899.0
    assert copies.get("a") is not None
    now = 900.0
    assert copies.get("a") is None


def test_headers_that_nobody_reads_are_not_kept_and_the_others_count() -> None:
    """A server may send a hundred of 64 KB with each page."""
    headers = HTTPHeaderDict({"ETag": '"1"', "Link": "</a>", "Set-Cookie": "x" * 60_000})
    headers.add("link", '</b>; rel="next"')
    copies = Copies(most=1000)
    copies.keep("a", Response("https://h/a", 200, headers, b"{}"))
    copy = copies.get("a")
    assert copy is not None
    assert copy.response.headers == {"Link": '</a>, </b>; rel="next"', "ETag": '"1"'}
    copies.keep(
        "b", Response("https://h/b", 200, HTTPHeaderDict({"ETag": "2", "Link": "x" * 240}), b"")
    )
    assert copies.get("b") is None, "more than a quarter of all"


@pytest.mark.parametrize("etag", [None, "", '"\x7f"', '"a b"', f'"{"x" * 300}"', '"é"'])
def test_what_is_no_validator_is_not_kept_nor_what_it_replaces(etag: str | None) -> None:
    copies = Copies()
    copies.keep("a", answer(b"old"))
    copies.keep("a", answer(b"new", etag))
    assert copies.get("a") is None


@pytest.mark.parametrize(
    ("kept", "named", "confirmed"),
    [
        ('"1"', None, True),
        ('"1"', '"1"', True),
        ('W/"1"', '"1"', True),
        ('"1"', 'W/"1"', True),
        ('"1"', '"2"', False),
        ('W/"1"', 'W/"2"', False),
    ],
)
def test_a_304_confirms_the_copy_that_it_names(
    kept: str, named: str | None, confirmed: bool
) -> None:
    copy = Copy(kept, answer(b"x", kept), until=1.0)
    assert copy.is_confirmed_by(answer(b"", named, 304)) is confirmed
