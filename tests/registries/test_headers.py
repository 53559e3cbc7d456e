from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from promoter.registries.headers import Challenge, challenges, next_link

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
