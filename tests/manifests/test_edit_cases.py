"""The measured edits of real files, by explicit pointers, in every kind of file end and ending."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from promoter.manifests import Setting, set_values
from promoter.manifests.nodes import pointer
from tests.needs import need

BOM = b"\xef\xbb\xbf"
Rewrite = Callable[[bytes], bytes]
REWRITES: dict[str, Rewrite] = {
    "CRLF": lambda content: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "BOM": lambda content: BOM + content.removeprefix(BOM),
    "no final newline": lambda content: content.rstrip(b"\r\n"),
}


@cache
def cases(corpus: Path) -> list[dict[str, Any]]:
    lines = (corpus / "edit_cases.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def edited(case: dict[str, Any], content: bytes) -> bytes:
    setting = Setting(pointer(tuple(map(str, case["path"]))), case["new"], case["doc"])
    return set_values(case["file"], content, [setting], shared=True)


def test_all_come_out_as_the_expected_files() -> None:
    corpus = need("shared/corpus")
    assert len(cases(corpus)) == 2241
    for case in cases(corpus):
        after = edited(case, (corpus / case["repo"] / case["file"]).read_bytes())
        assert hashlib.sha256(after).hexdigest() == case["expect_sha256"], case


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("kind", REWRITES)
def test_a_file_that_is_rewritten_gets_the_same_edit_rewritten(kind: str, every: int) -> None:
    """The expected bytes are those of the original's edit (the test above), rewritten."""
    corpus, rewrite = need("shared/corpus"), REWRITES[kind]
    for case in cases(corpus)[::every]:
        before = (corpus / case["repo"] / case["file"]).read_bytes()
        after = edited(case, rewrite(before))
        expected = rewrite(edited(case, before))
        assert after == expected, case
