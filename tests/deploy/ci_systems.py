"""CI systems, as far as their files in deploy/ and docs/promote.md ask for it: inputs are filled in
as each system does, and scripts run in an empty directory, by the shell that it takes, with nothing
but variables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.ci import read_github
from tests.deploy.places import GITHUB, GITLAB, ROOT, TEKTON, documents

_KEPT = ("PATH", "HOME", "NO_COLOR", "GIT_CONFIG_NOSYSTEM")
_DOCS = (ROOT / "docs/promote.md").read_text("utf-8")

Texts = Mapping[str, str]


@dataclass(frozen=True)
class Ran:
    """How a script ended, and the values that it hands on."""

    code: int
    out: str
    err: str
    told: Texts


def snippet(heading: str) -> str:
    """The code below a heading of docs/promote.md."""
    section = _DOCS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"^```\w+\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(code)


def run_script(
    script: str, folder: Path, variables: Texts, shell: Sequence[str] = ("sh", "-e", "-c")
) -> Ran:
    """`promoter` is on the PATH, as it is in the job's container."""
    programs = folder.parent / "bin"
    programs.mkdir(exist_ok=True)
    command = programs / "promoter"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m promoter "$@"\n')
    command.chmod(0o755)
    folder.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept["PATH"] = f"{programs}:{kept['PATH']}"
    done = subprocess.run(
        [*shell, script],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout, done.stderr, {})


def run_with_dotenv(script: str, folder: Path, variables: Texts, report: str) -> Ran:
    """The same; what it hands on stands in a dotenv report, PROMOTION_RELEASE_ID as release-id."""
    ran = run_script(script, folder, variables)
    file = folder / report
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    pairs = [line.removeprefix("PROMOTION_").split("=", 1) for line in lines]
    told = {name.lower().replace("_", "-"): value for name, value in pairs}
    return Ran(ran.code, ran.out, ran.err, told)


def _fill(text: Any, pattern: str, values: Texts) -> str:
    """Every expression must be one that is known here: the files hold no cleverer ones."""
    return re.sub(pattern, lambda found: values[found[1]], str(text))


# GitHub ------------------------------------------------------------------------------------------

_GITHUB = r"\$\{\{ ([\w.-]+) \}\}"


def github_step() -> Mapping[str, Any]:
    """The step of the docs that uses the action."""
    (document,) = documents(snippet("GitHub Actions"))
    step, following = document["jobs"]["promote"]["steps"]
    assert following["env"]["URL"] == "${{ steps.promote.outputs.merge-request-url }}"
    return dict(step)


def run_github(given: Texts, folder: Path, job: Texts, context: Texts) -> Ran:
    """The composite action with `given` in `with:`; `context` is what else expressions name."""
    (action,) = documents(GITHUB.read_text("utf-8"))
    inputs = action["inputs"]
    assert given.keys() <= inputs.keys()
    assert {name for name, each in inputs.items() if each.get("required")} <= given.keys()
    values = {**context}
    for name, each in inputs.items():
        values[f"inputs.{name}"] = _fill(given.get(name, each.get("default", "")), _GITHUB, context)
    folder.mkdir(exist_ok=True)
    (temporary := folder / "temporary").mkdir(exist_ok=True)
    job = {"GITHUB_ACTION_PATH": str(GITHUB.parent), "RUNNER_TEMP": str(temporary), **job}
    path = job.pop("PATH", None)
    ran = Ran(0, "", "", {})
    for number, step in enumerate(action["runs"]["steps"]):
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        files = {f"GITHUB_{name}": str(folder / f"{name}-{number}") for name in ("OUTPUT", "PATH")}
        files["GITHUB_STEP_SUMMARY"] = str(folder / "summary")
        environment = {
            name: _fill(each, _GITHUB, values) for name, each in step.get("env", {}).items()
        }
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
        if path is not None:
            environment["PATH"] = path
        ran = run_script(step["run"], folder / "job", {**job, **files, **environment}, shell)
        if (added := Path(files["GITHUB_PATH"])).exists():
            path = ":".join([*added.read_text("utf-8").split(), path or os.environ["PATH"]])
        output = Path(files["GITHUB_OUTPUT"])
        told = read_github(output.read_text("utf-8")) if output.exists() else {}
        values |= {f"steps.{step.get('id')}.outputs.{name}": each for name, each in told.items()}
        if ran.code:
            break
    outputs = {
        name: _fill(each["value"], _GITHUB, {**dict.fromkeys(_names(each["value"]), ""), **values})
        for name, each in action["outputs"].items()
    }
    return Ran(ran.code, ran.out, ran.err, outputs)


def _names(text: str) -> Sequence[str]:
    return re.findall(_GITHUB, text)


# GitLab ------------------------------------------------------------------------------------------

_GITLAB = r"\$\[\[ inputs\.([\w-]+) \]\]"


def gitlab_pipeline() -> Mapping[str, Any]:
    (document,) = documents(snippet("GitLab CI"))
    return dict(document)


def gitlab_job(given: Texts) -> tuple[str, dict[str, Any]]:
    """The job's name and the job, as GitLab makes them of the inputs."""
    header, body = documents(GITLAB.read_text("utf-8"))
    inputs = header["spec"]["inputs"]
    assert given.keys() <= inputs.keys()
    values = {}
    for name, each in inputs.items():
        assert name in given or "default" in each, f"{name} is required"
        values[name] = given.get(name, each.get("default"))
        assert values[name] in each.get("options", [values[name]])

    def interpolate(thing: Any) -> Any:
        if isinstance(thing, dict):
            return {interpolate(key): interpolate(each) for key, each in thing.items()}
        if isinstance(thing, list):
            return [interpolate(each) for each in thing]
        return _fill(thing, _GITLAB, values) if isinstance(thing, str) else thing

    ((name, job),) = interpolate(body).items()
    return name, job


def run_gitlab(given: Texts, folder: Path, variables: Texts) -> Ran:
    _, job = gitlab_job(given)
    known = dict(variables)
    for name, each in job["variables"].items():
        known[name] = re.sub(r"\$(\w+)", lambda found: known.get(found[1], ""), str(each))
    report = job["artifacts"]["reports"]["dotenv"]
    return run_with_dotenv("\n".join(job["script"]), folder, known, report)


# Tekton ------------------------------------------------------------------------------------------

_TEKTON = r"\$\(([\w.-]+)\)"


def tekton_params(results: Texts) -> Texts:
    """What the pipeline of the docs gives the task, after a build with these results."""
    (pipeline,) = documents(snippet("Tekton"))
    (task,) = (each for each in pipeline["spec"]["tasks"] if each["name"] == "promote")
    built = {f"tasks.build.results.{name}": each for name, each in results.items()}
    return {each["name"]: _fill(each["value"], _TEKTON, built) for each in task["params"]}


def run_tekton(given: Texts, folder: Path, job: Texts, credentials: Path) -> Ran:
    (task,) = documents(TEKTON.read_text("utf-8"))
    spec = task["spec"]
    values = {"workspaces.credentials.path": str(credentials)}
    assert given.keys() <= {each["name"] for each in spec["params"]}
    for each in spec["params"]:
        assert each["name"] in given or "default" in each, f"{each['name']} is required"
        values[f"params.{each['name']}"] = given.get(each["name"], each.get("default"))
    (step,) = spec["steps"]
    variables = {each["name"]: _fill(each["value"], _TEKTON, values) for each in step["env"]}
    # Folders of the container's own lie elsewhere here.
    (results := folder.parent / "results").mkdir(exist_ok=True)
    script = str(step["script"])
    assert script.startswith("#!/bin/sh\n")
    assert "$(" not in script
    assert script.count("/tekton/results") == 1
    script = script.replace("/tekton/results", str(results))
    variables["PROMOTER_CACHE"] = str(folder.parent / variables["PROMOTER_CACHE"].lstrip("/"))
    ran = run_script(script, folder, {**job, **variables}, ("/bin/sh", "-c"))
    written = {each.name: each.read_text("utf-8") for each in results.iterdir()}
    assert written == {} or {each["name"] for each in spec["results"]} <= written.keys()
    return Ran(ran.code, ran.out, ran.err, written)


# Jenkins -----------------------------------------------------------------------------------------


def jenkins_script() -> str:
    (script,) = re.findall(r"sh '''\n(.*?)'''", snippet("Jenkins"), re.DOTALL)
    return textwrap.dedent(str(script))
