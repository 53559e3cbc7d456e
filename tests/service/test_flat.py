"""What the service holds of its machine stays the same, however long it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.process import ROOT


@pytest.mark.parametrize(
    ("looks", "growth"),
    # In MiB. What grows a little is the history, which is read and remembered.
    [(40, 12), pytest.param(10_000, 16, marks=pytest.mark.soak)],
)
def test_memory_threads_children_and_open_files_are_flat(
    looks: int, growth: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.service.endurance", str(tmp_path), str(looks)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(samples) == 10
    told = "\n".join(map(str, samples))
    sys.stdout.write(f"{told}\n")
    settled = samples[2:]
    for what in ("threads", "files"):
        assert len({each[what] for each in settled}) == 1, f"{what}:\n{told}"
    assert {each["children"] for each in samples} == {0}, told
    assert settled[-1]["memory"] - settled[0]["memory"] < growth << 10, told
