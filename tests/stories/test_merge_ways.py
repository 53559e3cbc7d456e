"""However a forge merges, the history reads the same afterwards: what runs where and since when,
what is offered downstream, and that nothing is proposed twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.services.git_server import git
from tests.services.github.state import MergeMethod, Protection
from tests.services.gitlab.nouns import MergeMethod as GitLabMethod
from tests.stories.forges import Kind, World, file_of
from tests.stories.github_world import GitHubWorld
from tests.stories.gitlab_world import GitLabWorld
from tests.stories.worlds import open_world

RULES = """\
  dev: {merge: automatic}
  staging: {after: dev}
  production: {after: staging, require: [soak: 2h]}
"""


@dataclass(frozen=True)
class Way:
    """`parents`: how many the commit has that lands."""

    kind: Kind
    name: str
    set_up: Callable[[World], None]
    parents: int


def _github(method: MergeMethod, *, strict: bool = False) -> Callable[[World], None]:
    def set_up(world: World) -> None:
        assert isinstance(world, GitHubWorld)
        world.shop.state.methods = (method,)
        if strict:
            world.shop.protect("main", Protection(strict=True, checks=("build",), by="ruleset"))

    return set_up


def _gitlab(method: GitLabMethod, *, squash: bool = False) -> Callable[[World], None]:
    def set_up(world: World) -> None:
        assert isinstance(world, GitLabWorld)
        world.project.merge_method = method
        world.project.squash_option = "always" if squash else "never"

    return set_up


WAYS = (
    Way("local", "merge", lambda _: None, 2),
    Way("github", "merge", _github("merge"), 2),
    Way("github", "squash", _github("squash"), 1),
    Way("github", "rebase", _github("rebase"), 1),
    Way("gitlab", "merge", _gitlab("merge"), 2),
    Way("gitlab", "merge after a squash", _gitlab("merge", squash=True), 2),
    Way("gitlab", "rebase_merge", _gitlab("rebase_merge"), 2),
    Way("gitlab", "fast-forward", _gitlab("ff"), 1),
    Way("gitlab", "fast-forward after a squash", _gitlab("ff", squash=True), 1),
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.kind}-{way.name}")
def test_a_merge_is_read_the_same_whatever_it_made(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_world(way.kind, tmp_path, monkeypatch) as world:
        way.set_up(world)
        world.only_web()
        world.write_rules(RULES)
        world.publish("1.1.0", "web")

        world.run()  # the bot merges to dev
        landed = git(world.repository, "log", "-1", "--format=%P%n%B", "main")
        assert len(landed.splitlines()[0].split()) == way.parents
        assert "Promoter-Environment: dev" in landed
        assert "Promote web to dev: 1.1.0" in landed
        world.clock.pass_by(hours=3)  # longer than the soak: what is proposed does not run
        since = world.clock()
        world.merge(world.open()["staging/web"].number, "ann")
        # Somebody's work lands between: since when it runs is not the tip's time.
        world.clock.pass_by(minutes=50)
        world.push("main", {"README.md": b"Hello\n"})
        world.clock.pass_by(minutes=50)

        world.run(expect=3)
        assert world.open() == {}, "production waits for the soak, staging has it"
        staging, production = (world.decision(f"{each}/web") for each in ("staging", "production"))
        assert (staging["state"], staging["running"]["label"]) == ("current", "1.1.0")
        began = datetime.fromisoformat(staging["since"])
        assert 0 <= (began - since).total_seconds() < 60
        assert (production["state"], production["offered"]["label"]) == ("waiting", "1.1.0")
        said = world.promoter("status").out
        assert "1.1.0" in said
        world.settle(expect=3)

        world.clock.pass_by(minutes=30)
        world.run()
        states = [(each.branch, each.state) for each in world.requests()]
        assert states == [
            ("dev/web", "merged"),
            ("staging/web", "merged"),
            ("production/web", "open"),
        ]
        for stage, version in (("dev", "1.1.0"), ("staging", "1.1.0"), ("production", "1.0.0")):
            assert world.version(f"{stage}/web") == version
            assert world.file(file_of("web", stage)).startswith(f"# {stage}: every byte".encode())


LINEAR = (
    Way("github", "strict", _github("squash", strict=True), 1),
    Way("gitlab", "fast-forward", _gitlab("ff"), 1),
)


@pytest.mark.parametrize("way", LINEAR, ids=lambda way: f"{way.kind}-{way.name}")
def test_where_all_must_stand_on_the_tip_they_are_built_again_in_turn(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three in dev that touch nothing in common: any landing moves what the others stand on. Where
    a build must pass first nobody waits for it, as it may be red: the last is built each time."""
    names, builds = ("api", "cart", "web"), way.name == "strict"
    with open_world(way.kind, tmp_path, monkeypatch) as world:
        way.set_up(world)
        pod = world.file(file_of("web", "dev"))
        world.push("main", {file_of("cart", "dev"): pod.replace(b"web", b"cart")})
        world.publish("1.0.0", "cart")
        world.write_rules("  dev: {merge: automatic}")
        world.publish("1.1.0", *names)

        for expect in (3, 3, 3, 0) if builds else (0,):
            world.run(expect)
            for request in world.open().values():
                world.report(request.head, "build", "success")

        assert [world.version(f"dev/{each}") for each in names] == ["1.1.0"] * 3
        assert world.heads() == {"dev/api": 1, "dev/cart": 2, "dev/web": 3 if builds else 2}
        assert [each.state for each in world.requests()] == ["merged"] * 3
        world.settle()
