"""The demo is a tour that fails where a step does not end as it says; README shows parts of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the demo sets the environment of the steps that it shows."""
    return subprocess.run(
        [sys.executable, "-m", "promoter", "demo", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def timeless(text: str) -> str:
    """How long the soak has lasted depends on the machine."""
    return re.sub(r"for \ds of", "for 0s of", text)


def test_the_whole_way_of_a_release_offline(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    done = demo("--in", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    commands = [line for line in done.stdout.splitlines() if line.startswith("$ promoter ")]
    for verb in ("validate", "status", "plan", "run", "mr", "why"):
        assert any(line.startswith(f"$ promoter {verb}") for line in commands), verb
    assert "merged    web in production  1.1.0" in done.stdout
    assert "registry offers 1.0.0, which is not later than 1.1.0" in done.stdout

    readme = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    shown = next(block for block in blocks if "$ promoter plan" in block)
    lines = iter(timeless(done.stdout.replace(str(folder), "/tmp/shop")).splitlines())
    for line in timeless(shown).splitlines():
        if line:
            assert any(each == line for each in lines), f"README shows, in this order: {line}"


def test_a_world_to_play_with(tmp_path: Path) -> None:
    folder = str(tmp_path / "shop")
    prepared = demo("--in", folder, "--prepare")
    assert prepared.returncode == 0
    exports = [line.split("=", 1) for line in prepared.stdout.splitlines() if "export " in line]
    names = [name.strip() for name, _ in exports]
    assert names == [
        "export PROMOTER_RULES",
        "export PROMOTER_REGISTRIES",
        "export PROMOTER_CACHE",
    ]
    assert demo("--in", folder, "--publish", "web", "1.5.0").returncode == 0
    environment = {**os.environ, **{name.split()[1]: value for name, value in exports}}
    planned = subprocess.run(
        [sys.executable, "-m", "promoter", "plan"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "web in dev: open a merge request for 1.5.0 from registry" in planned.stdout


def test_publishing_needs_a_world() -> None:
    done = demo("--publish", "web", "1.5.0")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "error: promoter demo: say which world with --in DIR\n"
