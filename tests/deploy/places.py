"""Where the files of deploy/ are, and how one reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.needs import need

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUSTOMIZE = DEPLOY / "kustomize"
GITHUB = DEPLOY / "github/action.yml"
GITLAB = DEPLOY / "gitlab/promote.gitlab-ci.yml"
TEKTON = DEPLOY / "tekton/promote-task.yaml"


def documents(text: str) -> Sequence[Any]:
    return list(YAML(typ="safe").load_all(text))


def render(folder: Path) -> Sequence[Any]:
    """The objects that `kubectl apply -k` would send."""
    return documents(_render(folder))


@cache
def _render(folder: Path) -> str:
    command = [str(need("kubectl")), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
