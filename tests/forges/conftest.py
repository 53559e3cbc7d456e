"""The forges that most tests here talk to: a repository on each of the fakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forges.github_shop import World
from tests.forges.gitlab_shop import Shop, open_shop
from tests.services.github.fake import fake_github


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """On GitHub."""
    with fake_github(tmp_path) as hub:
        made = World(hub)
        yield made
        made.talk.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """On GitLab."""
    with open_shop(tmp_path) as opened:
        yield opened
