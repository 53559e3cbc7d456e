"""How the bot stands in a repository on GitHub, as far as its token may see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from promoter.access.credentials import Credential, Credentials, GitHubApp
from promoter.forges.github.connect import connect, git_credential, log_in
from promoter.forges.github.forge import GitHubForge
from promoter.model.ports import Protection as Seen
from promoter.model.ports import Rights
from tests.services.git_server import DATE, git
from tests.services.github.fake import FakeGitHub, fake_github
from tests.services.github.people import HostedRepository
from tests.services.github.state import Protection

FILE = "apps/web.yaml"
Kind = Literal["protection", "ruleset"]


class World:
    def __init__(self, hub: FakeGitHub) -> None:
        self.hub = hub
        self.now = DATE
        for login in ("bot", "boss", "reader"):
            hub.add_user(login, f"t0ken-of-{login}")
        self.shop: HostedRepository = hub.create(
            "acme/shop", {FILE: b"1\n"}, admin=("boss",), write=("bot",), read=("reader",)
        )

    def forge(self, token: str = "t0ken-of-bot") -> GitHubForge:
        host = self.shop.url.split("/")[2]
        known = Credentials({host: Credential("git", token)})
        return connect(self.shop.url, credentials=known, now=lambda: self.now, write_pause=0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with fake_github(tmp_path / "hub") as hub:
        yield World(hub)


def test_a_person_who_may_write_on_a_branch_without_protection(world: World) -> None:
    footing = world.forge().footing("main")
    may = dict.fromkeys(("push", "open", "merge", "see_approvals", "publish"), True)
    assert footing.rights == Rights("bot", **may, bypass=False, starts_pipelines=True)
    assert footing.protection == Seen(is_on=False, approvals=0, checks=())
    assert footing.problems == ()


def test_a_reader_may_nothing(world: World) -> None:
    rights = world.forge("t0ken-of-reader").footing("main").rights
    assert (rights.push, rights.open, rights.merge, rights.publish) == (False,) * 4


@pytest.mark.parametrize(("bypass", "passes"), [((), False), (("bot",), True)])
def test_rulesets_are_seen_whole_by_who_may_write(
    world: World, bypass: tuple[str, ...], passes: bool
) -> None:
    asked = Protection(reviews=2, checks=("build", "promoter"), strict=True, queue=True)
    asked.by, asked.bypass = "ruleset", bypass
    world.shop.protect("main", asked)
    world.hub.requests.clear()
    forge = world.forge()
    footing = forge.footing("main")
    assert footing.protection == Seen(
        True, 2, ("build", "promoter"), up_to_date=True, queue=True, stale_approvals=True
    )
    assert footing.rights.bypass is passes
    count = len(world.hub.requests)
    forge.footing("main")
    assert len(world.hub.requests) == count
    world.now += timedelta(minutes=5)
    forge.footing("main")
    assert len(world.hub.requests) > count


@pytest.mark.parametrize("by", ["ruleset", "protection"])
@pytest.mark.parametrize("dismisses", [True, False])
def test_whether_a_push_takes_approvals_back(world: World, by: Kind, dismisses: bool) -> None:
    world.shop.protect("main", Protection(reviews=1, dismiss_stale=dismisses, by=by))
    found = world.forge("t0ken-of-boss").footing("main").protection
    assert (found.is_on, found.stale_approvals) == (True, not dismisses)


@pytest.mark.parametrize("by", ["ruleset", "protection"])
def test_checks_alone_want_no_pull_request(world: World, by: Kind) -> None:
    """A commit that passed them anywhere may be pushed."""
    world.shop.protect("main", Protection(checks=("promoter",), by=by))
    found = world.forge("t0ken-of-boss").footing("main").protection
    assert (found.is_on, found.approvals, found.checks) == (False, 0, ("promoter",))


def test_whether_a_ruleset_holds_for_a_reader_is_not_told(world: World) -> None:
    world.shop.protect("main", Protection(reviews=1, by="ruleset"))
    footing = world.forge("t0ken-of-reader").footing("main")
    assert footing.rights.bypass is None
    assert "takes write access" in " ".join(footing.problems)


def test_a_classic_protection_is_seen_in_part_and_the_rest_is_a_problem(world: World) -> None:
    world.shop.protect("main", Protection(reviews=2, checks=("build",)))
    footing = world.forge().footing("main")
    assert footing.protection == Seen(is_on=None, approvals=None, checks=("build",))
    assert footing.rights.bypass is None
    (problem,) = footing.problems
    assert "takes Administration: read" in problem
    assert "acme/shop: the protection of main" in problem


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        (Protection(reviews=2, checks=("build",), strict=True), True),
        (Protection(reviews=2, checks=("build",), strict=True, enforce_admins=True), False),
    ],
)
def test_an_administrator_sees_all_and_may_pass_by_what_is_not_for_them(
    world: World, asked: Protection, passes: bool
) -> None:
    world.shop.protect("main", asked)
    footing = world.forge("t0ken-of-boss").footing("main")
    assert footing.protection == Seen(True, 2, ("build",), up_to_date=True, stale_approvals=True)
    assert footing.rights.bypass is passes
    assert footing.problems == ()


def test_a_workflows_token_starts_no_workflow_and_tells_little(world: World) -> None:
    world.hub.add_workflow(world.shop, "ghs_of_the_job")
    footing = world.forge("ghs_of_the_job").footing("main")
    assert footing.rights == Rights("github-actions[bot]", bypass=False, starts_pipelines=False)
    assert "statuses: write" in footing.problems[0]


class TestApp:
    """An App's installation, also with Git over HTTP."""

    @pytest.fixture
    def key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def install(self, world: World, key: rsa.RSAPrivateKey, given: dict[str, str]) -> None:
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        app = world.hub.add_app(7, "shop-promoter", public.decode(), given)
        world.hub.install(app, world.shop)

    def test_what_it_was_given_is_what_it_may(
        self, world: World, key: rsa.RSAPrivateKey, tmp_path: Path
    ) -> None:
        given = {"contents": "write", "pull_requests": "write", "administration": "read"}
        self.install(world, key, given)
        world.shop.protect("main", Protection(reviews=1, bypass=("shop-promoter[bot]",)))
        file = tmp_path / "app.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        world.now = world.hub.world.clock()
        login = log_in(world.shop.url, GitHubApp("7", file), now=lambda: world.now)
        forge = connect(world.shop.url, credentials=Credentials(), now=lambda: world.now, app=login)
        footing = forge.footing("main")
        assert footing.rights.bot == "shop-promoter[bot]"
        assert (footing.rights.push, footing.rights.publish) == (True, False)
        assert footing.rights.bypass is True
        assert footing.protection.approvals == 1

        shown = git_credential(login)
        address = world.shop.url.replace("://", f"://{shown.username}:{shown.password}@")
        git(tmp_path, "clone", "--quiet", address, "work")
        git(tmp_path / "work", "push", "--quiet", "origin", "HEAD:refs/heads/promoter/new")
        assert world.hub.effects("pushed")[0].login == "shop-promoter[bot]"
