"""A fix goes to production past what stands before it, for a reason that everybody can read; what
was skipped is filled up behind it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promoter.app import build, read_clock
from promoter.cli.demo_world import HOST as FORGE_HOST
from promoter.engine.ledger import REF
from tests.cli.ci import clear_ci
from tests.services.git_server import git
from tests.stories.forges import REMEMBERS, Kind
from tests.stories.shop import ALICE, HOST, RULE_HEAD, WEB, Said, Shop, open_shop
from tests.stories.worlds import open_world

RULE = (
    RULE_HEAD
    + """\
  dev: {{merge: automatic}}
  staging: {{after: dev, merge: automatic, require: [soak: 1h]}}
  production: {{after: staging, merge: automatic, require: [soak: 24h, approvals: 1]}}
"""
)
REASON = "checkout is down, see PAY-17"


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """1.2.0 has just come to dev, and staging waits for it; 1.1.1 is the fix of what runs."""
    clear_ci(monkeypatch)
    with open_shop(tmp_path, monkeypatch, (WEB,), RULE, over_http=False) as opened:
        opened.publish("1.2.0")
        opened.promoter("run", expect=3)
        opened.publish("1.1.1")
        yield opened


def fix(
    shop: Shop, *more: str, skips: tuple[str, ...] = ("dev", "staging"), expect: int = 3
) -> Said:
    image = f"{HOST}/shop/web:1.1.1@{shop.digests['web', '1.1.1']}"
    words = [word for name in skips for word in ("--skip", name)]
    return shop.promoter(
        *("promote", "web", "--to", "production", "--image", image, "--as", "ann"),
        *(*words, "--reason", REASON, *more),
        expect=expect,
    )


def running(shop: Shop) -> dict[str, str]:
    return {
        each: shop.decision("web", each)["running"]["label"]
        for each in ("dev", "staging", "production")
    }


def gates(decision: Any) -> dict[str, tuple[str, bool]]:
    return {each["gate"]: (each["judgement"], each["skipped"]) for each in decision["gates"]}


def test_it_is_proposed_at_once_and_says_what_it_skips(kiosk: Shop) -> None:
    said = fix(kiosk)
    said.line("opened", "web in production", "1.1.1")
    assert said.line(f"skips dev and staging: {REASON}").startswith("  skips")
    told = fix(kiosk, "--output", "json").json
    assert told["promotion"]["skips"] == ["dev", "staging"]
    assert told["promotion"]["reason"] == REASON
    assert told["promotion"]["requested_by"] == ["ann"]
    assert gates(told["decision"]) == {"soak: 1d": ("pass", True), "approvals: 1": ("wait", False)}

    body = kiosk.promoter("mr", "show", kiosk.number("production/web")).out
    assert (
        "**Hotfix**: it skips **dev** and **staging**, as ann asked: checkout is down, see PAY-17."
        " Once it is merged, dev and staging get it as well, where that is not backwards."
    ) in body.replace("\u200b", "")
    assert f"- soak: 1d: **skipped**, skipped by ann: {REASON}" in body.replace("\u200b", "")
    assert "- approvals: 1: **wait**" in body
    assert "new in the registry" in body
    message = git(kiosk.repository, "log", "-1", "--format=%B", "promoter/production/web")
    assert f"Skips dev and staging, as ann asked: {REASON}" in message.replace("\u200b", "")
    trailers = message.rpartition("\n\n")[2].replace("\u200b", "").splitlines()
    assert "Promoter-Skips: dev" in trailers
    assert "Promoter-Skips: staging" in trailers
    assert f"Promoter-Reason: {REASON}" in trailers
    kiosk.promoter("why", "web", "production", expect=3).line("! soak: 1d", "skipped by ann")


def test_what_it_went_past_is_filled_up_where_that_is_not_backwards(
    kiosk: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix(kiosk)
    number = kiosk.number("production/web")
    kiosk.promoter("mr", "approve", number, "--as", ALICE)
    before = kiosk.tip()
    said = kiosk.promoter("run", expect=3)
    said.line("merged", "web in production", "1.1.1")
    said.line("merged", "web in staging", "1.1.1")
    assert running(kiosk) == {"dev": "1.2.0", "staging": "1.1.1", "production": "1.1.1"}
    assert list(kiosk.landings(before).values()) == [
        {WEB.file(each): kiosk.change(WEB, "1.0.0", "1.1.1")} for each in ("staging", "production")
    ]
    filled = kiosk.number("staging/web", "merged")
    body = kiosk.promoter("mr", "show", filled).out.replace("\u200b", "")
    assert f"**Hotfix**: ann brought it past **dev** and **staging**: {REASON}." in body
    assert "as it ran in production" in body

    assert kiosk.decision("web", "dev")["state"] == "current", "1.2.0 is later"
    assert kiosk.decision("web", "staging")["offered"]["label"] == "1.2.0", "the usual way goes on"
    now = read_clock()
    monkeypatch.setattr(build, "__defaults__", (lambda: now,))
    kiosk.check_fresh_equals_warm()
    kiosk.promoter("run", expect=3).line("nothing to do")


def test_a_process_that_knows_no_ledger_knows_it(kiosk: Shop) -> None:
    fix(kiosk)
    number = kiosk.number("production/web")
    git(kiosk.repository, "update-ref", "-d", REF)
    shutil.rmtree(kiosk.folder / "cache")
    kiosk.promoter("run", expect=3).line("nothing to do")
    decision = kiosk.decision("web", "production")
    assert gates(decision) == {"soak: 1d": ("pass", True), "approvals: 1": ("wait", False)}
    kiosk.promoter("mr", "approve", number, "--as", ALICE)
    git(kiosk.repository, "update-ref", "-d", REF)
    shutil.rmtree(kiosk.folder / "cache")
    kiosk.promoter("run", expect=3)
    assert running(kiosk) == {"dev": "1.2.0", "staging": "1.1.1", "production": "1.1.1"}


def test_who_skips_too_little_is_told_what_is_missing(kiosk: Shop) -> None:
    said = fix(kiosk, skips=("staging",))
    said.line("dev has not run 1.1.1; promote it there first, or skip it too: --skip dev")
    assert kiosk.requests() == {}
    assert fix(kiosk, skips=("staging", "dev", "soak")).line("opened")


def test_plan_tells_it_before_anything_is_done(kiosk: Shop) -> None:
    """A service that runs beside goes on with it, and so does who looks only."""
    fix(kiosk)
    git(kiosk.repository, "update-ref", "-d", "refs/heads/promoter/production/web")
    (kiosk.folder / "again").mkdir()
    plan = kiosk.promoter("plan")
    plan.line("web in production: ")
    assert f"skips dev and staging: {REASON}" in plan.out
    action = kiosk.decision("web", "production")["action"]
    assert (action["skips"], action["reason"]) == (["dev", "staging"], REASON)


@pytest.mark.parametrize("kind", REMEMBERS)
def test_on_a_forge(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_ci(monkeypatch)
    with open_world(kind, tmp_path, monkeypatch) as world:
        world.only_web()
        world.write_rules(
            "  dev: {merge: automatic}\n"
            "  staging: {after: dev, merge: automatic, require: [soak: 1h]}\n"
            "  production: {after: staging, merge: automatic, require: [soak: 24h, approvals: 1]}"
        )
        world.publish("1.2.0", "web")
        world.run(expect=3)
        world.publish("1.1.1", "web")
        world.promoter(
            *("promote", "web", "--to", "production", "--image", f"{FORGE_HOST}/shop/web:1.1.1"),
            *("--skip", "dev", "--skip", "staging", "--reason", "outage @ann", "--as", "ben"),
            expect=3,
        )
        (request,) = world.open().values()
        assert "**Hotfix**: it skips **dev** and **staging**, as ben asked: outage " in request.body
        assert "@ann" not in request.body, "nobody is called"
        world.settle(expect=3)
        world.approve(request.number, "ann")
        world.run(expect=3)
        versions = {each: world.version(f"{each}/web") for each in ("dev", "staging", "production")}
        assert versions == {"dev": "1.2.0", "staging": "1.1.1", "production": "1.1.1"}
        landed = git(world.repository, "log", "--format=%B", "main")
        assert "Promoter-Skips: staging" in landed
        world.settle(expect=3)
