"""Promise 12 on GitHub and GitLab: the tokens that the bot shows them stand nowhere but in its own
files, also where a forge says them back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from promoter.cli.demo_world import HOST
from tests.services.github.routes import Answer
from tests.services.gitlab.nouns import Token
from tests.stories.canary import GitRecorder, Search, core_of, told
from tests.stories.forge_chapters import OPENERS
from tests.stories.forge_shop import ENVIRONMENTS, Kind, Shop
from tests.stories.github_shop import GitHubShop
from tests.stories.gitlab_shop import GitLabShop
from tests.stories.shop import Terminal

PAT, INSTALLATION, PROJECT, JOB = range(20, 24)
EVERY = Search((PAT, INSTALLATION, PROJECT, JOB))
JWT = "eyJ"
"""How every JSON web token begins."""
ECHOED = {
    ("GET", "requests"): (401, 403, 404, 422, 500),
    ("POST", "requests"): (401, 422),
    ("POST", "statuses"): (403, 422),
}
"""By what is asked, the statuses of the answers that say the token back."""
SOME_ECHOED = [
    pytest.param(each, marks=[] if each == ("POST", "requests") else pytest.mark.soak)
    for each in ECHOED
]
SAID_BACK = "not by"
OPENED = "promoter/dev/api"


class House:
    """One shop, and a terminal beside it in which only the credentials file knows a secret."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop = shop
        self.promoter = Terminal()
        self.own = shop.folder / "own"
        for name in ("own", "cache", "tmp", "home"):
            (shop.folder / name).mkdir()
        (shop.folder / "credentials.yaml").unlink()
        self.recorder = GitRecorder.install(shop.folder / "recorder")
        environment = {
            "HOME": str(shop.folder / "home"),
            "TMPDIR": str(shop.folder / "tmp"),
            "PROMOTER_CACHE": str(shop.folder / "cache"),
            "PROMOTER_RULES": str(shop.folder / "rules"),
            "PROMOTER_REGISTRIES": f"{HOST}=oci-layout:{shop.folder / 'registry'}",
            "PROMOTER_CREDENTIALS": str(self.own / "credentials.yaml"),
            "PATH": os.pathsep.join((str(self.recorder.program.parent), os.environ["PATH"])),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        shop.write_rules({"services": ENVIRONMENTS["services"]}, "")
        shop.publish("1.1.0", "api")

    def log_in(self, entry: Mapping[str, str]) -> None:
        host = self.shop.url.split("/")[2]
        (self.own / "credentials.yaml").write_text(json.dumps({host: dict(entry)}), "utf-8")

    def check(self, *more: str) -> None:
        """No secret (and nothing of `more`) was said, is in a file of the bot's or of the forge,
        in an address that was asked for, or in what git was called with."""
        found = []
        assert self.promoter.said
        texts = {f"promoter {' '.join(each.words)}": each.text for each in self.promoter.said}
        texts |= {"the forge": repr(self.remembered()), "its log": "\n".join(self.addresses())}
        calls = self.recorder.calls()
        assert calls, "no git was called"
        texts["arguments of git"] = b" ".join(a for c in calls for a in c.arguments).decode()
        for place, text in texts.items():
            found += EVERY.in_bytes(text.encode(), place)
            assert not [each for each in more if each in text], place
        for name in ("cache", "tmp", "home", "rules", "saved-1"):
            found += EVERY.in_files(self.shop.folder / name)
        assert not found, told(found)

    def remembered(self) -> object:
        """Requests, comments, statuses and all else that people see; the bytes of the repository
        are put where `check` looks."""
        return self.shop.save()

    def addresses(self) -> list[str]:
        if isinstance(self.shop, GitHubShop):
            return [*self.shop.hub.requests, *self.shop.hub.git_requests]
        assert isinstance(self.shop, GitLabShop)
        return self.shop.gitlab.requests


class Opener(Protocol):
    def __call__(self, kind: Kind) -> House: ...


@pytest.fixture
def open_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    with ExitStack() as stack:
        yield lambda kind: House(stack.enter_context(OPENERS[kind](tmp_path / kind)), monkeypatch)


def work(house: House) -> None:
    """All that a bot does for a newer release, and what looks at it, with all logs on."""
    house.promoter.run_apart("run", "--debug")
    house.shop.publish("1.2.0", "api")
    house.promoter.run_apart("run", "--debug", "--output", "json")
    house.promoter.run_apart("status", "--debug")
    assert [branch for branch, _ in house.shop.requests()] == [OPENED]
    ((_, told_there),) = house.shop.requests()
    assert told_there["comments"]
    assert told_there["statuses"]


@pytest.mark.soak
def test_a_token_of_github(open_house: Opener) -> None:
    house = open_house("github")
    assert isinstance(house.shop, GitHubShop)
    house.shop.hub.world.tokens[core_of(PAT)] = "bot"
    house.log_in({"username": "bot", "password": core_of(PAT)})
    work(house)
    house.check()


def test_the_key_of_a_github_app_and_what_it_gets_by_it(
    open_house: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house("github")
    assert isinstance(house.shop, GitHubShop)
    hub = house.shop.hub
    monkeypatch.setattr(
        "tests.services.github.accounts.secrets.token_hex", lambda _: core_of(INSTALLATION)
    )
    monkeypatch.setattr(hub.world, "clock", type(hub.world).clock)  # the process has the real time
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    (house.own / "app.pem").write_text(private)
    hub.install(hub.add_app(7, "promoter-app", public.decode()), house.shop.shop)
    house.log_in({"github-app": "7", "github-app-key-file": str(house.own / "app.pem")})
    work(house)
    assert hub.effects("token given")
    house.check(JWT, *private.splitlines()[1:-1])


def test_a_token_of_a_gitlab_project(open_house: Opener) -> None:
    house = open_house("gitlab")
    assert isinstance(house.shop, GitLabShop)
    house.shop.gitlab.world.tokens[core_of(PROJECT)] = Token(house.shop.bot_user)
    house.log_in({"username": "bot", "password": core_of(PROJECT)})
    work(house)
    house.check()


def test_the_token_of_a_job_of_gitlab(open_house: Opener) -> None:
    """It opens nothing, and says so."""
    house = open_house("gitlab")
    assert isinstance(house.shop, GitLabShop)
    house.shop.gitlab.world.tokens[core_of(JOB)] = Token(house.shop.bot_user, "job")
    house.log_in({"username": "gitlab-ci-token", "password": core_of(JOB)})
    for verb in ("plan", "run"):
        house.promoter.run_apart(verb, "--debug", expect=64)
    house.check()


def echo(header: str) -> str:
    """A message of an error with what was shown, in the ways in which a forge may say it."""
    proof = header.rpartition(" ")[2]
    return f"{SAID_BACK} {header!r}, {proof}, {quote(proof)}"


@pytest.mark.soak
@pytest.mark.parametrize("asked", ECHOED, ids=" ".join)
def test_a_github_that_says_it_back(
    asked: tuple[str, str], open_house: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house("github")
    assert isinstance(house.shop, GitHubShop)
    hub, (verb, what) = house.shop.hub, asked
    what = {"requests": "pulls"}.get(what, what)
    hub.world.tokens[core_of(PAT)] = "bot"
    house.log_in({"username": "bot", "password": core_of(PAT)})
    answer, status, echoes = hub.answer, 0, list[int]()

    def say_back(
        method: str, target: str, sent: Mapping[str, str | None], content: bytes
    ) -> Answer:
        if method == verb and f"/{what}" in target:
            said = echo(sent["Authorization"] or "")
            echoes.append(status)
            return Answer({"message": said, "errors": [{"message": said}, said]}, status)
        return answer(method, target, sent, content)

    monkeypatch.setattr(hub, "answer", say_back)
    for each in ECHOED[asked]:
        status = each
        _run_whatever_comes(house)
    assert {*echoes} == {*ECHOED[asked]}
    assert f"{SAID_BACK} '" in "".join(each.text for each in house.promoter.said)
    house.check()


@pytest.mark.parametrize("asked", SOME_ECHOED, ids=" ".join)
def test_a_gitlab_that_says_it_back(
    asked: tuple[str, str], open_house: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house("gitlab")
    assert isinstance(house.shop, GitLabShop)
    gitlab, (verb, what) = house.shop.gitlab, asked
    what = {"requests": "merge_requests"}.get(what, what)
    gitlab.world.tokens[core_of(PROJECT)] = Token(house.shop.bot_user)
    house.log_in({"username": "bot", "password": core_of(PROJECT)})
    answer, status, echoes = gitlab.answer, 0, list[int]()

    def say_back(
        method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, object, dict[str, str]]:
        if method == verb and f"/{what}" in target:
            echoes.append(status)
            said = echo(headers["PRIVATE-TOKEN"])
            return status, {"message": {"base": [said]}, "error": said}, {}
        return answer(method, target, headers, body)

    monkeypatch.setattr(gitlab, "answer", say_back)
    for each in ECHOED[asked]:
        status = each
        _run_whatever_comes(house)
    assert {*echoes} == {*ECHOED[asked]}
    assert f"{SAID_BACK} '" in "".join(each.text for each in house.promoter.said)
    house.check()


def _run_whatever_comes(house: House) -> None:
    """How it ends is for other tests; here is asked what it says."""
    try:
        house.promoter.run_apart("run", "--debug")
    except AssertionError:
        assert house.promoter.said[-1].code in (64, 75), house.promoter.said[-1].text
