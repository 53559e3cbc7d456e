from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.registries.headers import LONGEST, Challenge, challenges, next_link

targets = st.text(st.characters(codec="latin-1", exclude_characters="<>\r\n"), min_size=1).map(
    str.strip
)
tokens = st.text(string.ascii_letters + string.digits + "-._", min_size=1)
texts = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"))


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    links=st.lists(
        st.tuples(
            targets,
            st.dictionaries(tokens.filter(lambda name: name.lower() != "rel"), texts, max_size=3),
            st.sampled_from(["next", "last", "prev", "nextest"]),
        )
    )
)
def test_the_next_link_is_found_among_any_others(
    links: list[tuple[str, dict[str, str], str]],
) -> None:
    header = ", ".join(
        f"<{target}>"
        + "".join(f"; {name}={quoted(value)}" for name, value in parameters.items())
        + f'; rel="{relation}"'
        for target, parameters, relation in links
    )
    assert next_link(header) == next((t for t, _, relation in links if relation == "next"), None)


def test_links_as_registries_write_them() -> None:
    assert next_link('</v2/x/tags/list?last=b&n=2>; rel="next"') == "/v2/x/tags/list?last=b&n=2"
    assert next_link("</a>;rel=next") == "/a"
    assert next_link("</a>; REL=NEXT") == "/a"
    assert next_link('</a>; rel="last"; rel="next"') is None
    assert next_link('nonsense, </a>; rel="first next"') == "/a"
    assert next_link('</a>; title="</b>; rel=\\"next\\""') is None
    assert next_link("") is None


@given(
    st.lists(
        st.tuples(tokens, st.dictionaries(tokens.map(str.lower), texts, max_size=4)), max_size=4
    )
)
def test_challenges_are_read_as_written(written: list[tuple[str, dict[str, str]]]) -> None:
    header = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        for scheme, parameters in written
    )
    assert challenges([header]) == tuple(
        Challenge(scheme.lower(), parameters) for scheme, parameters in written
    )


def test_challenges_as_registries_write_them() -> None:
    assert challenges(['Bearer realm="https://a/t",service="s",scope="repository:x:pull"']) == (
        Challenge("bearer", {"realm": "https://a/t", "service": "s", "scope": "repository:x:pull"}),
    )
    assert challenges(["Negotiate YWJj==, BASIC Realm=x", "Bearer realm=y"]) == (
        Challenge("negotiate"),
        Challenge("basic", {"realm": "x"}),
        Challenge("bearer", {"realm": "y"}),
    )
    assert challenges(["Negotiate"]) == (Challenge("negotiate"),)
    assert challenges([]) == challenges([""]) == challenges(['"?"']) == ()


@given(texts)
def test_no_header_breaks_the_reading(header: str) -> None:
    assert next_link(header) is None or "<" in header
    assert len(challenges([header])) <= len(header)


def repeated(unit: str) -> str:
    return (unit * LONGEST)[:LONGEST]


HOSTILE = ["<,", "<a", "<", "a ,", 'a="\\', '"\\', 'a"b,', " ", ",", "a=b,", ";a", '<x>;a="', "a "]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_header_is_read_in_a_moment(unit: str) -> None:
    """By the processor's time, with room for a machine of any speed: what takes n² steps of so
    many characters takes seconds."""
    began = time.process_time()
    for text in (repeated(unit), repeated(f"<x>{unit}"), "<x>" + repeated(unit)[3:]):
        next_link(text)
        challenges([text])
        challenges(["Bearer " + text[7:]])
    assert time.process_time() - began < 0.5


def test_what_is_too_long_is_not_read() -> None:
    """A link that is passed over would make a whole list of its first page."""
    with pytest.raises(ValueError, match="a Link header of more than 8,192 characters"):
        next_link(repeated("x") + '</a>; rel="next"')
    assert challenges(["Basic realm=x", repeated("x"), "Bearer realm=y"]) == (
        Challenge("basic", {"realm": "x"}),
    )
