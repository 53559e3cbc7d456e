"""`promoter edit --set` on real files: the bytes that somebody else computed, to the byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.needs import need
from tests.stories.shop import Terminal

_EVERY = 15  # all of them are tried where the editor itself is tested; here is the way to it


def test_sets_what_the_corpus_expects(workdir: Path) -> None:
    corpus = need("shared/corpus")
    promoter = Terminal()
    lines = (corpus / "edit_cases.jsonl").read_text("utf-8").splitlines()[::_EVERY]
    assert len(lines) > 100
    for case in map(json.loads, lines):
        before = (corpus / case["repo"] / case["file"]).read_bytes()
        file = workdir / Path(case["file"]).name
        file.write_bytes(before)
        pointer = _pointer(case["path"])
        shared = ["--shared"] if case["shared"] else []
        words = ("--set", f"{pointer}={case['new']}", "--document", str(case["doc"]), *shared)
        said = promoter("edit", file.name, *words, "--output", "json")
        ((edited,), (change,)) = said.json["files"], said.json["files"][0]["changes"]
        assert edited["path"] == file.name
        assert change == {
            "line": case["line"],
            "document": case["doc"],
            "pointer": pointer,
            "old": case["old"],
            "new": case["new"],
        }
        assert case["expect_sha256"] in _digests(file.read_bytes(), case["new"]), case


def _pointer(path: list[Any]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _digests(content: bytes, value: str) -> set[str]:
    """Of the content with either kind of quote around the value: which one is a matter of taste."""
    single, double = f"'{value}'".encode(), f'"{value}"'.encode()
    texts = (content, content.replace(single, double), content.replace(double, single))
    return {hashlib.sha256(each).hexdigest() for each in texts}
