"""Ranges mean what they mean to node."""

from __future__ import annotations

import nodesemver  # type: ignore[import-untyped]  # the library has no annotations
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.decisions.policies.semver_range import parse_range
from promoter.model.version import SemanticVersion


def admits(wanted: str, text: str, prereleases: bool) -> bool:
    version = SemanticVersion.parse(text)
    assert version is not None
    return parse_range(wanted, prereleases).admits(version)


# As node's documentation explains desugaring and `includePrerelease`: a bound that is filled in
# stands before all prereleases (`2.x` is `>=2.0.0-0 <3.0.0-0`), one that is spelled out stands
# where it says.
@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        ("*", "1.0.0-rc.1 0.0.0", ""),
        ("2.x", "2.0.0-a 2.9.9 2.1.0-a", "3.0.0-a 1.9.9 3.0.0"),
        ("2", "2.0.0-a 2.9.9-z", "3.0.0-a"),
        ("1.1", "1.1.0-a 1.1.9", "1.2.0-a 1.0.9"),
        (">=1.2", "1.2.0-a 9.0.0-a", "1.1.9"),
        (">=1.2.0", "1.2.0 1.2.1-a", "1.2.0-a"),
        ("<2", "1.9.9 1.9.9-a", "2.0.0-a 2.0.0"),
        ("<2.0.0", "1.9.9 2.0.0-a", "2.0.0"),
        ("<2.0.0-0", "1.9.9", "2.0.0-0 2.0.0-a"),
        (">1", "2.0.0-a", "1.9.9 1.0.0"),
        (">1.2.3", "1.2.4-a", "1.2.3 1.2.3-a"),
        ("<=0.7", "0.7.9 0.7.0-a", "0.8.0-a"),
        ("<=0.7.1", "0.7.1 0.7.1-a", "0.7.2-a"),
        ("^1.2.3", "1.2.3 1.9.0-a", "1.2.3-a 2.0.0-a 2.0.0"),
        ("^1.2", "1.2.0-a 1.9.0", "2.0.0-a"),
        ("^0.2.3", "0.2.3 0.2.9-a", "0.3.0-a"),
        ("^0.0.3", "0.0.3", "0.0.4-a 0.0.4"),
        ("~1.2.3", "1.2.3 1.2.9-a", "1.3.0-a"),
        ("~> 1.2", "1.2.0-a 1.2.9", "1.3.0-a"),
        ("^1.2.3-rc.2", "1.2.3-rc.3 1.3.0-a", "1.2.3-rc.1 2.0.0-a"),
        ("1.2.3", "1.2.3", "1.2.3-a 1.2.4"),
        ("=v1.2.3", "1.2.3", "1.2.3-a"),
        ("1.0.0 - 2.0.0", "1.0.0-a 2.0.0-a 2.0.0", "2.0.1-a"),
        ("1 - 2", "1.0.0-a 2.9.9", "3.0.0-a"),
        ("1.0.0-v1.2.3", "1.0.0-v1.2.3", "1.0.0-v1.2.3-spelled-out 1.0.0"),
        ("1.x || >=2.5.0 || 5.0.0 - 7.2.3", "1.2.3 2.5.0 6.0.0 5.0.0-a", "2.4.0"),
    ],
)
def test_with_prereleases_included(wanted: str, inside: str, outside: str) -> None:
    assert [each for each in inside.split() if not admits(wanted, each, True)] == []
    assert [each for each in outside.split() if admits(wanted, each, True)] == []


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        (">=1.0.0", "1.0.0 1.5.0", "1.5.0-a 2.0.0-a"),
        (">1.2.3-alpha.3", "1.2.3-alpha.7 3.4.5 1.2.3", "3.4.5-alpha.9 1.2.3-alpha.3"),
        (">=1.5.0-0 <2.0.0", "1.5.0-a 1.5.0 1.9.0", "1.6.0-a 2.0.0-a"),
        (">=1.0.0-a <2.0.0 || 3.0.0-b", "1.0.0-b 3.0.0-b", "2.0.0-a 3.0.0-c"),
        ("*", "1.0.0", "1.0.0-a"),
    ],
)
def test_else_only_where_the_range_names_one_of_the_same_three_numbers(
    wanted: str, inside: str, outside: str
) -> None:
    assert [each for each in inside.split() if not admits(wanted, each, False)] == []
    assert [each for each in outside.split() if admits(wanted, each, False)] == []


@pytest.mark.parametrize("text", ["foo", ">=1.0.0.0", "1.2.3 -2", ">=", "1.2.3beta", "=>1"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nvalid"):
        parse_range(text, False)


_NUMBER = st.integers(0, 3).map(str)
_FULL = st.builds(
    lambda a, b, c, p: f"{a}.{b}.{c}{p}",
    _NUMBER,
    _NUMBER,
    _NUMBER,
    st.sampled_from(["", "", "", "-a", "-a.1", "-b.2"]),
)
_PARTIAL = st.one_of(
    _FULL,
    _NUMBER,
    st.builds(lambda a, b: f"{a}.{b}", _NUMBER, _NUMBER),
    st.builds(lambda a, b: f"{a}.{b}.x", _NUMBER, _NUMBER),
    st.just("*"),
)
_COMPARATOR = st.builds(
    lambda sign, text: f"{sign}{text}",
    st.sampled_from(["", "=", ">", ">=", "<", "<=", "^", "~", "~>"]),
    _PARTIAL,
)
_SET = st.lists(_COMPARATOR, min_size=1, max_size=2).map(" ".join) | st.builds(
    lambda a, b: f"{a} - {b}", _FULL, _FULL
)
_RANGES = st.lists(_SET, min_size=1, max_size=2).map(" || ".join)


@given(_RANGES, _FULL)
def test_without_prereleases_the_library_agrees(wanted: str, text: str) -> None:
    try:
        expected = nodesemver.make_range(wanted, False).test(text)
    except ValueError:
        return
    if "-" in text and "-" in wanted:
        return  # the library does not close filled-in bounds before prereleases, as node does
    assert admits(wanted, text, False) is bool(expected)
