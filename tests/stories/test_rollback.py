"""A release is taken back: by a merge request on every forge, and straight away where it burns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.git_server import git
from tests.stories.forges import KINDS, World
from tests.stories.shop import ALICE, ALL, API, BOB, WEB, Shop, open_shop
from tests.stories.worlds import open_world

BAN = ".promoter/holds/production/{}.yaml"
WHY = ("--reason", "carts are lost, see INC-7", "--as", "ann")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """1.1.0 runs everywhere since a while, 1.0.0 before."""
    with open_shop(tmp_path, monkeypatch, (WEB, API), over_http=False) as opened:
        promote_everywhere(opened, "1.1.0")
        yield opened


@pytest.fixture
def whole_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The same with all kinds of manifests."""
    with open_shop(tmp_path, monkeypatch, over_http=False) as opened:
        promote_everywhere(opened, "1.1.0")
        yield opened


def promote_everywhere(shop: Shop, version: str, first: int = 0) -> None:
    """`first` is how the first run ends: what is held off waits."""
    shop.publish(version)
    shop.promoter("run", expect=first)
    for request in shop.requests().values():
        shop.promoter("mr", "merge", str(request["number"]), "--as", ALICE)
    shop.promoter("run", expect=3)
    for request in shop.requests().values():
        shop.promoter("mr", "approve", str(request["number"]), "--as", BOB)
    shop.promoter("run")


def test_every_file_becomes_again_what_it_was_byte_for_byte(whole_shop: Shop) -> None:
    shop = whole_shop
    start = git(shop.repository, "rev-list", "--max-parents=0", "main").strip()
    for each in ALL:
        assert shop.file(each, "production") != shop.file(each, "production", start)
        said = shop.promoter("rollback", each.name, "production", "--now", *WHY)
        said.line("COMMITTED straight to main of", shop.tip()[:12])
        said.line("files: byte for byte as they were then")
        said.line(f"1.1.0 is kept out by {BAN.format(each.name)}")
        assert shop.file(each, "production") == shop.file(each, "production", start)
        changed = git(shop.repository, "diff", "--name-only", "main^", "main").split()
        assert changed == sorted([BAN.format(each.name), each.file("production")])
    message = git(shop.repository, "log", "-1", "--format=%B", "main")
    assert message.startswith("Roll back search in production to 1.0.0\n\nBack from 1.1.0 to 1.0.0")
    assert "Promoter-Reason: carts are lost, see INC-\u200b7" in message, (
        "no forge reads a reference"
    )

    # The next look leaves it so, and says why.
    shop.promoter("run", expect=3)
    assert shop.file(WEB, "production") == shop.file(WEB, "production", start)
    said = shop.promoter("why", "web", "production", expect=3)
    said.line("web in production: blocked")
    said.line("x hold (block, guards opening): 1.1.0 is held off by ann: carts are lost")
    said.line("open it: promoter release-hold web production --release 1.1.0")
    shop.check_fresh_equals_warm()

    # A newer release goes on as usual.
    promote_everywhere(shop, "1.2.0", first=3)
    assert "1.2.0" in shop.file(WEB, "production").decode()
    history = shop.promoter("history", "web", "production", "--output", "json").json
    kinds = [each["kind"] for each in history["histories"][0]["entries"]]
    assert kinds == ["promotion", "rollback", "promotion", "first"]


def test_where_people_changed_the_file_since_only_the_image_goes_back(shop: Shop) -> None:
    path = API.file("production")
    text = shop.file(API, "production").replace(b"resources:", b"namePrefix: x-\r\nresources:")
    shop.commit({path: text})
    before = shop.file(API, "production")
    said = shop.promoter("rollback", "api", "production", "--now", *WHY)
    said.line("files: the images alone go back")
    after = shop.file(API, "production")
    assert after == before.replace(b"1.1.0", b"1.0.0").replace(
        shop.digests["api", "1.1.0"].encode(), shop.digests["api", "1.0.0"].encode()
    )


def test_a_second_ban_is_added_to_the_file_that_stands(shop: Shop) -> None:
    path = BAN.format("web")
    mine = b"# mine\nrelease: '0.9.0'\nby: ben\nreason: old\n"
    shop.commit({path: mine})
    shop.promoter("rollback", "web", "production", "--now", *WHY)
    text = git(shop.repository, "show", f"main:{path}")
    assert text.startswith(mine.decode() + "---\n")
    assert 'release: "1.1.0"' in text


def test_a_protected_branch_says_what_else_can_be_done(shop: Shop) -> None:
    hook = shop.repository / "hooks/update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo no pushes; exit 1; }\n')
    hook.chmod(0o755)
    tip = shop.tip()
    said = shop.promoter("rollback", "web", "production", "--now", *WHY, expect=64)
    said.line("let people merge it (leave out --now), or let the bot push to main")
    assert shop.tip() == tip


def test_what_never_ran_there_is_told_with_what_did(shop: Shop) -> None:
    said = shop.promoter("rollback", "web", "production", "--to", "0.9.0", *WHY, expect=64)
    said.line("error: web in production: 0.9.0 never ran in production; before now it ran 1.0.0 (")
    said = shop.promoter("rollback", "web", "produktion", *WHY, expect=64)
    said.line("web has no target in 'produktion'")
    said = shop.promoter("rollback", "web", "production", "--reason", " ", expect=64)
    said.line("--reason: is empty")


@pytest.fixture(params=KINDS)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with open_world(request.param, tmp_path, monkeypatch) as opened:
        yield opened


def test_by_a_merge_request_on_every_forge(world: World) -> None:
    world.only_web()
    world.publish("1.1.0")
    world.run()
    world.merge(world.open()["staging/web"].number, "ann")
    world.clock.pass_by(hours=1)
    world.run(expect=3)
    assert "production/web" in world.open(), "1.1.0 is on its way to production"

    said = world.promoter("rollback", "web", "staging", *WHY)
    assert "web in staging: 1.1.0 -> 1.0.0" in said.out
    seen = world.open()["staging/web"]
    assert seen.title == "Roll back web in staging to 1.0.0"
    assert "**Rollback** of **web** in **staging**" in seen.body
    assert "carts are lost" in seen.body
    assert "Downstream of it:" in seen.body
    assert f"{world.open()['production/web'].number} is open, which would bring it" in seen.body
    again = world.promoter("rollback", "web", "staging", *WHY)
    assert world.open()["staging/web"].number == seen.number
    assert again.code == 0

    # Another process, without any memory, carries it on.
    world.run(expect=3)
    assert world.open()["staging/web"].head == seen.head
    world.merge(seen.number, "ben")
    world.run(expect=3)
    assert "production/web" not in world.open(), "nobody is offered what staging went back from"
    assert "staging/web" not in world.open()
