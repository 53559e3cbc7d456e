"""The three CI files are what their systems take: by the published schemas of GitHub and GitLab,
and for Tekton, which has none that we could read, by the API's documented fields."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from promoter.texts.ci_outputs import outputs
from tests.deploy.ci_systems import github_step, gitlab_job
from tests.deploy.kubernetes_schema import check_as
from tests.deploy.places import GITHUB, GITLAB, TEKTON, documents
from tests.deploy.pod_security import of_container
from tests.texts.test_ci_outputs import promotions

_INTERPOLATION = re.compile(r"\$\{\{|\$\[\[|\$\((?:params|workspaces|context|tasks)\.")


def complaints(schema: str, *files: Path) -> str:
    """What check-jsonschema, which brings the schemas with it, says of the files."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout if done.returncode else ""


def write(value: Any, folder: Path, name: str) -> Path:
    (file := folder / name).write_text(json.dumps(value), "utf-8")
    return file


def test_github_takes_the_action(tmp_path: Path) -> None:
    assert complaints("github-actions", GITHUB) == ""
    (action,) = documents(GITHUB.read_text("utf-8"))
    del action["runs"]["steps"][0]["shell"]
    assert "shell" in complaints("github-actions", write(action, tmp_path, "action.json"))


def test_gitlab_takes_the_job(tmp_path: Path) -> None:
    header, _ = documents(GITLAB.read_text("utf-8"))
    name, job = gitlab_job(dict.fromkeys(("application", "environment", "repository"), "x"))
    files = [write(header, tmp_path, "spec.yml"), write({name: job}, tmp_path, "job.yml")]
    assert complaints("gitlab-ci", *files) == ""
    job["allow_failure"] = {"exit_code": 3}
    assert "allow_failure" in complaints("gitlab-ci", write({name: job}, tmp_path, "wrong.yml"))


class TestTekton:
    """tekton.dev, "Tasks" and the API's reference, tekton.dev/v1."""

    @pytest.fixture
    def task(self) -> Any:
        (task,) = documents(TEKTON.read_text("utf-8"))
        return task

    def test_has_the_fields_of_a_task(self, task: Any) -> None:
        assert (task["apiVersion"], task["kind"]) == ("tekton.dev/v1", "Task")
        assert check_as(task["metadata"], "V1ObjectMeta") == []
        spec = task["spec"]
        known = {"description", "params", "results", "workspaces", "stepTemplate", "steps"}
        assert spec.keys() <= known | {"volumes"}
        for name, fields in {
            "params": {"name", "description", "default", "type"},
            "results": {"name", "description", "type"},
            "workspaces": {"name", "description", "readOnly", "optional", "mountPath"},
        }.items():
            for each in spec[name]:
                assert each.keys() <= fields
                assert {
                    type(value) for key, value in each.items() if key not in ("enum", "readOnly")
                } == {str}
        assert [line for each in spec["volumes"] for line in check_as(each, "V1Volume")] == []

    def test_its_step_is_a_container_with_a_script(self, task: Any) -> None:
        spec = task["spec"]
        (step,) = spec["steps"]
        container = {**spec["stepTemplate"], **step}
        container["resources"] = container.pop("computeResources")
        assert container.pop("script").startswith("#!/bin/sh\n")
        assert check_as(container, "V1Container") == []
        assert list(of_container(container, {})) == []
        assert {each["name"] for each in container["volumeMounts"]} == {
            each["name"] for each in spec["volumes"]
        }

    def test_what_a_step_names_is_declared(self, task: Any) -> None:
        spec = task["spec"]
        text = json.dumps(spec)
        named = set(re.findall(r"\$\((params|workspaces)\.([\w-]+)", text))
        assert named == {
            *(("params", each["name"]) for each in spec["params"]),
            *(("workspaces", each["name"]) for each in spec["workspaces"]),
        }


def test_what_they_hand_on_is_what_the_product_writes() -> None:
    written = outputs(promotions("it waits")).keys()
    (action,), (task,) = (documents(each.read_text("utf-8")) for each in (GITHUB, TEKTON))
    assert action["outputs"].keys() == written - {"application", "environment"}
    for name, each in action["outputs"].items():
        assert each["value"] == f"${{{{ steps.promote.outputs.{name} }}}}"
    assert {each["name"] for each in task["spec"]["results"]} <= written


def test_no_script_holds_what_somebody_else_wrote() -> None:
    """A value that a CI system writes into a script is run with it."""
    (action,), (_, job), (task,) = (
        documents(each.read_text("utf-8")) for each in (GITHUB, GITLAB, TEKTON)
    )
    scripts = [
        *(step["run"] for step in action["runs"]["steps"]),
        *(line for each in job.values() for line in each["script"]),
        *(step["script"] for step in task["spec"]["steps"]),
    ]
    assert len(scripts) == 4
    assert [each for each in scripts if _INTERPOLATION.search(each)] == []


def test_what_others_wrote_is_taken_by_its_commit() -> None:
    (action,) = documents(GITHUB.read_text("utf-8"))
    used = [each["uses"] for each in action["runs"]["steps"] if "uses" in each]
    for each in (*used, github_step()["uses"]):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each), each
