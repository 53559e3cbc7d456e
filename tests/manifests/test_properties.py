"""Properties of edits of real files: there and back, nothing else, both parsers, refusals."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from promoter.errors import InputError
from promoter.manifests import Setting, set_values
from promoter.manifests.events import parse
from promoter.manifests.nodes import pointer
from promoter.manifests.quoting import is_plain
from tests.manifests.oracle import Spot, leaves, lies_below, load, manifests_in, scalars_in
from tests.needs import need

VALUES = st.sampled_from(
    ["v9.9.9", "1.10", "yes", "null", "0x1F", "a: b", "x #y", "é", "", "'", "sha256:" + "1" * 64]
) | st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), max_size=10).filter(
    str.isprintable
)
NAMES = st.from_regex(r"[a-z]{1,8}[0-9]{1,3}", fullmatch=True)


@cache
def corpus_files(corpus: Path) -> tuple[Path, ...]:
    return tuple(file for file in manifests_in(corpus) if file.stat().st_size < 6_000)


@cache
def spots_of(file: Path) -> tuple[Spot, ...]:
    return tuple(scalars_in(file.read_bytes()))


@settings(max_examples=150)
@given(data=st.data())
def test_a_sequence_of_edits_and_its_inverse_give_the_original_bytes(data: st.DataObject) -> None:
    """Old values that were written as the editor would write them; one that is plain and reads
    as a number is text from the first edit on, so there is no way back to it."""
    file = data.draw(st.sampled_from(corpus_files(need("shared/corpus"))))
    original = content = file.read_bytes()
    undo: list[Setting] = []
    spots = spots_of(file)
    for spot in data.draw(st.lists(st.sampled_from(spots), max_size=4) if spots else st.just([])):
        old = scalars_in(content)[spot]
        if not old.value or (not old.style and not is_plain(old.value, flow=True)):
            continue
        setting = Setting(pointer(spot[1]), data.draw(NAMES), spot[0])
        try:
            after = set_values("a.yaml", content, [setting])
            back = set_values("a.yaml", after, [Setting(setting.pointer, old.value, spot[0])])
        except InputError:
            continue
        if "\\" in old.value or ("\\" in content.decode() and old.style == '"'):
            continue  # an escape may have been spelled in another way
        assert back == content
        undo.append(Setting(setting.pointer, old.value, spot[0]))
        content = after
    for setting in reversed(undo):
        content = set_values("a.yaml", content, [setting])
    assert content == original


@settings(max_examples=150)
@given(data=st.data())
def test_an_edit_changes_its_own_path_and_no_other_for_any_reader(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(corpus_files(need("shared/corpus"))))
    content, spots = file.read_bytes(), spots_of(file)
    if not spots:
        return
    chosen = data.draw(st.lists(st.sampled_from(spots), min_size=1, max_size=3, unique=True))
    values = {spot: data.draw(VALUES) for spot in chosen}
    changes = [Setting(pointer(path), value, number) for (number, path), value in values.items()]
    try:
        after = set_values("a.yaml", content, changes)
    except InputError:
        return
    events = {parse("a.yaml", after, pure=pure).events for pure in _readers(content)}
    assert len(events) == 1
    for pure in (False, True):
        old, new = load(content, pure=pure), load(after, pure=pure)
        was, now = leaves(old or []), leaves(new or [])
        if old is None or was is None or now is None:
            continue
        differing = {spot for spot in was.keys() | now.keys() if was.get(spot) != now.get(spot)}
        assert all(any(lies_below(spot, each) for each in chosen) for spot in differing)
        for spot, value in values.items():
            # What stands there already, as a text, is left as it is: `false` for "false".
            if spot in now and not _reads_alike(was[spot], value):
                assert now[spot] == ("str", value)


def _reads_alike(leaf: object, value: str) -> bool:
    if not isinstance(leaf, tuple):
        return False
    kind, text = map(str, leaf)
    return text.casefold() == value.casefold() or (kind == "NoneType" and value in ("null", "~"))


def _readers(content: bytes) -> list[bool]:
    """The parsers that can read the file at all."""
    able = []
    for pure in (False, True):
        try:
            parse("a.yaml", content, pure=pure)
        except InputError:
            continue
        able.append(pure)
    return able
