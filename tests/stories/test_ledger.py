"""What the bot remembers, in a ref of the manifest repository: it notices a tag that moved, and
loses no more than comfort with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from promoter.engine.ledger import REF
from tests.services.git_server import git
from tests.stories.shop import WEB, Shop, open_shop, timeless

_REFUSES_THE_LEDGER = """\
#!/bin/sh
while read -r old new ref; do
    case $ref in refs/promoter/ledger) echo "not here" >&2; exit 1;; esac
done
"""


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop with one application."""
    with open_shop(tmp_path, monkeypatch, (WEB,), over_http=False) as opened:
        yield opened


def ledger(shop: Shop) -> list[list[str]]:
    """The lines of the only image, without their times."""
    paths = git(shop.repository, "ls-tree", "-r", "--name-only", REF).split()
    (path,) = (each for each in paths if each.startswith("sightings/"))
    lines = git(shop.repository, "show", f"{REF}:{path}").splitlines()
    return [line.split()[1:] for line in lines]


def test_a_tag_that_moves_before_it_is_merged_is_noticed_by_a_fresh_process(kiosk: Shop) -> None:
    """Nothing runs it yet, and no other tag names what it named: only the ledger knows."""
    kiosk.promoter("run")
    kiosk.publish("1.1.0")
    first = kiosk.digests["web", "1.1.0"]
    kiosk.promoter("plan")
    kiosk.folder.joinpath("rules/shop.yaml").write_text(
        kiosk.folder.joinpath("rules/shop.yaml").read_text().replace("automatic", "manual")
    )
    kiosk.promoter("run")
    assert ledger(kiosk) == [["1.0.0", kiosk.digests["web", "1.0.0"]], ["1.1.0", first]]
    kiosk.registry.push_image("shop/web", "1.1.0", labels={"of": "somebody else"})
    shutil.rmtree(kiosk.folder / "cache")
    decision = kiosk.decision("web", "dev")
    assert decision["state"] == "blocked"
    assert "1.1.0" in decision["why"]
    assert first in decision["why"] or first[:19] in decision["why"]
    assert "promoter promote" in decision["why"]
    assert kiosk.requests()["dev/web"]["title"].endswith("1.1.0"), "the request stays for a person"


def test_a_repository_that_refuses_the_ledger_is_promoted_all_the_same(kiosk: Shop) -> None:
    hook = kiosk.repository / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_REFUSES_THE_LEDGER)
    hook.chmod(0o755)
    kiosk.publish("1.1.0")
    said = kiosk.promoter("run")
    assert REF in said.line("warning:", "could not be written")
    assert REF not in kiosk.refs()
    assert kiosk.decision("web", "dev")["running"]["label"] == "1.1.0"


def test_without_its_ledger_the_bot_decides_the_same(kiosk: Shop) -> None:
    kiosk.publish("1.1.0")
    kiosk.promoter("run")
    before = kiosk.promoter("plan", "--output", "json").json
    git(kiosk.repository, "update-ref", "-d", REF)
    shutil.rmtree(kiosk.folder / "cache")
    assert timeless(kiosk.promoter("plan", "--output", "json").json) == timeless(before)
