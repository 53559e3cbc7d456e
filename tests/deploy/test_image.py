"""The image's recipe. No builder of images is needed: its rules are read, and in `make soak` the
lines of its first stage run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from promoter.version import VERSION
from tests.deploy.places import DEPLOY, ROOT

DOCKERFILE = DEPLOY / "Dockerfile"
_SECRET = re.compile(r"passw|secret|token|credential|\bkey\b", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """`RUN apt-get update && ...`, over several lines of the file, without comments."""

    word: str
    rest: str


def read() -> Sequence[Line]:
    text = re.sub(r"(?m)^\s*#.*\n", "", DOCKERFILE.read_text("utf-8")).replace("\\\n", " ")
    return [
        Line(word, " ".join(rest.split()))
        for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)
    ]


def stages() -> Mapping[str, Sequence[Line]]:
    """By name; what stands before the first one is `""`."""
    found: dict[str, list[Line]] = {"": []}
    for line in read():
        if line.word == "FROM":
            base, keyword, name = line.rest.split(" ")
            assert keyword == "AS", "a stage without a name"
            found[name] = [Line("FROM", base)]
        else:
            found[list(found)[-1]].append(line)
    return found


def words(stage: str, word: str) -> Sequence[str]:
    return [line.rest for line in stages()[stage] if line.word == word]


def copied() -> Iterator[tuple[str, str]]:
    """Files and folders of the repository that the build takes, and where to."""
    for rest in words("build", "COPY"):
        *sources, target = rest.split(" ")
        for each in sources:
            yield each, target


class TestTheRecipe:
    def test_its_base_is_one_that_a_build_may_name_and_never_the_latest(self) -> None:
        assert list(stages()) == ["", "build", "final"]
        ((name, _, default),) = (each.partition("=") for each in words("", "ARG"))
        for stage in ("build", "final"):
            assert words(stage, "FROM") == [f"${{{name}}}"]
        _, _, tag = default.rpartition(":")
        python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
        assert tag.startswith(f"{python.removeprefix('>=')}-slim-"), "the one of the lock"

    def test_it_runs_as_a_number_and_without_a_shell(self) -> None:
        ((user,), (entry,), (command,)) = (
            words("final", each) for each in ("USER", "ENTRYPOINT", "CMD")
        )
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
        assert json.loads(entry) == ["promoter"]
        assert isinstance(json.loads(command), list)
        order = [line.word for line in stages()["final"]]
        assert "RUN" not in order[order.index("USER") :]
        assert "COPY" not in order[order.index("USER") :], "what it runs is not its own to change"
        assert words("final", "STOPSIGNAL") == ["SIGTERM"]
        assert words("final", "HEALTHCHECK") == ["NONE"]

    def test_it_has_what_the_product_calls(self) -> None:
        (run,) = words("final", "RUN")
        assert {"git", "openssh-client", "ca-certificates"} <= set(run.split())
        assert re.search(r'"kustomize=\d+\.\d+\.\*"', run)
        assert "--no-install-recommends" in run
        assert run.index("apt-get update") < run.index("apt-get install")
        assert "rm -rf /var/lib/apt/lists/*" in run

    def test_it_fetches_from_package_registries_alone(self) -> None:
        text = "\n".join(f"{line.word} {line.rest}" for line in read())
        assert not re.search(r"^ADD |\b(?:curl|wget|https?:)", text, re.MULTILINE)

    def test_no_layer_has_a_secret(self) -> None:
        for line in read():
            if line.word in ("ARG", "ENV"):
                assert not _SECRET.search(line.rest), line

    def test_its_labels_say_what_it_is(self) -> None:
        (labels,) = words("final", "LABEL")
        given = dict(each.partition("=")[::2] for each in shlex.split(labels))
        prefix = "org.opencontainers.image."
        assert {name.removeprefix(prefix) for name in given} >= {"title", "version", "revision"}
        assert given[f"{prefix}version"] == "$VERSION"
        assert f"VERSION={VERSION}" in words("final", "ARG")
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert given[f"{prefix}description"] == project["description"]

    def test_its_extras_are_the_projects(self) -> None:
        (extras,) = (each.removeprefix("EXTRAS=") for each in words("build", "ARG"))
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        known = project["optional-dependencies"]
        assert set(extras.split(",")) <= known.keys() - {"dev"}
        assert "serve" in extras.split(",")


class TestTheContext:
    def test_all_that_is_copied_is_there_and_nothing_else_is_sent(self) -> None:
        lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
        rules = [line for line in lines if line and not line.startswith("#")]
        assert rules[0] == "*"
        taken = {each.removeprefix("!").rstrip("/") for each in rules if each.startswith("!")}
        assert taken == {source.rstrip("/") for source, _ in copied()}
        assert all((ROOT / each).exists() for each in taken)
        dropped = [each for each in rules[1:] if not each.startswith("!")]
        assert any(fnmatch("promoter/__pycache__/", each) for each in dropped)


@pytest.mark.soak
def test_the_first_stage_runs(tmp_path: Path) -> None:
    """Into folders of the test's; with the index and the Python of the machine that runs it."""
    source = tmp_path / "source"
    source.mkdir()
    for line in stages()["build"]:
        if line.word == "COPY":
            *names, target = line.rest.split(" ")
            for name in names:
                _copy(ROOT / name, source / target)
        elif line.word == "RUN":
            script = line.rest
            for place in ("/wheels", "/opt/promoter"):
                script = script.replace(place, str(tmp_path / place.lstrip("/")))
            arguments = " ".join(words("build", "ARG"))
            _run(f"export {arguments}; {script}", source)
    programs = tmp_path / "opt/promoter/bin"
    assert _run(f"{programs}/promoter version", tmp_path) == f"promoter {VERSION}\n"
    assert not list(programs.glob("pip*")), "nothing installs anything later"
    imports = "import uvicorn, prometheus_client, opentelemetry.sdk, promoter.cli.run as run"
    where = _run(f"{programs}/python -c '{imports}; print(run.__cached__)'", tmp_path).strip()
    assert Path(where).exists(), "compiled while it was built"
    for absent in ("pytest", "mypy", "hatchling"):
        with pytest.raises(AssertionError, match=f"No module named '{absent}'"):
            _run(f"{programs}/python -c 'import {absent}'", tmp_path)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.mkdir(exist_ok=True, parents=True)
        shutil.copy(source, target)


def _run(script: str, folder: Path) -> str:
    # Our own package must not be found beside the installed one.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env={**kept, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
