"""What is written plain is read back as that text by every reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from promoter.manifests.quoting import favourite_quote, is_misread, write

# Go's reader, YAML 1.1 and YAML 1.2 take each of these for something other than text.
_MISREAD = """
    yes No on OFF y n true null ~ = << .inf -.INF .nan
    0123 0o17 0x1F 0b1 -0b1 +1 1_000 12_3 1234567
    1.10 .5 1. 1e3 12e4567 12345e6 1E-3
    1:30 12:30:45 190:20:30.15 2024-01-02 2024-1-2T10:00:00Z
"""
_TEXT = """
    v1.2.3 1.2.3 1.2.3-rc.1 1.2.3_4 1.10-alpine latest sha-12e4567 12ab 1e3x 0x1G yess nullable
    RELEASE.2024-01-02T00-00-00Z 20240102-abc 2024-01-02-3
    nginx:1.25 ghcr.io/a/b:1@sha256:00 sha256:0123
"""
MISREAD, TEXT = _MISREAD.split(), _TEXT.split()


@pytest.mark.parametrize("value", ["", *MISREAD])
def test_a_value_that_readers_take_for_another_type_is_quoted(value: str) -> None:
    assert is_misread(value)
    assert write(value, "", flow=False, favourite='"') == (f'"{value}"', '"')
    assert write(value, "", flow=False, favourite="'") == (f"'{value}'", "'")


@pytest.mark.parametrize("value", TEXT)
def test_text_stays_plain(value: str) -> None:
    assert write(value, "", flow=False, favourite='"') == (value, "")


@pytest.mark.parametrize(
    "value", ["a: b", "a #b", "a:", "- a", "*a", "&a", "!a", "%a", "@a", " a", "a ", "[a", "é"]
)
def test_a_value_that_is_no_good_plain_scalar_is_quoted(value: str) -> None:
    assert write(value, "", flow=False, favourite="'") == (f"'{value}'", "'")


def test_a_colon_inside_a_flow_collection_is_quoted() -> None:
    assert write("nginx:1.2", "", flow=True, favourite='"') == ('"nginx:1.2"', '"')
    assert write("1.2.3", "", flow=True, favourite='"') == ("1.2.3", "")


@pytest.mark.parametrize("value", ["a\nb", "a\x07", "\u2028", "\ufeff"])
def test_control_characters_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        write(value, '"', flow=False, favourite='"')


@pytest.mark.parametrize(
    ("text", "quote"),
    [("a: 'x'\nb: 'y'\nc: \"z\"", "'"), ('a: "x"', '"'), ("a: 'x'\nb: \"y\"", '"'), ("", '"')],
)
def test_the_files_own_quote_is_taken_double_where_equal(text: str, quote: str) -> None:
    assert favourite_quote(text) == quote


@given(
    value=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
    | st.sampled_from(MISREAD)
    | st.from_regex(r"[-+.0-9_:eExob]{1,8}", fullmatch=True),
    style=st.sampled_from(["", "'", '"']),
    favourite=st.sampled_from(["'", '"']),
    flow=st.booleans(),
)
def test_both_parsers_and_both_versions_read_the_value_back(
    value: str, style: str, favourite: str, flow: bool
) -> None:
    if not value.isprintable():
        return
    text, _ = write(value, style, flow=flow, favourite=favourite)
    document = f"[a, {text}, b]" if flow else f"k: {text}\n"
    expected: object = ["a", value, "b"] if flow else {"k": value}
    for pure in (False, True):
        for version in ("%YAML 1.1\n---\n", "%YAML 1.2\n---\n"):
            assert YAML(typ="safe", pure=pure).load(version + document) == expected
