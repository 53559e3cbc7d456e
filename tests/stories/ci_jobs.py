"""The jobs that docs/promote.md shows, run as their CI systems run them: in an empty directory, by
a shell, with nothing but variables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_ROOT = Path(__file__).resolve().parents[2]
_DOCS = (_ROOT / "docs/promote.md").read_text("utf-8")
_KEPT = ("PATH", "HOME", "NO_COLOR", "GIT_CONFIG_NOSYSTEM")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def snippet(heading: str) -> str:
    """The code below a heading of the page."""
    section = _DOCS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"^```\w+\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(code)


def read_yaml(heading: str) -> Any:
    return YAML(typ="safe").load(snippet(heading))


def github_script(step: str) -> str:
    """The script of a step."""
    steps = read_yaml("GitHub Actions")["jobs"]["promote"]["steps"]
    (found,) = (each["run"] for each in steps if each.get("id") == step)
    return str(found)


def gitlab_script(job: str) -> str:
    return "\n".join(read_yaml("GitLab CI")[job]["script"])


def tekton_script(results: Path) -> str:
    """The script of the only step; its folder of results lies elsewhere here."""
    (step,) = read_yaml("Tekton")["spec"]["steps"]
    script = str(step["script"])
    assert script.count("/tekton/results") == 1
    return script.replace("/tekton/results", str(results))


def jenkins_script() -> str:
    (script,) = re.findall(r"sh '''\n(.*?)'''", snippet("Jenkins"), re.DOTALL)
    return textwrap.dedent(str(script))


def run_job(script: str, folder: Path, variables: Mapping[str, str], shell: str = "sh") -> Ran:
    """`promoter` is on the PATH, as it is in the job's container."""
    programs = folder.parent / "bin"
    programs.mkdir(exist_ok=True)
    command = programs / "promoter"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m promoter "$@"\n')
    command.chmod(0o755)
    folder.mkdir()
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept["PATH"] = f"{programs}:{kept['PATH']}"
    done = subprocess.run(
        [shell, "-e", "-c", script],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(_ROOT), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
