"""A bot comes to a shop that was there before: nobody gets a hundred merge requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.git_server import git
from tests.stories.shop import CART, WEB, Shop, open_shop

BASELINE = ".promoter/baseline/{}.yaml"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """1.2.0 runs in dev, 1.1.0 in staging, 1.0.0 in production; 1.3.0 is in the registry."""
    with open_shop(tmp_path, monkeypatch, (WEB, CART), over_http=False) as opened:
        for version in ("1.1.0", "1.2.0", "1.3.0"):
            opened.publish(version)
        for environment, version in (("staging", "1.1.0"), ("dev", "1.2.0")):
            opened.commit(
                {
                    each.file(environment): each.write(
                        environment, version, opened.digests[each.name, version]
                    )
                    for each in (WEB, CART)
                }
            )
        yield opened


def test_a_shop_is_adopted_as_it_is(shop: Shop) -> None:
    planned = shop.promoter("plan", "--detailed-exitcode", expect=2)
    assert "6 to open" in planned.out
    tip = shop.tip()
    said = shop.promoter("adopt", "--dry-run", "--as", "ann")
    said.line("would adopt 6 targets on main of")
    said.line("web in production", "runs 1.0.0", "baseline 1.1.0")
    assert shop.tip() == tip

    said = shop.promoter("adopt", "--as", "ann")
    said.line("COMMITTED straight to main of", shop.tip()[:12], "6 targets adopted")
    text = git(shop.repository, "show", f"main:{BASELINE.format('dev')}")
    assert f'web: "registry.shop.example/shop/web:1.3.0@{shop.digests["web", "1.3.0"]}"' in text
    assert shop.promoter("run").out.startswith("nothing to do")
    assert shop.requests() == {}
    shop.promoter("why", "web", "staging").line("held-back")
    again = shop.promoter("adopt", "--as", "ann")
    again.line("nothing to adopt on main of")
    shop.check_fresh_equals_warm()

    # What is newer goes its way, environment by environment.
    shop.publish("1.4.0", "web")
    shop.promoter("run")
    assert b"1.4.0" in shop.file(WEB, "dev")
    assert set(shop.requests()) == {"staging/web"}
    assert b"1.2.0" in shop.file(CART, "dev")


def test_some_of_it_and_by_a_merge_request(shop: Shop) -> None:
    tip = shop.tip()
    said = shop.promoter("adopt", "web", "--environment", "production", "--merge-request")
    said.line("merge request", "adopts 1 target once it is merged")
    assert shop.tip() == tip
    again = shop.promoter("adopt", "web", "--environment", "production", "--merge-request")
    assert again.out == said.out, "it is found again"
    said = shop.promoter("adopt", "wbe", expect=64)
    said.line("no application is named 'wbe'; did you mean 'web'?")
    said = shop.promoter("adopt", "--environment", "prod", expect=64)
    said.line("no target is in 'prod'; there are dev, staging, production")


def test_a_baseline_that_can_not_be_read_is_told_with_its_place(shop: Shop) -> None:
    shop.commit({BASELINE.format("staging"): b"web: [\n"})
    said = shop.promoter("run", expect=64)
    assert f"{BASELINE.format('staging')}:" in said.text
    assert b"1.3.0" in shop.file(WEB, "dev"), "others go on"


def test_machines_read_it_too(shop: Shop) -> None:
    said = shop.promoter("adopt", "--output", "json").json["adoptions"][0]
    assert len(said["targets"]) == 6
    assert said["commit"] == shop.tip()
    assert {each["baseline"]["label"] for each in said["targets"]} == {"1.1.0", "1.2.0", "1.3.0"}
