"""Baseline files: a line an application, written without touching another byte."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.errors import InputError
from promoter.model.release import Release
from promoter.rules.baseline import read_baseline, write_baseline
from tests.decisions.rules import image, release

PATH = ".promoter/baseline/staging.yaml"


def test_what_is_written_is_read() -> None:
    releases = {
        "web": release("web:1.7.0"),
        "on": release("web:1.0.0@"),
        "1.5": release("web:1.0.0", "worker:2.0.0"),
    }
    content = write_baseline(b"", releases)
    assert read_baseline(PATH, content) == releases
    assert b'\n"1.5": ["ghcr.io/shop/web:1.0.0@' in content
    assert b'\n"on": "ghcr.io/shop/web:1.0.0"\n' in content


def test_other_lines_and_comments_stay() -> None:
    mine = b"# mine\napi: 'ghcr.io/shop/api:1.0.0'   # kept\n'web': x/y:1\nmail: a.b/c:2"
    content = write_baseline(mine, {"web": release("web:2.0.0@"), "cart": release("cart:1.0.0@")})
    assert content.decode().splitlines() == [
        "# mine",
        "api: 'ghcr.io/shop/api:1.0.0'   # kept",
        'web: "ghcr.io/shop/web:2.0.0"',
        "mail: a.b/c:2",
        'cart: "ghcr.io/shop/cart:1.0.0"',
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "holds no baseline: delete the file"),
        ("- web\n", "1:1: a baseline is a mapping of applications to images, found a list"),
        ("web: 1.0\n", "1:6: web: expected an image, found the number 1.0"),
        ("web: []\n", "1:1: web: name an image, or delete it"),
        ("a: b/c:1\nweb: ghcr.io/shop/web\n", "2:6: web: 'ghcr.io/shop/web' names no version"),
        ("web: Web:1\n", "1:6: web: "),
        ("web: [x:1, 5]\n", "web: expected an image, found the number"),
        ("web: 'x\n", "is not YAML"),
        ("web: x:1\nweb: x:2\n", "2:1: web: stands twice, first in line 1: remove one of them"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, error: str) -> None:
    with pytest.raises(InputError) as raised:
        read_baseline(PATH, text.encode())
    assert error in str(raised.value)
    assert str(raised.value).startswith(PATH)


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_nothing_but_an_error_with_a_place_ever_comes(content: bytes) -> None:
    with contextlib.suppress(InputError):
        assert all(each.artifacts for each in read_baseline(PATH, content).values())


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,10}[A-Za-z0-9]", fullmatch=True)
IMAGES = st.sampled_from(["web:1.0.0", "web:1.0.0@", "api:2.0.0@x", "mail:7"]).map(image)


@given(
    st.dictionaries(NAMES, IMAGES.map(lambda each: Release.of([each])), min_size=1, max_size=5),
    st.dictionaries(NAMES, IMAGES.map(lambda each: Release.of([each])), min_size=1, max_size=5),
)
def test_a_second_adoption_adds_to_the_first(
    first: dict[str, Release], second: dict[str, Release]
) -> None:
    content = write_baseline(write_baseline(b"", first), second)
    assert read_baseline(PATH, content) == {**first, **second}
