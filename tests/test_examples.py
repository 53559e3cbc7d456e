"""The rule files that we show are files that load, and find what their comments promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promoter.rules import discover, load_rules

FOLDER = Path(__file__).parents[1] / "rules"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))


def test_there_are_examples_and_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in EXAMPLES}
    assert {
        "shop-kustomize.yaml",
        "helm-values.yaml",
        "moving-tag.yaml",
        "several-images.yaml",
        "merge-requests.yaml",
        "windows.yaml",
        "regions.yaml",
        "several-repositories.yaml",
        "one-merge-request.yaml",
    } <= {path.name for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_loads_and_finds_the_targets_of_its_comment(path: Path) -> None:
    text = path.read_text("utf-8")
    (rule,), errors = load_rules({path.name: text})
    assert errors == ()
    # The layout at the top of each example: `#   some/path   <- target: web in dev`
    shown = re.findall(r"^#   ([\w./-]+?)(?:\.\.\.)?(?: +<- target: (.+))?$", text, re.MULTILINE)
    files = [f"{file}x.yaml" if file.endswith("/") else file for file, _ in shown]
    discovery = discover(rule, rule.repository, files)
    assert discovery.problems == ()
    assert {str(target) for target in discovery.targets} == {name for _, name in shown if name}
