"""README holds a rule file that is one, and links to what exists; its console blocks are held
against the demo in `cli/test_demo.py`."""

from __future__ import annotations

import re
from pathlib import Path

from promoter.rules import load_rules

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_rule_file_in_readme_is_one() -> None:
    (text,) = (block for block in _blocks("yaml") if "artifacts:" in block)
    rules, errors = load_rules({"rules/shop.yaml": text})
    assert not errors
    assert [each.name for each in rules[0].environments] == ["dev", "staging", "production"]


def test_every_file_that_readme_links_to_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
