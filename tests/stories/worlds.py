"""Opens the shop on one of the three forges."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.stories.forges import Kind, World
from tests.stories.github_world import open_github_world
from tests.stories.gitlab_world import open_gitlab_world
from tests.stories.local_world import open_local_world

_OPEN: dict[Kind, Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[World]]] = {
    "local": open_local_world,
    "github": open_github_world,
    "gitlab": open_gitlab_world,
}


@contextlib.contextmanager
def open_world(kind: Kind, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with _OPEN[kind](folder, monkeypatch) as world:
        yield world
