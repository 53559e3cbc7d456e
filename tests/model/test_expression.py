"""Expressions of rules: RE2's syntax, and no tag that makes them hang."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.expression import compile_expression


@pytest.mark.parametrize(
    ("text", "tag", "version"),
    [
        (r"v(?P<version>\d+\.\d+)", "v1.2", "1.2"),
        (r"v(?<version>\d+)", "v1", "1"),
        (r"v\d+", "v1", "v1"),
        (r"v\d+", "v1-slim", None),
        (r"\d+", "v1", None),
        (r"v(?P<version>\d+)?", "v", "v"),
        (r"v(?P<version>\d*)", "v", "v"),
        (r"(?i)V(?P<version>\d)", "v1", "1"),
        (r"a|ab", "ab", "ab"),
        (r"\d", "٣", None),
    ],
)
def test_the_whole_tag_matches_and_its_version_is_the_named_group(
    text: str, tag: str, version: str | None
) -> None:
    assert compile_expression(text).version_in(tag) == version


@pytest.mark.parametrize(
    "text", [r"(a+)+b", r"(a|a)*b", r"(a|aa)+b", r"(.*)*x", r"(?:.*a){20}b", r"(\w+\w*)+!"]
)
def test_what_hangs_other_engines_is_answered_at_once(text: str) -> None:
    """Each of these takes Python's own engine longer than the test run."""
    expression = compile_expression(text)
    assert [expression.version_in("a" * 127 + str(n % 10)) for n in range(200)] == [None] * 200


@pytest.mark.parametrize(
    "text",
    [r"v(?!0)\d", r"(?<=v)\d", r"(a)\1", r"(?P<x>a)(?P=x)", r"a\Z", "(a", "a{2000}", "[b-a]"],
)
def test_what_re2_does_not_take_is_refused_with_its_reason(
    text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        compile_expression(text)
    assert capfd.readouterr().err == "", "the engine writes to nobody's log"


@given(
    st.lists(
        st.sampled_from(
            [*"abc1.-", r"\d", r"[a-c]", "(?:a|b)", "a*", "b+", "c?", r"(?P<version>1+)"]
        )
    ).map("".join),
    st.lists(st.sampled_from([*"abc1.-"])).map("".join),
)
def test_it_agrees_with_pythons_engine_on_what_both_know(text: str, tag: str) -> None:
    try:
        match = re.compile(text).fullmatch(tag)
    except re.error:
        return  # the named group twice
    groups = match.groupdict() if match else {}
    expected = (groups.get("version") or tag) if match else None
    assert compile_expression(text).version_in(tag) == expected
