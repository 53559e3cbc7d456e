"""Where the files of deploy/ are, and how one reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUSTOMIZE = DEPLOY / "kustomize"
GITHUB = DEPLOY / "github/action.yml"
GITLAB = DEPLOY / "gitlab/promote.gitlab-ci.yml"
TEKTON = DEPLOY / "tekton/promote-task.yaml"


def documents(text: str) -> Sequence[Any]:
    return list(YAML(typ="safe").load_all(text))
