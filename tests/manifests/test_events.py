"""Bytes to nodes: places are right in every encoding and line ending, and errors have theirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.errors import InputError
from promoter.manifests.events import Stream, parse
from promoter.manifests.nodes import Alias, Mapping, Node, Scalar, Sequence, mappings, pointer

TOKENS = [
    *"ab:-?[]{},#&*!|>'\"%@`\t \n01~=.",
    *("a: ", "- ", "&a ", "*a", "<<: ", "--- ", "...\n", "\r\n", "\r", "|2\n", ">-\n"),
    *("\ufeff", "\x85", "\u2028", "é", "😀", "\x00", '"\\U', "ffffffff", "%YAML 1.2\n"),
    *("%YAML 99999999999999999999.1\n", "%TAG ! x\n", "!!str ", "!<x> ", "!%ff "),
]


def scalars(node: Node) -> list[Scalar]:
    if isinstance(node, Scalar):
        return [node]
    if isinstance(node, Mapping):
        return [found for entry in node.entries for each in entry for found in scalars(each)]
    items = node.items if isinstance(node, Sequence) else ()
    return [found for each in items for found in scalars(each)]


def places(stream: Stream) -> dict[str, str]:
    found = [each for document in stream.documents for each in scalars(document.root)]
    return {each.value: stream.text[each.start : each.end] for each in found}


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_place_is_the_scalars_own_text(pure: bool, bom: bytes, ending: bytes) -> None:
    lines = ["# é 😀", "naïve: 'x''y'", 'k: &a "z"', "list: [1.10, b]", "--- # two", "last: w"]
    content = bom + ending.join(line.encode() for line in lines)
    stream = parse("a.yaml", content, pure=pure)
    assert stream.content == content
    assert places(stream) == {
        **{each: each for each in ("naïve", "k", "list", "1.10", "b", "last", "w")},
        "x'y": "'x''y'",
        "z": '&a "z"',
    }


def test_lines_and_columns_count_from_one() -> None:
    stream = parse("a.yaml", "é: 😀\r\n  \r\nb: c".encode())
    root = stream.documents[0].root
    assert isinstance(root, Mapping)
    assert [str(stream.where(value.start)) for _, value in root.entries] == [
        "a.yaml:1:4",
        "a.yaml:3:4",
    ]


def test_an_alias_leads_to_the_anchor_before_it() -> None:
    stream = parse("a.yaml", b"a: &x 1\nb: *x\nc: &x 2\nd: *x\n")
    document = stream.documents[0]
    targets = [alias.target for alias in document.aliases]
    assert [each.value for each in targets if isinstance(each, Scalar)] == ["1", "2"]
    assert len(targets) == 2


def test_an_alias_inside_of_what_it_names_has_no_target() -> None:
    document = parse("a.yaml", b"a: &x\n  b: *x\n").documents[0]
    assert isinstance(document.root, Mapping)
    inner = document.root.get("a")
    assert inner is not None
    assert document.aliases[0].target is None
    assert document.aliases_of(inner) == document.aliases


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    stream = parse("a.yaml", "\n".join(lines).encode())
    assert len(stream.documents[0].aliases) == 29 * 9
    assert isinstance(stream.documents[0].aliases[0], Alias)


@pytest.mark.parametrize(
    "content",
    [b"a:\tb\n", b"{image: nginx:1.2}\n"],
    ids=["only the C parser takes a tab", "only the pure parser takes a colon in a flow"],
)
def test_what_one_parser_refuses_the_other_takes(content: bytes) -> None:
    assert len(parse("a.yaml", content).documents) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: [\n", "a.yaml:3:1: is not YAML: "),
        (b"a: 1\nb: \x00\n", "a.yaml:2: is not YAML: special characters are not allowed (U+0000)"),
        (b"a: 1\nb: \xff\n", "a.yaml:2: is not UTF-8; save it as UTF-8"),
        ("a: 1".encode("utf-16"), "a.yaml: is UTF-16; save it as UTF-8"),
        (b"[" * 300, "a.yaml: is not YAML: nested deeper than 200 levels"),
        (b"\xef\xbb\xbf\xef\xbb\xbfa: 1", "a.yaml:1:1: begins with two byte order marks"),
        (b'"\\Uffffffff"', "a.yaml: is not YAML: "),
    ],
)
def test_an_error_says_where_and_what(content: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse("a.yaml", content)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(InputError, match=r"a\.yaml: has 52,428,801 bytes; only files up to 50 MiB"):
        parse("a.yaml", b"\xff" * (50 * 1024 * 1024 + 1))


@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
def test_any_text_is_parsed_or_refused_as_input(text: str) -> None:
    try:
        stream = parse("a.yaml", text.encode())
    except InputError:
        return
    assert stream.content == text.encode()


def test_paths_become_json_pointers() -> None:
    root = parse("a.yaml", b"a/b:\n  - {}\n  - c~d: {}\n").documents[0].root
    assert [pointer(path) for path, _ in mappings(root)] == [
        "",
        "/a~1b/0",
        "/a~1b/1",
        "/a~1b/1/c~0d",
    ]
