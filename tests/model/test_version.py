"""Semantic versions as semver.org has them."""

from __future__ import annotations

import itertools

import nodesemver  # type: ignore[import-untyped]  # the library has no annotations
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.version import SemanticVersion

# semver.org, section 11, and the corners of its section 9
ASCENDING = [
    "0.9.9",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0--1",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
    "99999999999999999999.0.0",
]


def parse(text: str) -> SemanticVersion:
    version = SemanticVersion.parse(text)
    assert version is not None, text
    return version


def test_the_order_of_the_specification() -> None:
    versions = [parse(text) for text in ASCENDING]
    assert sorted(versions) == versions
    for lower, higher in itertools.pairwise(versions):
        assert lower < higher
        assert not higher < lower
        assert lower != higher


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3.4",
        "1.",
        "01",
        "2026",
        "20260301",
        "v12345678",
        "1234567-dirty",
        "1.2.3_a_b",
        "01.2.3",
        "1.02.3",
        "1.2.3-01",
        "1.2.3-",
        "1.2.3-a..b",
        "1.2.3+",
        "vv1.2.3",
        "1.2.3 ",
        "1.2.3\n",
        "-1.2.3",
        "1.2.3-é",
        "١.٢.٣",
        "latest",
    ],
)
def test_what_is_no_version_is_none(text: str) -> None:
    assert SemanticVersion.parse(text) is None


def test_build_metadata_and_the_letter_v_do_not_order() -> None:
    same = {parse("1.2.3"), parse("v1.2.3"), parse("1.2.3+build.5")}
    assert len(same) == 1
    assert str(parse("v1.2.3-rc.1+x")) == "1.2.3-rc.1"


def test_a_version_is_not_equal_to_its_text() -> None:
    assert parse("1.2.3") != "1.2.3"


identifiers = st.from_regex(
    r"(0|[1-9][0-9]{0,3}|[0-9]{0,2}[a-zA-Z-][0-9a-zA-Z-]{0,3})", fullmatch=True
)
numbers = st.integers(0, 20)


@st.composite
def texts(draw: st.DrawFn) -> str:
    core = ".".join(str(draw(numbers)) for _ in range(3))
    prerelease = ".".join(draw(st.lists(identifiers, max_size=3)))
    return f"{core}-{prerelease}" if prerelease else core


@given(texts(), texts())
def test_the_order_is_that_of_node(one: str, other: str) -> None:
    """Ranges are node's, so both must agree on what is higher."""
    first, second = parse(one), parse(other)
    expected = nodesemver.compare(one, other, loose=False)
    assert ((first > second) - (first < second)) == expected
    assert (first == second) is (expected == 0)
    assert str(first) == one


@pytest.mark.parametrize(
    ("text", "normal", "written"),
    [
        ("16", "16.0.0", 1),
        ("v1", "1.0.0", 1),
        ("V1.2", "1.2.0", 2),
        ("1.2-rc.1", "1.2.0-rc.1", 2),
        ("16-alpine", "16.0.0-alpine", 1),
        ("1.2.3_build.5", "1.2.3", 3),
        ("1.2.3-rc.1_5", "1.2.3-rc.1", 3),
        ("0", "0.0.0", 1),
        ("2026.3", "2026.3.0", 2),
    ],
)
def test_tags_leave_numbers_out_and_write_build_metadata_behind_an_underscore(
    text: str, normal: str, written: int
) -> None:
    version = parse(text)
    assert (str(version), version.written) == (normal, written)
    assert version == parse(normal)
