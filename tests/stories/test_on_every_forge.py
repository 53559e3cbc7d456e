"""The promotion story, and a person's word, told alike on the local forge, GitHub and GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.forges import KINDS, REMEMBERS, World, file_of
from tests.stories.gitlab_world import GitLabWorld
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

    # staging: Ann merges; production: the bot waits for two people, and merges by itself.
    for request in world.open().values():
        world.merge(request.number, "ann")
    before = world.tips()["main"]
    world.run(expect=3)
    assert sorted(world.open()) == ["production/api", "production/web"]
    for request in world.open().values():
        world.approve(request.number, "ann")
    world.run(expect=3)
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
    # Whether one that a person merged stays is the person's business.
    left = [each for each in world.tips() if not each.startswith("promoter/staging/")]
    assert left == ["main"]
    assert set(world.heads().values()) == {1}
    world.settle()


DEV_BY_TWO = "  dev: {merge: automatic, require: [approvals: 2]}"


@pytest.fixture
def waiting(world: World) -> World:
    """1.1.0 of web is proposed for dev, where two people have to approve."""
    world.only_web()
    world.write_rules(DEV_BY_TWO)
    world.publish("1.1.0")
    world.run(expect=3)
    return world


class TestApprovals:
    @remembers
    def test_only_those_that_count_are_counted(self, waiting: World) -> None:
        """Not the bot's own, of who may only look, nor one that was dismissed; none while somebody
        who may write asks for changes."""
        number = waiting.request("dev/web").number

        def told() -> str:
            waiting.run(expect=3)
            return str(waiting.decision("dev/web")["why"]).partition(" on merge request")[0]

        if isinstance(waiting, GitLabWorld):  # GitHub lets nobody approve what is their own
            waiting.project.authors_may_approve = True
            waiting.approve(number, "bot")
        waiting.approve(number, "guest")
        waiting.approve(number, "ann")
        assert told() == "1 of 2: ann"
        waiting.approve(number, "ben")
        waiting.take_back(number, "ben")
        assert told() == "1 of 2: ann"
        waiting.ask_for_changes(number, "ben")
        assert told() == "0 of 2"
        assert waiting.version("dev/web") == "1.0.0"
        waiting.approve(number, "ben")
        waiting.run()
        assert waiting.version("dev/web") == "1.1.0"

    def test_what_somebody_approved_goes_first(self, waiting: World) -> None:
        before = waiting.request("dev/web")
        waiting.approve(before.number, "ann")
        waiting.publish("1.2.0", "web")
        waiting.run(expect=3)
        request = waiting.request("dev/web")
        assert (request.title, request.head) == ("Promote web to dev: 1.1.0", before.head)
        passed = waiting.decision("dev/web")["passed_over"]
        assert "approved 1.1.0 on" in {each["what"]: each["why"] for each in passed}["1.2.0"]
        waiting.approve(before.number, "ben")
        waiting.run(expect=3)
        assert waiting.version("dev/web") == "1.1.0"
        assert waiting.request("dev/web").title == "Promote web to dev: 1.2.0"

    def test_those_of_an_earlier_head_are_gone(self, waiting: World) -> None:
        """Where a newer release replaces one that was approved."""
        waiting.write_rules(DEV_BY_TWO.replace("{", "{replace: always, ", 1))
        before = waiting.request("dev/web")
        for who in ("ann", "ben"):
            waiting.approve(before.number, who)
        waiting.publish("1.2.0", "web")
        waiting.run(expect=3)

        request = waiting.request("dev/web")
        assert (request.number, request.title) == (before.number, "Promote web to dev: 1.2.0")
        assert request.head != before.head
        assert "1.1.0" not in request.body
        (said,) = request.comments
        assert "(1.1.0" in said
        assert "is superseded by" in said
        waiting.settle(expect=3)
        assert waiting.version("dev/web") == "1.0.0"
        for who in ("ann", "ben"):
            waiting.approve(before.number, who)
        waiting.run()
        assert waiting.version("dev/web") == "1.2.0"
        assert waiting.heads() == {"dev/web": 2}


class TestOtherLines:
    """Somebody changes the same file on main while its request is open."""

    def test_elsewhere_in_the_file_keeps_head_and_approvals(self, waiting: World) -> None:
        request = waiting.request("dev/web")
        waiting.approve(request.number, "ann")
        path = file_of("web", "dev")
        text = waiting.file(path)
        waiting.push("main", {path: text.replace(b"# dev:", b"# the dev shop:")})
        waiting.run(expect=3)
        assert waiting.request("dev/web").head == request.head
        waiting.approve(request.number, "ben")
        waiting.run()
        assert waiting.version("dev/web") == "1.1.0"
        assert waiting.file(path).startswith(b"# the dev shop:")
        assert waiting.heads() == {"dev/web": 1}

    def test_next_to_the_version_builds_it_again(self, waiting: World) -> None:
        request = waiting.request("dev/web")
        waiting.approve(request.number, "ann")
        path = file_of("web", "dev")
        text = waiting.file(path)
        waiting.push("main", {path: text.replace(b"containers:", b"containers:  # one")})
        waiting.run(expect=3)
        again = waiting.request("dev/web")
        assert (again.number, again.comments) == (request.number, ())
        assert again.head != request.head
        waiting.approve(request.number, "ben")
        waiting.run(expect=3)
        assert "1 of 2" in waiting.decision("dev/web")["why"]
        waiting.approve(request.number, "ann")
        waiting.run()
        assert b"containers:  # one\n" in waiting.file(path)
        assert waiting.version("dev/web") == "1.1.0"
        assert waiting.heads() == {"dev/web": 2}


LONG = ["local", *(pytest.param(each, marks=pytest.mark.soak) for each in REMEMBERS)]
_CROWD = tuple(f"app-{letter}" for letter in "abcdefghijkl")


@pytest.mark.parametrize("world", LONG, indirect=True)
def test_twelve_lines_of_one_file_are_merged_one_after_another(world: World) -> None:
    """Each branch is built once, and every second one once again when it is its turn: what stands
    two lines away still merges."""
    lines = (f"{each}: {{image: registry.example.com/shop/{each}:1.0.0}}\n" for each in _CROWD)
    world.only_web()
    world.push("main", {"all/dev.yaml": "".join(lines).encode()})
    (world.folder / "rules" / "shop.yaml").unlink()
    for version in ("1.0.0", "1.1.0"):
        world.publish(version, *_CROWD)
    for name in _CROWD:
        more = {"image": f"shop/{name}", "layout": "all/{environment}.yaml"}
        world.write_rules("  dev: {merge: automatic}", name=name, **more)

    world.run()

    text = world.file("all/dev.yaml").decode()
    assert text.count(":1.1.0@sha256:") == len(_CROWD)
    built = world.heads()
    assert [built[f"dev/{each}"] for each in _CROWD] == [1, 2] * (len(_CROWD) // 2)
    assert len(world.requests()) == len(_CROWD)
    world.settle()
