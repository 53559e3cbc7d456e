"""README shows what really runs: its console blocks are held against the demo's own output."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promoter.cli import main
from promoter.rules import load_rules

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _timeless(text: str) -> str:
    """How long the soak has lasted depends on the machine."""
    return re.sub(r"for \ds of", "for 0s of", text)


def test_the_demo_prints_what_readme_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PROMOTER_RULES", "PROMOTER_REGISTRIES", "PROMOTER_CACHE"):
        monkeypatch.setenv(name, "")  # so that what the demo exports is undone afterwards
    folder = tmp_path / "shop"
    assert main(["demo", "--in", str(folder)]) == 0
    printed = capsys.readouterr().out.replace(str(folder), "/tmp/shop")
    shown = next(block for block in _blocks("console") if "$ promoter plan" in block)
    lines = iter(_timeless(printed).splitlines())
    for line in _timeless(shown).splitlines():
        if line:
            assert any(each == line for each in lines), f"README shows, in this order: {line}"


def test_the_rule_file_in_readme_is_one() -> None:
    (text,) = (block for block in _blocks("yaml") if "artifacts:" in block)
    rules, errors = load_rules({"rules/shop.yaml": text})
    assert not errors
    assert [each.name for each in rules[0].environments] == ["dev", "staging", "production"]


def test_every_file_that_readme_links_to_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
