"""Scalars are replaced and keys inserted; nothing else differs, or the edit is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from promoter.errors import InputError
from promoter.manifests.changes import Change, InsertKey, SetScalar
from promoter.manifests.events import parse
from promoter.manifests.proof import Patch, proved
from promoter.manifests.splice import splice


def changed(content: str, *changes: Change, shared: bool = False) -> str:
    stream = parse("a.yaml", content.encode())
    return splice(stream, changes, shared=shared).content.decode()


def put(path: str, value: str = "v2", document: int = 0) -> SetScalar:
    return SetScalar(document, tuple(path.split("/")), value)


def insert(path: str, key: str = "digest", value: str = "d") -> InsertKey:
    return InsertKey(0, tuple(path.split("/")), key, value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tag: v1\n", "tag: v2\n"),
        ("tag:   v1   # why\n", "tag:   v2   # why\n"),
        ("tag: 'v1'\n", "tag: 'v2'\n"),
        ('tag: "v1"', 'tag: "v2"'),
        ("# c\r\n\r\ntag: v1 # x\r\nb: 1\r\n", "# c\r\n\r\ntag: v2 # x\r\nb: 1\r\n"),
        ("\ufeffé: 😀\ntag: v1\n", "\ufeffé: 😀\ntag: v2\n"),
        ("tag:\nb: 1\n", "tag: v2\nb: 1\n"),
        ("tag:   # fill\n", "tag: v2   # fill\n"),
        ("tag: ~\n", "tag: v2\n"),
        ("tag: null # c\n", "tag: v2 # c\n"),
        ("tag: ''\n", "tag: 'v2'\n"),
        ('tag: ""\n', 'tag: "v2"\n'),
        ("tag: &t v1\nb: 1\n", "tag: &t v2\nb: 1\n"),
        ("tag: !!str 1.0\n", "tag: !!str v2\n"),
        ("tag:\n  # above\n  v1\n", "tag:\n  # above\n  v2\n"),
        ("{a: 1, tag: v1, b: 2}\n", "{a: 1, tag: v2, b: 2}\n"),
        ("{a: 1, tag: , b: 2}\n", "{a: 1, tag: v2 , b: 2}\n"),
        ('{"a": 1, "tag": null}\n', '{"a": 1, "tag": "v2"}\n'),
        ("? tag\n: v1\n", "? tag\n: v2\n"),
    ],
)
def test_a_scalar_is_replaced_in_its_own_style(before: str, after: str) -> None:
    assert changed(before, put("tag")) == after


def test_the_second_document_is_found_behind_comments_and_markers() -> None:
    before = "# top\n---\ntag: v1\n...\n# between\n---\ntag: v1\n"
    after = "# top\n---\ntag: v1\n...\n# between\n---\ntag: v2\n"
    assert changed(before, put("tag", document=1)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- name: x\n  newTag: v1 # c\n- b\n", "- name: x\n  newTag: v1 # c\n  digest: d\n- b\n"),
        ("- newTag: v1\n  name: x\n", "- newTag: v1\n  digest: d\n  name: x\n"),
        ("-   newTag: v1\r\n", "-   newTag: v1\r\n    digest: d\r\n"),
        ("- newTag: 'v1'\n", "- newTag: 'v1'\n  digest: 'd'\n"),
        ("- name: x\n  newTag: v1", "- name: x\n  digest: d\n  newTag: v1"),
        ("- newTag: v1", "- newTag: v1\n  digest: d"),
        ("# c\r\n- newTag: v1", "# c\r\n- newTag: v1\r\n  digest: d"),
        ("- newTag:\n  name: x\n", "- newTag:\n  digest: d\n  name: x\n"),
        ("- {name: x, newTag: v1} # c\n", '- {name: x, newTag: v1, digest: "d"} # c\n'),
        ("- {newTag: 'v1', name: x}\n", "- {newTag: 'v1', digest: 'd', name: x}\n"),
        ('[{"newTag": "v1"}]\n', '[{"newTag": "v1", "digest": "d"}]\n'),
        ('[{\n  "newTag": "v1"\n}]\n', '[{\n  "newTag": "v1", "digest": "d"\n}]\n'),
    ],
)
def test_a_missing_key_is_put_after_its_sibling(before: str, after: str) -> None:
    assert changed(before, insert("0/newTag")) == after


def test_nested_dashes_keep_the_column_of_the_key() -> None:
    assert changed("- - newTag: v1\n", insert("0/0/newTag")) == "- - newTag: v1\n    digest: d\n"


def test_a_batch_is_one_edit() -> None:
    before = "images:\n- {newTag: , name: a}\n- name: b\n# end\nx: 1\n"
    after = changed(
        before,
        put("images/0/newTag"),
        insert("images/0/newTag"),
        insert("images/1/name", "newTag", "1.10"),
        insert("images/1/name", "digest"),
        put("x", "yes"),
    )
    assert after == (
        'images:\n- {newTag: v2, digest: "d" , name: a}\n- name: b\n  newTag: "1.10"\n'
        '  digest: d\n# end\nx: "yes"\n'
    )


def test_what_stands_already_changes_nothing_and_asks_nothing() -> None:
    content = "a: &a {tag: v2}\nb: *a\n"
    assert changed(content, put("a/tag")) == content


@pytest.mark.parametrize(
    ("content", "change", "message"),
    [
        ("a: 1\ntag: |\n  v1\n", put("tag"), "a.yaml:2:6: the value spans several lines"),
        ("tag: v1\n  v1\n", put("tag"), "a.yaml:1:6: the value spans several lines"),
        ("tag: 'v\n  1'\n", put("tag"), "a.yaml:1:6: the value spans several lines"),
        ("a: &v v1\ntag: *v\n", put("tag"), "a.yaml:2:6: the value is the alias *v"),
        (
            "tag: &v v1\nb: *v\nc: *v\n",
            put("tag"),
            "a.yaml:1:6: &v is used again by alias: /b (line 2), /c (line 3) would change with it",
        ),
        ("a: &a\n  tag: v1\nb: {<<: *a}\n", put("a/tag"), "a.yaml:1:4: &a is used again"),
        ("a: &a\n  tag: v1\nb: *a\n", insert("a/tag"), "a.yaml:1:4: &a is used again"),
        ("a: &a\n  tag: v1\n  b: *a\n", put("a/tag"), "a.yaml:1:4: &a is used again"),
        ("a: &a {tag: v1}\nb: *a\n", put("b/tag"), "a.yaml:2:4: /b is the alias *a; name the path"),
        ("tag: v1\ntag: v3\n", put("tag"), "a.yaml:2:1: the key 'tag' stands 2 times (lines 1, 2)"),
        ("a: {tag: v1}\na: {}\n", put("a"), "a.yaml:2:1: the key 'a' stands 2 times"),
        ("tag: ${TAG}\n", put("tag"), "a.yaml:1:6: the value is a template expression (${TAG})"),
        ("tag: '{{ .t }}'\n", put("tag"), "a.yaml:1:6: the value is a template expression"),
        ("tag: !!int 1\n", put("tag"), "a.yaml:1:6: the value has the type tag:yaml.org,2002:int"),
        ("tag: [v1]\n", put("tag"), "a.yaml:1:6: is a list where one value"),
        ("tag: &v\n", put("tag"), "a.yaml:1:6: has no value that could be replaced"),
        ("- \n", put("0"), "a.yaml:1:2: has no value that could be replaced"),
        ("a: {tag}\n", put("a/tag"), "a.yaml:1:8: has no value that could be replaced"),
        ("tag: v1\n", put("tag", "a\nb"), "a.yaml:1:6: can't be set: 'a\\nb' holds control"),
        ("tag: v1\n", put("a/tag"), "a.yaml:1:1: the document exists, it has no 'a'"),
        ("tag: v1\n", put("tag", document=1), "a.yaml:1:1: has no document 2"),
        ("tag: v1\ndigest: c\n", insert("tag"), "a.yaml:1:1: the key 'digest' stands already"),
        ("tag: |\n  v1\n", insert("tag"), "a.yaml:1:6: spans several lines"),
        ("- v1\n", insert("0"), "a.yaml:1:3: is not in a mapping"),
        ("? tag\n: v1\n", insert("tag"), "a.yaml:3:1: can't be edited safely here"),
    ],
)
def test_what_cannot_beproved_is_refused_with_its_place(
    content: str, change: Change, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        changed(content, change)
    assert str(caught.value).startswith(message)


def test_two_values_for_one_place_are_refused() -> None:
    with pytest.raises(InputError, match="is changed twice"):
        changed("tag: v1\n", put("tag"), put("tag", "v3"))


def test_a_shared_value_is_changed_on_an_explicit_yes() -> None:
    before, after = "tag: &v v1\nb: *v\n", "tag: &v v2\nb: *v\n"
    assert changed(before, put("tag"), shared=True) == after


@pytest.mark.parametrize(
    ("patch", "kept"),
    [
        (Patch(5, 7, "v2", 5, 1, (("ScalarEvent", None, None, "v2", ""),), 0), True),
        (Patch(5, 7, "v2", 5, 1, (("ScalarEvent", None, None, "v3", ""),), 0), False),
        (Patch(5, 7, "v2 # c", 5, 1, (("ScalarEvent", None, None, "v2", ""),), 1), False),
        (Patch(11, 14, "", 0, 0, (), 0), False),
        (Patch(0, 0, "# c\n", 0, 0, (), 0), False),
    ],
    ids=["right", "other value", "other line", "comment lost", "line added"],
)
def test_the_proof_fails_where_more_or_less_than_the_intended_differs(
    patch: Patch, kept: bool
) -> None:
    before = parse("a.yaml", b"tag: v1\nb: # c\n")
    position = next(i for i, event in enumerate(before.events) if "v1" in event)
    placed = replace(patch, position=position if patch.removed else 0)
    if kept:
        assert proved(before, [placed]).text == "tag: v2\nb: # c\n"
    else:
        with pytest.raises(InputError, match="can't be edited safely"):
            proved(before, [placed])


OLD = st.sampled_from(["v1", "'v1'", '"v1"', "", "~", '""', "1.0", "!!str v1"])
COMMENT = st.sampled_from(["", " # c", "   "])
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=12).filter(
    str.isprintable
)


@given(
    lines=st.lists(st.tuples(OLD, COMMENT), min_size=1, max_size=5),
    indent=st.sampled_from(["", "  "]),
    dash=st.sampled_from(["- ", "-   "]),
    ending=st.sampled_from(["\n", "\r\n"]),
    final=st.booleans(),
    bom=st.booleans(),
    pick=st.integers(0, 4),
    value=PRINTABLE | st.sampled_from(["yes", "1.10", "0x1F", "2024-01-02"]),
)
def test_a_set_and_an_inserted_value_read_back_by_both_parsers(
    lines: list[tuple[str, str]],
    indent: str,
    dash: str,
    ending: str,
    final: bool,
    bom: bool,
    pick: int,
    value: str,
) -> None:
    entries = [f"{indent}{dash}k: {old}{comment}" for old, comment in lines]
    before = ("\ufeff" if bom else "") + ending.join(["l:", *entries]) + (ending if final else "")
    chosen = pick % len(lines)
    change = put(f"l/{chosen}/k", value)
    after = changed(before, change, insert(f"l/{chosen}/k", "new", value))
    for pure in (False, True):
        loaded = YAML(typ="safe", pure=pure).load(after.removeprefix("\ufeff"))
        assert loaded["l"][chosen] == {"k": value, "new": value}
        untouched = YAML(typ="safe", pure=pure).load(before.removeprefix("\ufeff"))
        assert [e for i, e in enumerate(loaded["l"]) if i != chosen] == [
            e for i, e in enumerate(untouched["l"]) if i != chosen
        ]
    kept = after.split(ending)
    for number, line in enumerate(before.split(ending)):
        if number != chosen + 1:
            assert line in kept


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [("3", "5", "5"), ("true", "false", "false"), ("1.2", "1.3", '"1.3"'), ("3", "yes", '"yes"')],
)
def test_a_number_or_a_truth_value_that_a_person_sets_stays_one(
    old: str, new: str, written: str
) -> None:
    """Kubernetes takes no `replicas: "5"`; a version is text even where it looks like a number."""
    change = SetScalar(0, ("replicas",), new, explicit=True)
    after = splice(parse("a.yaml", f"replicas: {old}\n".encode()), [change])
    assert after.content == f"replicas: {written}\n".encode()
