"""What kustomize makes of a folder, and the parts of it that tests look at."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.deploy.places import KUSTOMIZE, documents
from tests.deploy.pod_security import pods
from tests.needs import need

BASE = KUSTOMIZE / "base"


def render(folder: Path) -> Sequence[Any]:
    """The objects that `kubectl apply -k` would send."""
    return documents(_render(folder))


@cache
def _render(folder: Path) -> str:
    command = [str(need("kubectl")), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def the(kind: str, objects: Sequence[Any]) -> Any:
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def the_pod(objects: Sequence[Any]) -> Any:
    (found,) = (pod for each in objects for pod in pods(each))
    return found


def the_template(objects: Sequence[Any]) -> Any:
    """Of the pods that a Deployment makes."""
    return the("Deployment", objects)["spec"]["template"]


def settings_of(pod: Any) -> dict[str, str]:
    (container,) = pod["containers"]
    return {each["name"]: each["value"] for each in container["env"]}
