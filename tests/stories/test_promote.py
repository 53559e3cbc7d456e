"""A CI job asks for what it has just built: once, twice, late, at the same time as another, and
killed half-way; a service goes on with it, and people say no."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from promoter.cli import main
from promoter.engine.ledger import REF
from promoter.engine.reconcile import Scope, reconcile
from promoter.model.image import ImageReference
from promoter.model.ledger import Wish
from promoter.model.release import Release
from tests.cli.ci import clear_ci
from tests.services.git_server import git
from tests.stories.apart import run_apart, run_commands
from tests.stories.effects import Step, numbered
from tests.stories.kiosk import built, open_kiosk
from tests.stories.shop import ALICE, WEB, Shop
from tests.stories.two_shops import NOW, TwoShops

MANUAL = {"web": "  dev: {}\n"}
_REFUSES_THE_LEDGER = """\
#!/bin/sh
[ "$1" != refs/promoter/ledger ] || { echo "nothing of the bot's here" >&2; exit 1; }
"""


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with open_kiosk(tmp_path, monkeypatch, over_http=False) as opened:
        yield opened


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The same, its repository behind a server."""
    with open_kiosk(tmp_path, monkeypatch) as opened:
        yield opened


def promote(shop: Shop, version: str, expect: int = 0) -> Any:
    words = ("promote", "web", "--to", "dev", "--image", built(shop, version), "--as", "ada")
    return shop.promoter(*words, "--output", "json", expect=expect).json["promotion"]


def forget_the_cache(shop: Shop) -> None:
    shutil.rmtree(shop.folder / "cache")


class TestOneJob:
    def test_asks_right_after_a_build(self, kiosk: Shop) -> None:
        assert kiosk.promoter("run").out.startswith("nothing to do")
        answer = promote(kiosk, "1.1.0")
        assert (answer["state"], answer["release"]["label"]) == ("proposed", "1.1.0")
        (image,) = answer["release"]["artifacts"]
        assert image["digest"] == kiosk.digests["web", "1.1.0"]
        request = kiosk.requests()["dev/web"]
        assert answer["merge_request"]["url"] == request["url"]
        kiosk.promoter("mr", "merge", str(request["number"]), "--as", ALICE)
        assert promote(kiosk, "1.1.0")["merge_request"]["url"] == request["url"]
        assert promote(kiosk, "1.1.0")["state"] == "current"
        assert kiosk.file(WEB, "dev").count(b'newTag: "1.1.0"') == 1

    def test_a_second_call_pushes_nothing_and_answers_the_same(self, served: Shop) -> None:
        first = promote(served, "1.1.0")
        pushes, before = len(served.git.pushes), served.refs()
        assert promote(served, "1.1.0") == first
        forget_the_cache(served)
        assert promote(served, "1.1.0") == first
        assert (len(served.git.pushes), served.refs()) == (pushes, before)

    def test_that_is_late_does_nothing(self, kiosk: Shop) -> None:
        newer = promote(kiosk, "1.2.0")
        before = kiosk.refs()
        answer = promote(kiosk, "1.1.0")
        assert (answer["state"], answer["superseded_by"]["label"]) == ("held-back", "1.2.0")
        assert answer["merge_request"] == newer["merge_request"], "where to look instead"
        assert kiosk.refs() == before

    def test_waits_for_the_upstream_and_for_its_gate(self, kiosk: Shop) -> None:
        words = ("promote", "web", "--to", "staging", "--image", built(kiosk, "1.1.0"))
        said = kiosk.promoter(*words, expect=3)
        assert "dev runs no 1.1.0; promote it there first" in said.out
        promote(kiosk, "1.1.0")
        kiosk.promoter("mr", "merge", kiosk.number("dev/web"), "--as", ALICE)
        said = kiosk.promoter(*words, expect=3)
        assert "web in staging: waiting 1.1.0" in said.out
        assert "of 1h" in said.out
        forget_the_cache(kiosk)
        (asked,) = kiosk.decision("web", "staging")["requested"]
        assert (asked["state"], asked["release"]["label"]) == ("waiting", "1.1.0")


class TestAService:
    def test_keeps_what_was_asked_for(self, kiosk: Shop) -> None:
        promote(kiosk, "1.1.0")
        before = kiosk.refs()
        forget_the_cache(kiosk)
        assert kiosk.promoter("run").out.startswith("nothing to do")
        assert kiosk.refs() == before
        decision = kiosk.decision("web", "dev")
        assert (decision["state"], decision["offered"]["label"]) == ("proposed", "1.1.0")
        kiosk.check_fresh_equals_warm()

    def test_and_a_person_who_closes_it_is_not_fought(self, kiosk: Shop) -> None:
        promote(kiosk, "1.1.0")
        kiosk.promoter("mr", "close", kiosk.number("dev/web"), "--as", ALICE)
        for _ in range(2):
            answer = promote(kiosk, "1.1.0", expect=3)
            assert answer["state"] == "rejected"
            assert "alice@example.com closed merge request" in answer["why"]
            kiosk.promoter("run")
        assert kiosk.requests() == {}
        assert promote(kiosk, "1.2.0")["state"] == "proposed", "another one is another matter"

    def test_a_tag_that_moved_is_taken_knowingly(self, kiosk: Shop) -> None:
        promote(kiosk, "1.1.0")
        kiosk.promoter("mr", "merge", kiosk.number("dev/web"), "--as", ALICE)
        old = built(kiosk, "1.1.0")
        kiosk.digests["web", "1.1.0"] = kiosk.registry.push_image(
            "shop/web", "1.1.0", labels={"built": "again"}
        )
        words = ("promote", "web", "--to", "dev", "--image")
        assert "current 1.1.0" in kiosk.promoter(*words, old).out
        assert promote(kiosk, "1.1.0")["state"] == "proposed"
        kiosk.promoter("mr", "merge", kiosk.number("dev/web"), "--as", ALICE)
        assert built(kiosk, "1.1.0").rpartition("@")[2].encode() in kiosk.file(WEB, "dev")

    def test_without_a_ledger_what_waits_would_be_forgotten(self, kiosk: Shop) -> None:
        promote(kiosk, "1.1.0")
        kiosk.promoter("mr", "merge", kiosk.number("dev/web"), "--as", ALICE)
        hook = kiosk.repository / "hooks/update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_REFUSES_THE_LEDGER)
        hook.chmod(0o755)
        words = ("promote", "web", "--to", "staging", "--image", built(kiosk, "1.1.0"))
        said = kiosk.promoter(*words, expect=75)
        assert "nothing of the bot's here" in said.line("warning:", REF)
        said.line("error: web in staging waits, and nobody but this call knows")

    def test_what_could_not_be_done_is_not_said_to_be(self, served: Shop) -> None:
        """The bot may read the repository and not write to it."""
        served.git.read_only = True
        answer = promote(served, "1.1.0", expect=64)
        assert (answer["state"], answer["merge_request"]) == ("blocked", None)
        assert "shop.git" in answer["why"]
        served.git.read_only = False
        served.git.fail_with(503)
        words = ("promote", "web", "--to", "dev", "--image", built(served, "1.1.0"))
        assert "503" in served.promoter(*words, expect=75).err
        served.git.fail_with(None)
        assert promote(served, "1.1.0")["state"] == "proposed"


def test_two_jobs_at_once_end_with_the_later_release(served: Shop) -> None:
    newer, older = run_commands(
        *(
            [
                *("promote", "web", "--to", "dev", "--image", built(served, version)),
                *("--output", "json", "--cache", str(served.folder / version)),
            ]
            for version in ("1.2.0", "1.1.0")
        )
    )
    assert [(each.code, each.err) for each in (newer, older)] == [(0, ""), (0, "")]
    assert json.loads(newer.out)["promotion"]["state"] == "proposed"
    requests = served.promoter("mr", "list", "--all", "--output", "json").json["merge_requests"]
    assert [(each["state"], each["title"]) for each in requests] == [
        ("open", "Promote web to dev: 1.2.0")
    ]
    assert git(served.repository, "rev-list", "--count", "main..promoter/dev/web") == "1"
    assert served.promoter("run").out.startswith("nothing to do")


@pytest.mark.soak
class TestAJobThatIsKilled:
    """At every effect; the next call ends like an undisturbed one."""

    def test_leaves_no_trace(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clear_ci(monkeypatch)
        before = TwoShops.make(tmp_path / "before")
        before.publish("1.1.0", "web")
        calm = before.copy(tmp_path / "calm").write_rules(MANUAL)
        steps: list[Step] = []
        _promote(calm, steps.append)
        expected = _told(calm), _call(calm, capsys)
        assert [each.name for each in steps[::2]] == ["commit", "push", "open"]
        for step in steps:
            shops = before.copy(tmp_path / f"{step.moment}-{step.number}").write_rules(MANUAL)
            assert run_apart(_promote_and_die, shops, step) == -signal.SIGKILL
            answer = _call(shops, capsys)
            assert (_told(shops), answer) == expected, step


def _promote(shops: TwoShops, watch: Any) -> None:
    app = shops.app(NOW + timedelta(minutes=1))
    release = Release.of([ImageReference.parse("registry.example.com/shop/web:1.1.0")])
    wish = Wish("web", "dev", release, app.clock(), "ada")
    scope = Scope(app.rules()[0], (wish,), frozenset({("web", "dev")}))
    reconcile(scope, numbered(app.adapters, watch), app.clock)


def _promote_and_die(shops: TwoShops, at: Step) -> None:
    def watch(step: Step) -> None:
        if step == at:
            os.kill(os.getpid(), signal.SIGKILL)

    _promote(shops, watch)


def _call(shops: TwoShops, capsys: pytest.CaptureFixture[str]) -> Mapping[str, Any]:
    """The same as a command; its answer without what differs between two folders."""
    image = "registry.example.com/shop/web:1.1.0"
    words = ("promote", "web", "--to", "dev", "--image", image, "--as", "ada", "--output", "json")
    capsys.readouterr()
    assert main([*words, *shops.arguments()]) == 0
    told = json.loads(capsys.readouterr().out)["promotion"]
    request = told["merge_request"]
    return {
        **{name: told[name] for name in ("state", "release", "requested_by")},
        **{name: request[name] for name in ("number", "state", "title")},
        "url": request["url"].rpartition("#")[2],
    }


def _told(shops: TwoShops) -> dict[str, Any]:
    """What people see, and who asked; not when."""
    seen = shops.contents()
    (wish,) = json.loads(git(shops.repository, "show", f"{REF}:wishes/dev/web"))
    del wish["at"]
    return {**seen, REF: (sorted(seen[REF]), wish)}
