"""`promoter schema`: JSON on standard output, with no rule file anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from promoter.rules.schema import rule_schema
from tests.stories.apart import ROOT
from tests.stories.shop import Terminal


@pytest.mark.usefixtures("workdir")
def test_prints_the_schema_where_there_is_no_rule_file() -> None:
    said = Terminal()("schema")
    assert json.loads(said.out) == rule_schema()
    assert said.err == ""


def test_into_a_file_and_for_a_reader_that_goes_away(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "promoter", "schema"]
    file = tmp_path / "schema.json"
    with file.open("wb") as out:
        subprocess.run(command, cwd=ROOT, stdout=out, check=True)
    assert json.loads(file.read_bytes()) == rule_schema()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaints = process.stderr.read()
    assert (process.returncode, complaints) == (0, b"")


def test_does_not_load_what_talks_to_the_world() -> None:
    """An editor's start-up hook can call it: it reads the shapes and nothing else."""
    code = (
        "import sys; from promoter.cli import main; main(['schema']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert loaded.isdisjoint({"urllib3", "promoter.app", "promoter.settings", "nodesemver"})
