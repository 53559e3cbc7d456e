"""Two promotions, a revert by hand and a direct edit: what `history` and `report` tell of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promoter.engine.ledger import REF
from tests.services.git_server import git
from tests.stories.shop import ALICE, BOB, HOST, WEB, Shop, open_shop

WRONG = {
    ("history", "wep"): "did you mean 'web'",
    ("history", "web", "prod"): "no target in 'prod'",
    ("history", "web", "--limit", "0"): "give 1 or more",
    ("report", "--since", "90"): "write 90s, 90m, 90h or 90d",
    ("report", "--since", "2999-01-01"): "not in the past",
    ("report", "--application", "wep"): "did you mean 'web'",
    ("report", "--environment", "prod"): "no target is in an environment named 'prod'",
}


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """1.1.0 and 1.2.0 went to dev by the bot, and 1.1.0 to staging by Alice; then somebody put dev
    back to 1.1.0 by hand, and later to 1.3.0."""
    with open_shop(tmp_path, monkeypatch, (WEB,), over_http=False) as shop:
        shop.publish("1.1.0")
        shop.promoter("run")
        shop.promoter("mr", "merge", shop.number("staging/web"), "--as", ALICE)
        before = shop.file(WEB, "dev")
        shop.publish("1.2.0")
        shop.promoter("run", expect=3)
        shop.commit({WEB.file("dev"): before}, message='Revert "Promote web"')
        shop.publish("1.3.0")
        with_1_3 = before.replace(b"1.1.0", b"1.3.0").replace(
            shop.digests["web", "1.1.0"].encode(), shop.digests["web", "1.3.0"].encode()
        )
        shop.commit({WEB.file("dev"): with_1_3}, message="1.3.0 by hand")
        yield shop


def told(shop: Shop, environment: str, *words: str) -> list[dict[str, Any]]:
    said = shop.promoter("history", "web", environment, "--output", "json", *words).json
    (history,) = said["histories"]
    entries: list[dict[str, Any]] = history["entries"]
    return entries


def test_history_tells_how_each_release_came(kiosk: Shop) -> None:
    dev = told(kiosk, "dev")
    assert [(each["release"]["label"], each["kind"], each["origin"]) for each in dev] == [
        ("1.3.0", "direct", None),
        ("1.1.0", "revert", None),
        ("1.2.0", "promotion", "registry"),
        ("1.1.0", "promotion", "registry"),
        ("1.0.0", "first", None),
    ]
    assert [each["back"] for each in dev] == [False, True, False, False, False]
    hand, revert, second, first, _ = dev
    assert (hand["by"], revert["by"]) == ("Ann <ann@example.com>",) * 2
    assert "promoter" in first["by"], "the bot merges in dev"
    assert second["merge_request"]["url"].endswith(f"#{second['merge_request']['number']}")
    assert first["merge_request"]["number"] < second["merge_request"]["number"]
    assert (revert["merge_request"], hand["until"], revert["until"]) == (
        None,
        None,
        hand["since"],
    )
    assert first["offered_at"] is not None
    assert first["offered_at"] <= first["since"]

    promoted, _ = told(kiosk, "staging")
    alice = "alice@example.com"
    assert (promoted["kind"], promoted["origin"], promoted["by"]) == ("promotion", "dev", alice)

    text = kiosk.promoter("history", "web")
    text.line("1.2.0", "ran", "promotion from registry")
    text.line("1.1.0", "went back by a direct commit")
    text.line("1.3.0", "runs for", "a direct commit")
    text.line("merged by alice@example.com")
    assert text.out.index("web in dev") < text.out.index("web in staging")
    newest = kiosk.promoter("history", "web", "dev", "--limit", "2")
    newest.line("and 3 older", "--limit 5")
    assert "1.2.0" not in newest.out
    page = kiosk.promoter("history", "web", "staging", "--output", "markdown").out
    assert "| 1.1.0 |" in page
    assert "| promotion from dev |" in page

    words = ("history", "web", "--output", "json")
    cache = str(kiosk.folder / "fresh")
    assert kiosk.promoter(*words).json == kiosk.promoter(*words, "--cache", cache).json
    git(kiosk.repository, "update-ref", "-d", REF)
    without_gates = [{**each, "offered_at": None, "gates": []} for each in dev]
    assert told(kiosk, "dev") == without_gates, "losing the ledger loses comfort"
    for wrong, why in WRONG.items():
        assert why in kiosk.promoter(*wrong, expect=64).err


def test_report_counts_what_went_forward_and_what_was_taken_back(
    kiosk: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = kiosk.promoter("report", "--since", "2020-01-01", "--output", "json").json
    rows = {(row["environment"], row["application"]): row for row in report["rows"]}
    dev, staging = rows["dev", "web"], rows["staging", "web"]
    assert rows["dev", None] == {**dev, "application": None}
    assert (dev["deployments"], dev["failed"]) == (3, 1)
    assert dev["change_failure_rate"] == pytest.approx(1 / 3)
    assert dev["time_to_restore"]["known"] == 1
    assert (staging["deployments"], staging["failed"]) == (1, 0)
    assert rows["production", "web"]["deployments"] == 0
    assert staging["lead_time"]["known"] + staging["lead_time"]["unknown"] == 1
    table = kiosk.promoter("report", "--since", "2020-01-01", "--environment", "dev")
    table.line("dev", "web", "33%")
    page = kiosk.promoter("report", "--since", "2020-01-01", "--output", "markdown").out
    assert "| dev | web | 3 |" in page

    # A registry that does not answer is told, and the rest is printed.
    monkeypatch.setenv("PROMOTER_REGISTRIES", f"{HOST}=http://127.0.0.1:9")
    told(kiosk, "dev")
    said = kiosk.promoter("report", "--since", "2020-01-01", "--output", "json", expect=75)
    rows = {(row["environment"], row["application"]): row for row in said.json["rows"]}
    assert (rows["dev", "web"]["deployments"], rows["dev", "web"]["lead_time"]["unknown"]) == (3, 3)
    assert {each["kind"] for each in said.json["troubles"]} == {"transient"}


def test_how_long_each_gate_took_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_shop(tmp_path, monkeypatch, (WEB,), over_http=False) as shop:
        shop.publish("1.1.0")
        shop.promoter("run")
        shop.promoter("mr", "merge", shop.number("staging/web"), "--as", ALICE)
        shop.promoter("run", expect=3)
        shop.promoter("mr", "approve", shop.number("production/web"), "--as", BOB)
        shop.promoter("run")
        entry = told(shop, "production")[0]
        assert [each["gate"] for each in entry["gates"]] == ["approvals: 1"]
        assert entry["offered_at"] <= entry["gates"][0]["passed_at"]
        shop.promoter("history", "web", "production").line("approvals: 1 passed", "after")
