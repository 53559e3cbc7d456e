"""The promotion story, and a person's word, told alike on the local forge, GitHub and GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.forges import KINDS, REMEMBERS, World, file_of
from tests.stories.worlds import open_world


@pytest.fixture(params=KINDS)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with open_world(request.param, tmp_path, monkeypatch) as opened:
        yield opened


remembers = pytest.mark.parametrize("world", REMEMBERS, indirect=True)
"""The local forge knows no rights: whoever can push is a person whose word counts."""


def test_a_release_goes_from_dev_to_production(world: World) -> None:
    start = world.tips()["main"]
    assert world.run().startswith("nothing to do")
    world.publish("1.1.0")

    # dev: the bot opens and merges; staging: it opens, and a person is asked.
    said = world.run()
    assert "opened" in said
    assert sorted(world.landings(start)) == [file_of(each, "dev") for each in ("api", "web")]
    assert sorted(world.open()) == ["staging/api", "staging/web"]
    web = world.open()["staging/web"]
    assert web.title == "Promote web to staging: 1.1.0"
    assert "**web** in **staging** moves to release" in web.body
    world.settle()

    # staging: Ann merges; production: the bot waits for two people, and merges by itself.
    for request in world.open().values():
        world.merge(request.number, "ann")
    before = world.tips()["main"]
    world.run(expect=3)
    assert sorted(world.open()) == ["production/api", "production/web"]
    for request in world.open().values():
        world.approve(request.number, "ann")
    world.settle(expect=3)
    assert world.tips()["main"] == before
    for request in world.open().values():
        world.approve(request.number, "ben")
    world.run()

    # Everything has arrived, byte for byte, and nothing is left behind.
    assert world.version("production/web") == "1.1.0"
    for path, (went, came) in world.landings(start).items():
        assert (len(went), len(came)) == (1, 1), path
        assert came[0].startswith(went[0].replace(":1.0.0", ":1.1.0@sha256:"))
    assert [each.state for each in world.requests()] == ["merged"] * 6
    assert list(world.tips()) == ["main"]
    assert set(world.heads().values()) == {1}
    world.settle()
