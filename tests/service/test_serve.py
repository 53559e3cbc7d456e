"""`promoter serve` as an operator runs it: a process, a registry that tells it of pushes, a git
server, and signals."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from tests.service.process import Serving, free_port, serving, start
from tests.services.notifications import Receiver
from tests.stories.shop import GIT_PASSWORD, REGISTRY_PASSWORD, WEB, Shop, open_shop

HOOK = "canary-of-the-hook-5c2e"
_WITHIN = 60.0


@dataclass
class Served:
    shop: Shop
    port: int
    secrets: Path

    def serve(self, *flags: str):  # type: ignore[no-untyped-def] # as `serving`
        environment = {"PROMOTER_WEBHOOK_SECRETS": str(self.secrets)}
        return serving(environment, "--poll", "1h", *flags, port=self.port)

    def requests(self) -> list[str]:
        refs = self.shop.refs()
        return sorted(each.partition("promoter/")[2] for each in refs if "heads/promoter" in each)

    def wait_for_requests(self, *wanted: str) -> None:
        deadline = time.monotonic() + _WITHIN
        while self.requests() != sorted(wanted):
            assert time.monotonic() < deadline, f"{self.requests()} and not {wanted}"
            time.sleep(0.02)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    port, secrets = free_port(), tmp_path / "webhooks"
    secrets.mkdir()
    (secrets / "distribution").write_text(f"{HOOK}\n")
    notify = Receiver(f"http://127.0.0.1:{port}/webhooks/distribution", f"Bearer {HOOK}")
    with open_shop(tmp_path, monkeypatch, (WEB,), notify=notify) as shop:
        yield Served(shop, port, secrets)


def first_look(bot: Serving) -> None:
    deadline = time.monotonic() + _WITHIN
    while not bot.metric("promoter_looks_total"):
        assert time.monotonic() < deadline, bot.lines
        time.sleep(0.02)


def test_a_push_goes_its_whole_way_and_no_secret_gets_out(served: Served) -> None:
    """The registry tells of the push; nobody polls."""
    with served.serve("--debug") as bot:
        first_look(bot)
        assert bot.get("/healthz").status == bot.get("/readyz").status == 200
        served.shop.publish("1.1.0")
        served.wait_for_requests("staging/web")
        line = bot.wait_for("opened    web in staging")
        assert (line["application"], line["environment"]) == ("web", "staging")
        assert bot.metric("promoter_promotions_total", 'deed="merged",environment="dev"') == 1
        assert bot.metric("promoter_webhooks_total", 'result="looked"') >= 1
        text = bot.get("/metrics").data.decode()
        assert bot.end() == 0
        assert bot.lines[-1]["message"] == "stopped"
        for secret in (HOOK, GIT_PASSWORD, REGISTRY_PASSWORD):
            assert secret not in text
            assert not [each for each in bot.lines if secret in str(each)]


def test_secrets_that_are_rotated_count_at_once(served: Served) -> None:
    with served.serve() as bot:
        first_look(bot)
        (served.secrets / "distribution").write_text("canary-of-a-new-one-0001\n")
        (served.shop.folder / "git.password").write_text("wrong-for-a-while-77\n")
        served.shop.publish("1.1.0")
        bot.wait_for("webhook refused: source distribution, status 401")
        assert served.requests() == []
        (served.shop.folder / "git.password").write_text(f"{GIT_PASSWORD}\n")
        (served.secrets / "distribution").write_text(f"canary-of-a-new-one-0001\n{HOOK}\n")
        served.shop.publish("1.2.0")
        served.wait_for_requests("staging/web")


def test_the_rules_of_a_protected_branch_are_read_again_and_broken_ones_are_not_taken(
    served: Served,
) -> None:
    text = (served.shop.folder / "rules/shop.yaml").read_bytes()
    served.shop.commit({"rules/shop.yaml": text})
    url = served.shop.git.url("shop.git")
    with served.serve("--repository", url, "--rules", "rules") as bot:
        first_look(bot)
        served.shop.commit({"rules/shop.yaml": text.replace(b"semver", b"server")})
        _tell_of_a_push(served, url)
        bot.wait_for("the last good version stays in force")
        assert "rules/shop.yaml:5:" in str(bot.lines)
        assert bot.metric("promoter_rules_broken") == 1
        served.shop.publish("1.1.0")
        served.wait_for_requests("staging/web")


def _tell_of_a_push(served: Served, url: str) -> None:
    (served.secrets / "gitlab").write_text(f"{HOOK}\n")
    push = {"object_kind": "push", "ref": "refs/heads/main", "project": {"git_http_url": url}}
    answer = urllib3.request(
        "POST",
        f"http://127.0.0.1:{served.port}/webhooks/gitlab",
        headers={"X-Gitlab-Token": HOOK, "X-Gitlab-Event": "Push Hook"},
        json=push,
    )
    assert answer.status == 202, answer.data


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(served: Served, sign: signal.Signals) -> None:
    with served.serve() as bot:
        assert bot.end(sign) == 0
        assert bot.lines[-1]["message"] == "stopped"


@pytest.mark.parametrize(
    ("environment", "flags", "says"),
    [
        ({}, ["--poll", "soon"], "setting poll (PROMOTER_POLL, or its flag): 'soon' is not a"),
        ({}, ["--poll", "1s"], "setting poll (PROMOTER_POLL, or its flag): write at least 5s"),
        (
            {"PROMOTER_PARALLEL": "0"},
            [],
            "setting parallel (PROMOTER_PARALLEL, or its flag): write",
        ),
        ({}, ["--listen", "8080"], "setting listen (PROMOTER_LISTEN, or its flag): write"),
        ({}, ["--rules", "nowhere"], "nowhere: no such rule file or directory"),
    ],
)
def test_what_is_wrong_ends_the_start_with_one_line(
    environment: dict[str, str], flags: list[str], says: str, tmp_path: Path
) -> None:
    process = start({"PROMOTER_CACHE": str(tmp_path), **environment}, *flags)
    _, told = process.communicate(timeout=_WITHIN)
    (line,) = [each for each in told.splitlines() if "listening" not in each]
    assert says in line
    assert process.returncode == 64


def test_an_address_that_is_taken_is_told(served: Served) -> None:
    with served.serve():
        process = start({}, port=served.port)
        _, told = process.communicate(timeout=_WITHIN)
        assert f"can't listen on 127.0.0.1:{served.port}" in told
        assert process.returncode == 64
