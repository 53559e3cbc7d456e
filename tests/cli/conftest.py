"""The demo's world for the command line: a repository and a registry in one folder, offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from promoter.app import read_clock
from promoter.cli.demo_world import DemoWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DemoWorld:
    """1.0.0 of web and api runs everywhere, and 1.1.0 of both waits in the registry."""
    world = DemoWorld(tmp_path / "world")
    world.prepare(read_clock())
    for name in ("web", "api"):
        world.publish(name, "1.1.0")
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    return world
