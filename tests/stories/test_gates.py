"""Gates of time, origin and upstream checks, from the rule file to the merge, in real Git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.shop import ALICE, HOST, WEB, Shop, open_shop


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop with one application."""
    with open_shop(tmp_path, monkeypatch, (WEB,), over_http=False) as opened:
        yield opened


def require(shop: Shop, *gates: str) -> None:
    """Production wants these in place of what it wanted."""
    file = shop.folder / "rules/shop.yaml"
    text = file.read_text()
    before = text.index("      - approvals: 1\n")
    file.write_text(text[:before] + "".join(f"      - {each}\n" for each in gates))


def test_the_checks_of_the_commit_in_staging_open_production(kiosk: Shop) -> None:
    require(kiosk, "checks: {of: upstream, names: [test]}", f"registries: [{HOST}/shop]")
    kiosk.publish("1.1.0")
    kiosk.promoter("run")
    staging = kiosk.number("staging/web")
    kiosk.promoter("mr", "check", staging, "test", "success", "--as", ALICE)
    kiosk.promoter("mr", "merge", staging, "--as", ALICE)
    landed = kiosk.tip()

    kiosk.promoter("run", expect=3)
    assert "production/web" not in kiosk.requests(), "what ran on the request's head is another"
    gate = kiosk.decision("web", "production")["gates"][0]
    assert gate["why"] == f"test not reported yet on {landed[:8]} of staging"
    assert gate["guards"] == "open"
    assert gate["seen_at"] is not None

    url = "https://ci.example.com/7"
    said = kiosk.promoter("mr", "check", staging, "test", "failure", "--url", url, "--as", ALICE)
    said.line(f"test is failure at {landed[:8]}")
    assert kiosk.decision("web", "production")["gates"][0]["remedy"] == url
    kiosk.promoter("mr", "check", staging, "test", "success", "--as", ALICE)
    kiosk.promoter("run")
    assert kiosk.decision("web", "production")["running"]["label"] == "1.1.0"


def test_a_closed_window_keeps_the_request_and_an_open_one_merges_it(kiosk: Shop) -> None:
    require(kiosk, 'window: {allow: "2099-01-01"}')
    kiosk.publish("1.1.0")
    kiosk.promoter("run")
    kiosk.promoter("mr", "merge", kiosk.number("staging/web"), "--as", ALICE)
    kiosk.promoter("run", expect=3)
    assert "production/web" in kiosk.requests(), "it guards the merge only"
    decision = kiosk.decision("web", "production")
    assert decision["state"] == "blocked", "nobody waits that long"
    assert decision["gates"][0]["opened_by"] == "a change of the rule file"

    file = kiosk.folder / "rules/shop.yaml"
    file.write_text(file.read_text().replace("allow", "deny"))
    kiosk.promoter("run")
    assert kiosk.decision("web", "production")["running"]["label"] == "1.1.0"
