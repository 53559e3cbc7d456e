"""One merge request for an environment, told alike on the local forge, GitHub and GitLab; and
killed at every effect."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from promoter.cli import main
from promoter.engine.reconcile import Scope, reconcile
from promoter.model.record import Record
from tests.stories.driver import run_in_child
from tests.stories.effects import Step, numbered
from tests.stories.forges import GITLAB_IN_SOAK, World, file_of
from tests.stories.two_shops import LAYOUTS, NOW, TwoShops, rule_text
from tests.stories.worlds import open_world

ENVIRONMENTS = """\
  dev: {merge: automatic, group: environment}
  staging: {after: dev, group: environment}
  production: {after: staging, merge: automatic, group: environment, require: [approvals: 2]}
"""
STAGING = "staging/all=shop"
PRODUCTION = "production/all=shop"


@pytest.fixture(params=GITLAB_IN_SOAK)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with open_world(request.param, tmp_path, monkeypatch) as opened:
        opened.write_rules(ENVIRONMENTS)
        yield opened


def brought(world: World, branch: str) -> dict[str, str]:
    records = Record.parse_all(world.request(branch).body)
    return {each.application: each.release.label for each in records}


def test_two_applications_travel_together(world: World) -> None:
    start = world.tips()["main"]
    world.publish("1.1.0")
    said = world.run()
    assert "merged    2 applications in dev  api 1.1.0, web 1.1.0" in said
    assert sorted(world.landings(start)) == [file_of(each, "dev") for each in ("api", "web")]
    assert list(world.open()) == [STAGING]
    request = world.open()[STAGING]
    assert request.title == "Promote 2 applications to staging"
    assert "| web | `registry.example.com/shop/web` | `1.0.0` | `1.1.0` |" in request.body
    world.settle()

    world.merge(request.number, "ann")
    world.run(expect=3)
    assert list(world.open()) == [PRODUCTION]
    number = world.open()[PRODUCTION].number
    world.approve(number, "ann")
    world.run(expect=3)
    world.settle(expect=3)
    world.approve(number, "ben")
    world.run()
    assert {world.version(f"production/{each}") for each in ("api", "web")} == {"1.1.0"}
    assert [each.state for each in world.requests()] == ["merged"] * 3
    assert set(world.heads().values()) == {1}
    world.settle()


def test_it_takes_what_comes_until_somebody_approves_it(world: World) -> None:
    world.write_rules("  dev: {merge: automatic, group: environment, require: [approvals: 2]}")
    world.publish("1.1.0", "web")
    world.run(expect=3)
    number = world.request("dev/all=shop").number
    assert world.request("dev/all=shop").title == "Promote web to dev: 1.1.0"
    world.publish("1.1.0", "api")
    world.run(expect=3)
    request = world.request("dev/all=shop")
    assert request.number == number
    assert request.title == "Promote 2 applications to dev"
    assert sum("- api joins with 1.1.0" in each for each in request.comments) == 1
    world.settle(expect=3)

    world.approve(number, "ann")
    world.publish("1.2.0", "api")
    world.run(expect=3)
    assert world.request("dev/all=shop").head == request.head
    world.approve(number, "ben")
    world.run(expect=3)
    assert (world.version("dev/api"), world.version("dev/web")) == ("1.1.0", "1.1.0")
    assert brought(world, "dev/all=shop") == {"api": "1.2.0"}


def test_a_close_rejects_all_that_it_lists(world: World) -> None:
    world.write_rules("  dev: {group: environment}")
    world.publish("1.1.0")
    world.run()
    world.close(world.request("dev/all=shop").number, "ann")
    world.run()
    for each in ("dev/api", "dev/web"):
        assert world.decision(each)["state"] == "rejected"
        assert " closed merge request " in world.decision(each)["why"]
    world.settle()
    world.publish("1.2.0", "web")
    world.run()
    assert brought(world, "dev/all=shop") == {"web": "1.2.0"}
    assert world.decision("dev/api")["state"] == "rejected"


def test_a_push_makes_it_a_persons(world: World) -> None:
    world.write_rules("  dev: {group: environment}")
    world.publish("1.1.0")
    world.run()
    world.push("promoter/dev/all=shop", {"apps/web/notes.txt": b"by hand\n"})
    world.run()
    request = world.request("dev/all=shop")
    assert sum("Somebody pushed to" in each for each in request.comments) == 1
    world.settle()
    world.publish("1.2.0")
    world.run()
    assert world.request("dev/all=shop").head == request.head
    assert world.decision("dev/web")["state"] == "rejected"


def test_a_release_that_is_held_off_leaves_and_the_others_go_on(world: World) -> None:
    world.write_rules("  dev: {group: environment}")
    world.publish("1.1.0")
    world.run()
    number = world.request("dev/all=shop").number
    hold = b"release: 1.1.0\nby: ann\nreason: it leaks\n"
    world.push("main", {".promoter/holds/dev/api.yaml": hold})
    world.run()
    assert brought(world, "dev/all=shop") == {"web": "1.1.0"}
    assert world.request("dev/all=shop").number == number
    world.settle()


def test_promote_acts_for_the_group_and_answers_for_the_one(world: World) -> None:
    world.write_rules("  dev: {group: environment}")
    world.publish("1.1.0")
    said = world.promoter("promote", "web", "--to", "dev", "--output", "json").json["promotion"]
    assert said["application"] == "web"
    assert said["merge_request"]["branch"] == "promoter/dev/all=shop"
    assert brought(world, "dev/all=shop") == {"api": "1.1.0", "web": "1.1.0"}
    world.merge(world.request("dev/all=shop").number, "ann")
    world.promoter("wait", "web", "dev", "--timeout", "1s")


# -- killed at every effect -----------------------------------------------------------------------

KILLED = -signal.SIGKILL
LATER = timedelta(seconds=90)
_GROUPED = """\
  dev: {group: environment}
  staging: {after: dev, group: environment, merge: automatic}
"""


class OneShop(TwoShops):
    """Both applications by one rule that groups its environments."""

    def write_rules(self, *_: object) -> OneShop:
        (self.folder / "rules").mkdir(exist_ok=True)
        text = rule_text(self.url, LAYOUTS.values(), _GROUPED)
        (self.folder / "rules/shop.yaml").write_text(text, "utf-8")
        return self

    def copy(self, folder: Path, url: str | None = None) -> OneShop:
        copied = super().copy(folder, url)
        shutil.rmtree(folder / "rules")
        return OneShop(copied.folder, copied.url).write_rules()

    def run(self, watch: Callable[[Step], None] = lambda _: None) -> None:
        app = self.app(NOW)
        reconcile(Scope(app.rules()[0]), numbered(app.adapters, watch), app.clock)


def _newcomer(shops: OneShop) -> None:
    """The request has been open for web; api comes, and a newer release of web."""
    shops.publish("1.1.0", "web")
    shops.run()
    shops.publish("1.1.0", "api")
    shops.publish("1.2.0", "web")


def _merged_upstream(shops: OneShop) -> None:
    """A person merged the request of dev: staging gets both, and dev what came since."""
    shops.publish("1.1.0")
    shops.run()
    assert main(["mr", "merge", "1", "--repository", shops.url]) == 0
    shops.publish("1.2.0", "api")


@dataclass(frozen=True)
class Chapter:
    happens: Callable[[OneShop], None]
    effects: set[str]


CHAPTERS = (
    Chapter(_newcomer, {"commit", "push", "comment", "update"}),
    Chapter(_merged_upstream, {"commit", "push", "open", "merge"}),
)


@pytest.mark.parametrize(
    "chapter",
    [
        pytest.param(CHAPTERS[0], id="newcomer", marks=pytest.mark.soak),
        pytest.param(CHAPTERS[1], id="merged", marks=pytest.mark.soak),
    ],
)
def test_a_kill_at_any_effect_leaves_no_trace(chapter: Chapter, tmp_path: Path) -> None:
    begun = TwoShops.make(tmp_path / "begun")
    before = OneShop(begun.folder, begun.url).copy(tmp_path / "before")
    chapter.happens(before)
    calm = before.copy(tmp_path / "calm")
    steps: list[Step] = []
    calm.run(steps.append)
    assert {each.name for each in steps} == chapter.effects
    contents = calm.contents()

    def kill_and_run_again(step: Step) -> object:
        shops = before.copy(tmp_path / f"{step.moment}-{step.number}")
        assert run_in_child(shops, NOW, step) == KILLED, step
        if step.moment == "after":
            shutil.rmtree(shops.folder / "cache")
        assert run_in_child(shops, NOW + LATER) == 0, step
        return shops.contents()

    with ThreadPoolExecutor(2) as pool:
        for step, seen in zip(steps, pool.map(kill_and_run_again, steps), strict=True):
            assert seen == contents, step


def test_two_engines_at_once_open_one(tmp_path: Path) -> None:
    """The other one does all of it just before this one pushes."""
    begun = TwoShops.make(tmp_path / "begun")
    shops = OneShop(begun.folder, begun.url).copy(tmp_path / "shops")
    shops.publish("1.1.0")
    calm = shops.copy(tmp_path / "calm")
    calm.run()
    pushes: list[Step] = []

    def watch(step: Step) -> None:
        if step.name == "push" and step.moment == "before" and not pushes:
            pushes.append(step)
            other = shops.app(NOW + LATER, cache="other")
            reconcile(Scope(other.rules()[0]), other.adapters, other.clock)

    shops.run(watch)
    assert pushes
    assert shops.contents() == calm.contents()
    assert shops.requests() == {1: "open"}
