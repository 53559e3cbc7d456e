"""Holds from the command line to the branch, and what the bot makes of them, on every forge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promoter.engine.adapters import Adapters
from promoter.engine.deliver import deliver
from promoter.errors import ConflictError
from promoter.model.delivery import Delivery
from promoter.model.facts import Tip
from promoter.model.rule import RepositoryAddress
from promoter.repositories.git import GitRepository
from tests.services.git_server import git
from tests.stories.forges import GITLAB_IN_SOAK, World
from tests.stories.worlds import open_world

WEB = ".promoter/holds/staging/web.yaml"
EVERYTHING = ".promoter/holds/_all.yaml"
LABEL = "promoter-hold/staging/web"


@pytest.fixture(params=GITLAB_IN_SOAK)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with open_world(request.param, tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_world("local", tmp_path, monkeypatch) as opened:
        yield opened


not_protected = pytest.mark.parametrize("world", ["local", "github"], indirect=True)
"""The fake GitLab lets nobody push to main, as a real one does by default."""


def hold(world: World, *words: str, expect: int = 0) -> Any:
    return world.promoter("hold", *words, "--as", "ann", expect=expect)


def held(world: World, *words: str) -> list[dict[str, Any]]:
    found = world.promoter("holds", "--output", "json", *words).json["holds"]
    assert isinstance(found, list)
    return found


def files(world: World) -> list[str]:
    return git(world.repository, "ls-tree", "-r", "--name-only", "main", ".promoter").split()


def subjects(world: World) -> list[str]:
    return git(world.repository, "log", "--format=%s", "main").splitlines()


@not_protected
def test_a_freeze_and_its_end(world: World) -> None:
    world.only_web()
    world.publish("1.1.0")
    said = hold(world, "--all", "--reason", "the data center moves", "--until", "6h")
    tip = world.tips()["main"]
    line = said.line("COMMITTED straight to main of")
    assert f"{tip[:12]} ({EVERYTHING})" in line
    said.line("3 targets now: web in dev, web in staging, web in production")
    said.line("take it away: promoter release-hold --all")
    assert subjects(world)[0] == "Hold everything"
    assert files(world) == [EVERYTHING]

    assert world.run(expect=3).startswith("nothing to do")
    assert world.open() == {}
    why = world.promoter("why", "web", "dev", expect=3)
    why.line("~ hold (wait, guards opening): held by ann until")
    why.line("open it: promoter release-hold --all")
    status = world.promoter("status")
    assert status.line("web  ").count(" held") == 3
    (row,) = held(world)
    assert (row["by"], row["reason"], row["file"]) == ("ann", "the data center moves", EVERYTHING)
    assert len(row["targets"]) == 3

    # It ends by itself, to the second, and stands in the list as what it was.
    world.clock.pass_by(hours=6)
    assert held(world) == []
    (row,) = held(world, "--expired")
    assert row["expired"] is True
    world.promoter("holds").line("1 hold is over: --expired lists it")
    assert "opened" in world.run()
    assert world.version("dev/web") == "1.1.0"

    world.promoter("release-hold", "--all").line("everything: released")
    assert files(world) == []
    world.settle()


@not_protected
def test_a_ban_closes_what_brings_it_and_another_one_may_go(world: World) -> None:
    world.only_web()
    world.publish("1.1.0")
    world.run()
    assert list(world.open()) == ["staging/web"]
    hold(world, "web", "staging", "--release", "1.1.0", "--reason", "loses carts")
    assert "closed" in world.run(expect=3)
    request = world.request("staging/web")
    assert request.state == "closed"
    assert any("held off by ann: loses carts" in each for each in request.comments)
    world.settle(expect=3)

    # A second ban stands in the same file, and the first keeps its bytes.
    before = world.file(WEB)
    hold(world, "web", "staging", "--release", "1.2.0", "--reason", "as well")
    assert world.file(WEB).startswith(before)
    world.publish("1.2.0")
    world.run(expect=3)
    world.publish("1.3.0")
    world.run()
    assert "1.3.0" in world.open()["staging/web"].title

    words = ("release-hold", "web", "staging", "--release", "1.2.0")
    world.promoter(*words)
    assert world.file(WEB) == before
    said = world.promoter(*words, expect=64)
    assert "no hold is of 1.2.0 of web in staging; it is held by others" in said.err
    assert "promoter release-hold web staging --release 1.1.0" in said.err


def test_by_a_merge_request(world: World) -> None:
    world.only_web()
    words = ("web", "staging", "--reason", "the sale, #1", "--merge-request")
    main = world.tips()["main"]
    said = hold(world, *words)
    said.line("merge request", "opened", "nothing is held until it is merged")
    (request,) = world.requests()
    assert request.branch == LABEL
    assert request.title == "Hold web in staging"
    assert "Held by ann: the sale" in request.body
    assert "- web in staging" in request.body
    assert world.tips()["main"] == main
    assert held(world) == []

    # Asked for again it is found; another reason is brought by the same request.
    hold(world, *words).line("merge request", "is open")
    hold(world, "web", "staging", "--reason", "a longer sale", "--merge-request")
    (request,) = world.requests()
    assert request.state == "open"
    assert "a longer sale" in request.body
    world.publish("1.1.0")
    world.run()
    assert world.request(LABEL).state == "open", "the bot takes it for a person's"
    assert list(world.open()) == [LABEL, "staging/web"]

    world.merge(request.number, "ann")
    assert world.run(expect=3).startswith("nothing to do")
    assert world.request("staging/web").state == "open", "held, not closed"
    if world.kind != "local":
        assert world.request("staging/web").status == (
            ("failure" if world.kind == "github" else "failed"),
            "held by ann: a longer sale",
        )

    world.promoter("release-hold", "web", "staging", "--merge-request").line("it is held until")
    release = world.request(LABEL)
    assert (release.title, release.state) == ("Release web in staging", "open")
    world.merge(release.number, "ann")
    assert files(world) == []
    world.run()
    if world.kind != "local":
        assert world.request("staging/web").status == ("success", "all gates pass for 1.1.0")


def test_a_branch_that_somebody_pushed_to_is_not_overwritten(world: World) -> None:
    hold(world, "web", "staging", "--reason", "the sale", "--merge-request")
    world.push(LABEL, {"notes.txt": b"mine\n"})
    said = hold(world, "web", "staging", "--reason", "else", "--merge-request", expect=64)
    assert f"somebody pushed to {LABEL}: merge the request that comes from it" in said.err
    assert b"mine\n" in world.file("notes.txt", LABEL)


def test_a_request_that_was_never_opened_is_opened_by_the_next_call(local: World) -> None:
    """The first one died between the push and the request."""
    words = ("web", "staging", "--reason", "the sale", "--merge-request")
    hold(local, *words)
    head = local.tips()[LABEL]
    git(local.repository, "update-ref", "-d", "refs/promoter/merge-requests/1")
    assert local.requests() == []
    hold(local, *words)
    (request,) = local.requests()
    assert (request.branch, request.head) == (LABEL, head)


def test_the_same_again_changes_it_in_place_or_nothing(local: World) -> None:
    words = ("web", "staging", "--reason", "the sale")
    hold(local, *words)
    tip = local.tips()["main"]
    assert f"stands already on main of {local.url}: {WEB}" in hold(local, *words).out
    assert local.tips()["main"] == tip
    hold(local, *words, "--until", "2030-01-01")
    (row,) = held(local)
    assert row["until"] == "2030-01-02T00:00:00Z"
    assert local.file(WEB).count(b"reason") == 1


def test_globs_are_written_down_and_found_again(local: World) -> None:
    said = hold(local, "w*,api", "[sp]*", "--reason", "the sale", "--output", "json").json
    (change,) = said["holds"]
    assert change["done"] == "committed"
    assert len(change["targets"]) == 4
    assert change["hold"]["file"] == ".promoter/holds/_sp_/w__api.yaml"
    (row,) = held(local)
    assert (row["applications"], row["environments"]) == (["w*", "api"], ["[sp]*"])
    local.promoter("release-hold", "w*,api", "[sp]*")
    assert held(local) == []


def test_what_goes_on_to_hold_is_told(local: World) -> None:
    hold(local, "--all", "--reason", "it moves")
    hold(local, "web", "dev", "--release", "1.1.0", "--release", "1.2.0", "--reason", "slow")
    hold(local, "web", "*", "--release", "1.1.0", "--reason", "loses carts")
    said = local.promoter("release-hold", "web", "dev", "--release", "1.1.0")
    said.line("still held by ann: it moves (.promoter/holds/_all.yaml)")
    said.line("still 1.1.0 is held off by ann: loses carts (.promoter/holds/_all/web.yaml)")
    (left,) = [each for each in held(local) if each["environments"] == ["dev"]]
    assert left["releases"] == ["1.2.0"]


def test_a_freeze_reaches_every_repository_that_answers(local: World) -> None:
    """Two rules of one repository make one file; one that does not answer stops no other."""
    local.write_rules(name="twin", layout="apps/{application}/{environment}.yaml")
    lost = (local.folder / "rules" / "shop.yaml").read_text("utf-8")
    lost = lost.replace(local.url, "file:///nowhere/manifests.git")
    (local.folder / "rules" / "lost.yaml").write_text(lost, "utf-8")
    said = hold(local, "--all", "--reason", "x", expect=64)
    said.line("COMMITTED straight to main of", EVERYTHING)
    said.line("error:", "lost.yaml: file:///nowhere/manifests.git", "no such repository")
    assert subjects(local)[:2].count("Hold everything") == 1
    (row,) = local.promoter("holds", "--output", "json", expect=64).json["holds"]
    assert len(row["targets"]) == 6


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("wbe", "staging"), "no application is named 'wbe'; did you mean 'web'?"),
        (("web", "stagin"), "web has no target in 'stagin'; it has dev, staging, production"),
        (("x*", "prod*"), "no target is x* in prod*: the applications are api and web"),
        (("web",), "name APPLICATION and ENVIRONMENT (globs are right), or --all"),
        (("web", "dev", "--all"), "name APPLICATION and ENVIRONMENT"),
        (("web", "dev", "--until", "soon"), "--until: 'soon' is no time"),
        (("web", "dev", "--until", "2020-01-01"), "--until: 2020-01-01 is over"),
        (("web", "dev", "--release", "ghcr.io/shop/web"), "names no version"),
        (("web", ""), "'' is no name: write a name or a glob"),
    ],
)
def test_slips_are_told_and_nothing_is_written(
    local: World, words: tuple[str, ...], why: str
) -> None:
    tip = local.tips()["main"]
    assert why in hold(local, *words, "--reason", "x", expect=64).err
    assert local.tips()["main"] == tip


def test_a_broken_file_is_listed_holds_what_it_names_and_is_left_alone(local: World) -> None:
    local.publish("1.1.0")
    folder = ".promoter/holds"
    local.push("main", {f"{folder}/dev/web.yaml": b"reason: [\n", f"{folder}/README.md": b"?"})
    said = local.promoter("holds", expect=64)
    said.line("broken  holds 1 target until it is mended")
    said.line(".promoter/holds/dev/web.yaml:2:1: is not YAML: a bracket or a quote is open")
    (row,) = local.promoter("holds", "--output", "json", expect=64).json["holds"]
    assert row["problems"]
    local.run(expect=64)
    assert (local.version("dev/web"), local.version("dev/api")) == ("1.0.0", "1.1.0")
    said = local.promoter("release-hold", "web", "dev", expect=64)
    assert ".promoter/holds/dev/web.yaml:2:1: is not YAML" in said.err
    assert "mend the file, or delete it" in said.err


def test_a_protected_branch_says_what_else_can_be_done(local: World) -> None:
    hook = local.repository / "hooks" / "pre-receive"
    says_no = "! grep -q refs/heads/main || { echo main is protected; exit 1; }"
    hook.write_text(f"#!/bin/sh\n{says_no}\n", "utf-8")
    hook.chmod(0o755)
    said = hold(local, "web", "dev", "--reason", "x", expect=64)
    assert "main is protected" in said.err
    assert "let people merge it (--merge-request), or let the bot push to main" in said.err
    hold(local, "web", "dev", "--reason", "x", "--merge-request")
    assert [each.state for each in local.requests()] == ["open"]


class TestARace:
    def test_elsewhere_is_no_matter(self, local: World) -> None:
        tip = Tip("main", local.tips()["main"])
        local.push("main", {"else.txt": b"x\n"})
        made = self.deliver(local, tip, {"a.txt": b"a\n"})
        assert (local.file("a.txt"), local.file("else.txt")) == (b"a\n", b"x\n")
        assert local.tips()["main"] == made

    def test_in_the_same_file_is_told(self, local: World) -> None:
        tip = Tip("main", local.tips()["main"])
        local.push("main", {"a.txt": b"theirs\n"})
        with pytest.raises(ConflictError, match=r"a\.txt changed on main meanwhile"):
            self.deliver(local, tip, {"a.txt": b"mine\n"})

    def test_that_did_the_same_is_done(self, local: World) -> None:
        tip = Tip("main", local.tips()["main"])
        theirs = local.push("main", {"a.txt": b"a\n"})
        assert self.deliver(local, tip, {"a.txt": b"a\n"}) == theirs

    def test_files_are_taken_away(self, local: World) -> None:
        local.push("main", {"d/a.txt": b"a\n", "d/b.txt": b"b\n"})
        tip = Tip("main", local.tips()["main"])
        self.deliver(local, tip, {"d/a.txt": None, "none.txt": None})
        listed = git(local.repository, "ls-tree", "-r", "--name-only", "main", "d")
        assert listed == "d/b.txt"

    @staticmethod
    def deliver(local: World, tip: Tip, files: dict[str, bytes | None]) -> str:
        from promoter.access.mirror import Mirror

        mirror = Mirror(local.url, local.folder / "racer")
        mirror.refresh()
        repository = GitRepository(mirror, name="bot", email="bot@x", now=local.clock)
        adapters = Adapters(lambda _: repository, lambda _: None, lambda _: None)  # type: ignore[arg-type,return-value]
        address = RepositoryAddress(local.url, "main", "local")
        delivery = Delivery(tip, files, "change\n", "x/y", "t", "b")
        return deliver(adapters, address, delivery, "commit").commit
