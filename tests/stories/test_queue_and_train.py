"""GitHub's merge queue and GitLab's merge train: armed last, disarmed when a gate falls back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.github.state import Protection
from tests.services.gitlab.nouns import Pipeline
from tests.stories.forges import REMEMBERS, World
from tests.stories.github_world import GitHubWorld
from tests.stories.gitlab_world import GitLabWorld
from tests.stories.worlds import open_world

RULES = "  dev: {merge: automatic, require: [approvals: 1]}"


@dataclass
class Line(ABC):
    """What is queued for main, on either forge."""

    world: World

    @abstractmethod
    def build(self, passes: bool) -> None:
        """CI comes to an end with what is proposed for dev."""

    @abstractmethod
    def move(self, passes: bool) -> None:
        """It is the turn of the first one; its last build passes or not."""

    @property
    def number(self) -> int:
        return self.world.request("dev/web").number

    def take_back(self) -> None:
        self.world.take_back(self.number, "ann")


@dataclass
class Queue(Line):
    world: GitHubWorld

    def build(self, passes: bool) -> None:
        head = self.world.request("dev/web").head
        self.world.report(head, "build", "success" if passes else "failure")

    def move(self, passes: bool) -> None:
        self.world.shop.run_queue(passes=passes)


@dataclass
class Train(Line):
    world: GitLabWorld

    def build(self, passes: bool) -> None:
        world, head = self.world, self.world.request("dev/web").head
        world.gitlab.world.run_pipeline(world.project, head, "success" if passes else "failed")

    def move(self, passes: bool) -> None:
        """The car's pipeline is its own; where it fails the car is put off."""
        world = self.world
        request = world.project.requests[self.number]
        if not passes:
            run = Pipeline(0, request.head, None, "failed", world.clock.tick(), ran="failed")
            world.project.pipelines.append(run)
        world.gitlab.world.run_train(world.project)


def write_rules(world: World, environments: str) -> None:
    world.write_rules(
        environments, layout="apps/web/{environment}.yaml", name="web", image="shop/web"
    )


@pytest.fixture(params=REMEMBERS)
def line(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Line]:
    """1.1.0 of web is proposed for dev, where one person has to approve and CI to pass."""
    with open_world(request.param, tmp_path, monkeypatch) as world:
        made: Line
        if isinstance(world, GitHubWorld):
            world.shop.protect("main", Protection(checks=("build",), queue=True, by="ruleset"))
            made = Queue(world)
        else:
            assert isinstance(world, GitLabWorld)
            world.only_web()
            tip = world.tips()["main"]
            world.gitlab.world.run_pipeline(world.project, tip, "success")
            world.project.trains = world.project.pipeline_must_succeed = True
            made = Train(world)
        write_rules(world, RULES)
        (world.folder / "rules" / "shop.yaml").unlink()
        world.publish("1.1.0", "web")
        world.run(expect=3)
        yield made


@pytest.fixture
def armed(line: Line) -> Line:
    line.world.approve(line.number, "ann")
    line.build(passes=True)
    line.world.run()
    assert line.world.request("dev/web").armed
    return line


def test_it_is_armed_last_and_once_and_lands(line: Line) -> None:
    world = line.world
    line.build(passes=True)
    world.run(expect=3)
    assert not world.request("dev/web").armed, "nobody approved it yet"
    world.approve(line.number, "ann")
    world.run()
    assert world.request("dev/web").armed
    assert world.version("dev/web") == "1.0.0"
    world.settle()
    line.move(passes=True)
    assert world.version("dev/web") == "1.1.0"
    world.settle()
    assert world.heads() == {"dev/web": 1}
    assert [each.state for each in world.requests()] == ["merged"]


def test_it_is_not_armed_before_its_build_passed(line: Line) -> None:
    world = line.world
    world.approve(line.number, "ann")
    line.build(passes=False)
    world.run(expect=3)
    assert not world.request("dev/web").armed
    assert world.decision("dev/web")["state"] in ("waiting", "blocked")


def test_a_hold_takes_it_out_and_it_comes_back(armed: Line) -> None:
    world = armed.world
    world.label(armed.number, "promoter/hold")
    world.run(expect=3)
    assert not world.request("dev/web").armed
    world.settle(expect=3)
    world.unlabel(armed.number, "promoter/hold")
    world.run()
    assert world.request("dev/web").armed
    armed.move(passes=True)
    assert world.version("dev/web") == "1.1.0"


def test_an_approval_that_is_taken_back_takes_it_out(armed: Line) -> None:
    world = armed.world
    armed.take_back()
    world.run(expect=3)
    assert not world.request("dev/web").armed
    assert world.decision("dev/web")["state"] == "waiting"
    world.approve(armed.number, "ben")
    world.run()
    assert world.request("dev/web").armed


def test_a_newer_release_takes_it_out_before_it_is_updated(armed: Line) -> None:
    """Where it replaces one that was approved; else that goes first."""
    world = armed.world
    world.publish("1.2.0", "web")
    world.run()
    assert world.request("dev/web").armed
    write_rules(world, RULES.replace("dev: {", "dev: {replace: always, "))
    world.run(expect=3)
    request = world.request("dev/web")
    assert (request.number, request.armed) == (armed.number, False)
    assert request.title == "Promote web to dev: 1.2.0"
    world.settle(expect=3)


def test_what_was_thrown_out_is_not_put_back_at_each_look(armed: Line) -> None:
    world = armed.world
    armed.move(passes=False)
    assert not world.request("dev/web").armed
    world.run(expect=3)
    world.run(expect=3)
    assert not world.request("dev/web").armed
    assert world.version("dev/web") == "1.0.0"
