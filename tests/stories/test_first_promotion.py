"""The first promotion: a build's images travel from a real registry through three environments,
as merge requests in a repository behind a real Git server; people say yes, and no."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import need
from tests.services.git_server import git
from tests.stories.shop import (
    ALICE,
    ALL,
    API,
    BOB,
    CART,
    ENVIRONMENTS,
    GIT_PASSWORD,
    HOST,
    REGISTRY_PASSWORD,
    WEB,
    Change,
    Shop,
    changes,
    credentials,
    open_shop,
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The whole shop: three Kustomize applications, three with Helm values."""
    with open_shop(tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop with one application; its repository is found by path."""
    with open_shop(tmp_path, monkeypatch, (WEB,), over_http=False) as opened:
        yield opened


@pytest.fixture
def render() -> list[str]:
    """The command that renders a folder: kustomize, or the one inside kubectl."""
    if shutil.which("kustomize"):
        return [str(need("kustomize")), "build"]
    return [str(need("kubectl")), "kustomize"]


def expected(shop: Shop, environment: str, old: str, new: str) -> list[dict[str, Change]]:
    """One change of one file for each application: the lines that name the image."""
    return [{each.file(environment): shop.change(each, old, new)} for each in shop.applications]


def in_order(landings: dict[str, dict[str, Change]]) -> list[dict[str, Change]]:
    order = [each.name for each in ALL]
    return [landings[each] for each in sorted(landings, key=lambda s: order.index(s.split()[3]))]


def test_a_release_travels_from_the_registry_to_production(shop: Shop) -> None:
    promoter = shop.promoter
    start = shop.tip()
    assert promoter("run").out.startswith("nothing to do")

    shop.publish("1.1.0")
    before = shop.refs()
    planned = promoter("plan", "--detailed-exitcode", expect=2)
    assert "merge requests: 6 to open" in planned.out
    assert shop.refs() == before, "a plan touches nothing"
    shop.check_fresh_equals_warm()

    # dev: the bot opens and merges; staging: it opens, and a person is asked.
    promoter("run")
    landings = shop.landings(start)
    assert in_order(landings) == expected(shop, "dev", "1.0.0", "1.1.0")
    assert set(landings) == {
        f"Merge !{number}: Promote {name} to dev: 1.1.0"
        for number, name in enumerate(sorted(each.name for each in ALL), 1)
    }
    requests = shop.requests()
    assert set(requests) == {f"staging/{each.name}" for each in ALL}
    for each in ALL:
        branch = f"refs/heads/promoter/staging/{each.name}"
        assert git(shop.repository, "rev-list", "--count", f"main..{branch}") == "1"
        change = {each.file("staging"): shop.change(each, "1.0.0", "1.1.0")}
        assert changes(shop.repository, "main", branch) == change
    shop.check_fresh_equals_warm()

    # staging: Alice merges what was proposed.
    before_staging = shop.tip()
    for request in requests.values():
        promoter("mr", "merge", str(request["number"]), "--as", ALICE)
    assert in_order(shop.landings(before_staging)) == expected(shop, "staging", "1.0.0", "1.1.0")

    # production: the bot opens, waits for an approval, and merges by itself.
    before_production = shop.tip()
    promoter("run", expect=3)
    requests = shop.requests()
    assert set(requests) == {f"production/{each.name}" for each in ALL}
    assert shop.tip() == before_production
    for request in requests.values():
        promoter("mr", "approve", str(request["number"]), "--as", BOB)
    shop.check_fresh_equals_warm()
    promoter("run")
    landings = shop.landings(before_production)
    assert in_order(landings) == expected(shop, "production", "1.0.0", "1.1.0")

    # Everything has arrived: nothing is left to do, and nothing is left behind.
    after = shop.refs()
    assert promoter("run").out.startswith("nothing to do")
    assert shop.refs() == after
    assert not [ref for ref in after if ref.startswith("refs/heads/promoter/")]
    assert len(changes(shop.repository, start, "main")) == len(ALL) * len(ENVIRONMENTS)
    shop.check_fresh_equals_warm()


def test_the_rendered_change_is_the_image_and_nothing_else(
    render: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_shop(tmp_path, monkeypatch, (WEB, API, CART), over_http=False) as shop:
        old = shop.check_out("main", "before")
        shop.publish("1.1.0")
        shop.promoter("run")
        new = shop.check_out("main", "after")
    for each in shop.applications:
        folder = Path(each.file("dev")).parent
        before, after = (
            subprocess.run([*render, tree / folder], capture_output=True, text=True, check=True)
            for tree in (old, new)
        )
        pairs = zip(before.stdout.splitlines(), after.stdout.splitlines(), strict=True)
        ((was, now),) = (pair for pair in pairs if pair[0] != pair[1])
        name = f"image: {HOST}/shop/{each.name}"
        assert was.strip("- ").partition("@")[0] == f"{name}:1.0.0"
        assert now.strip("- ") == f"{name}:1.1.0@{shop.digests[each.name, '1.1.0']}"


def test_production_gets_the_image_that_ran_in_staging_though_the_tag_moved(kiosk: Shop) -> None:
    kiosk.publish("1.1.0")
    tested = kiosk.digests["web", "1.1.0"]
    kiosk.promoter("run")
    kiosk.promoter("mr", "merge", kiosk.number("staging/web"), "--as", ALICE)
    kiosk.registry.push_image("shop/web", "1.1.0", labels={"of": "somebody else's build"})

    ran = kiosk.promoter("run", expect=3)
    assert "publish a new version" in ran.line("dev", "the tag 1.1.0 of", "moved")
    kiosk.promoter("mr", "approve", kiosk.number("production/web"), "--as", BOB)
    kiosk.promoter("run", expect=3)

    assert kiosk.file(WEB, "production") == kiosk.file(WEB, "staging").replace(
        b"staging", b"production"
    )
    assert tested.encode() in kiosk.file(WEB, "production")


def test_a_newer_release_moves_the_open_merge_request(kiosk: Shop) -> None:
    kiosk.publish("1.1.0")
    kiosk.promoter("run")
    number = kiosk.number("staging/web")
    kiosk.publish("1.2.0")

    kiosk.promoter("run")

    (request,) = kiosk.requests().values()
    assert (str(request["number"]), request["title"]) == (number, "Promote web to staging: 1.2.0")
    change = kiosk.change(WEB, "1.0.0", "1.2.0")
    assert changes(kiosk.repository, "main", request["head"]) == {WEB.file("staging"): change}


class TestAPersonsWord:
    """Promise 9: a person who says no is not fought."""

    @pytest.fixture
    def proposed(self, kiosk: Shop) -> Shop:
        """1.1.0 runs in dev, and is proposed for staging."""
        kiosk.publish("1.1.0")
        kiosk.promoter("run")
        return kiosk

    def stays(self, shop: Shop, expect: int = 0) -> None:
        """The next runs change nothing, with or without a memory."""
        before = shop.refs()
        shop.promoter("run", expect=expect)
        shop.promoter("run", "--cache", str(shop.folder / "another"), expect=expect)
        assert shop.refs() == before
        shop.check_fresh_equals_warm()

    def test_a_closed_request_is_not_opened_again_before_a_newer_release(
        self, proposed: Shop
    ) -> None:
        number = proposed.number("staging/web")
        proposed.promoter("mr", "close", number, "--as", ALICE, "--reason", "not on a Friday")

        self.stays(proposed)
        decision = proposed.decision("web", "staging")
        assert decision["state"] == "rejected"
        assert decision["why"].startswith("alice@example.com closed merge request")

        proposed.publish("1.2.0")
        proposed.promoter("run")
        assert proposed.requests()["staging/web"]["title"] == "Promote web to staging: 1.2.0"

    @pytest.mark.parametrize("says_what_the_bot_said", [False, True])
    def test_a_branch_that_a_person_pushed_to_is_left_alone(
        self, proposed: Shop, says_what_the_bot_said: bool
    ) -> None:
        branch = "promoter/staging/web"
        message = git(proposed.repository, "log", "-1", "--format=%B", branch)
        assert "Promoter-Release: " in message
        message = message if says_what_the_bot_said else "one more thing"  # as --amend keeps it
        proposed.commit({"notes.txt": b"mine\n"}, branch=branch, message=message)

        ran = proposed.promoter("run")
        assert ran.line("left-alone", "web in staging")
        self.stays(proposed)
        decision = proposed.decision("web", "staging")
        assert decision["why"].startswith(f"a person pushed to {branch}")

        proposed.publish("1.2.0")
        theirs = proposed.tip(f"refs/heads/{branch}")
        proposed.promoter("run")
        assert proposed.tip(f"refs/heads/{branch}") == theirs

    def test_a_reverted_merge_is_not_proposed_again_nor_downstream(self, proposed: Shop) -> None:
        before = proposed.file(WEB, "staging")
        proposed.promoter("mr", "merge", proposed.number("staging/web"), "--as", ALICE)
        proposed.commit(
            {WEB.file("staging"): before + b"\n"}, message='Revert "Merge !2"', name="Bob"
        )

        proposed.promoter("run")
        self.stays(proposed)
        assert proposed.decision("web", "staging")["state"] == "rejected"
        assert proposed.requests() == {}, "production is not offered what staging went back from"

        proposed.publish("1.2.0")
        proposed.promoter("run")
        assert proposed.requests()["staging/web"]["title"] == "Promote web to staging: 1.2.0"

    def test_a_request_is_closed_when_somebody_moved_main_by_hand(self, proposed: Shop) -> None:
        digest = proposed.digests["web", "1.1.0"]
        dev = proposed.file(WEB, "dev")
        proposed.commit({WEB.file("staging"): dev.replace(b"dev", b"staging") + b"\n"})
        assert digest.encode() in proposed.file(WEB, "staging")

        ran = proposed.promoter("run", expect=3)  # production is offered what staging runs now

        closed = ran.line("closed", "web in staging")
        assert closed.endswith(
            "1.1.0 is not proposed any more: runs 1.1.0, the newest that dev offers"
        )
        assert "staging/web" not in proposed.requests()
        assert "refs/heads/promoter/staging/web" not in proposed.refs()


class TestPasswords:
    @pytest.fixture
    def kiosk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
        """Behind two servers, each of which wants a password."""
        with open_shop(tmp_path, monkeypatch, (WEB,)) as opened:
            yield opened

    @pytest.mark.parametrize("wrong", ["registry", "git"])
    def test_a_wrong_one_is_one_clear_line(self, kiosk: Shop, wrong: str) -> None:
        host = HOST if wrong == "registry" else kiosk.git.host
        secret = "canary-of-a-typo-55e1"
        passwords = {"registry": REGISTRY_PASSWORD, "git": GIT_PASSWORD, wrong: secret}
        credentials(kiosk.folder, passwords["registry"], kiosk.git.host, passwords["git"])
        kiosk.publish("1.1.0")
        before = kiosk.refs()

        for verb in ("plan", "run", "status"):
            said = kiosk.promoter(verb, expect=64)
            about = ["dev"] if wrong == "registry" else ["error:"]
            assert "check" in said.line(host, "credentials file", *about)
        kiosk.promoter.run_apart("mr", "list", "--debug", expect=64 if wrong == "git" else 0)
        for said in kiosk.promoter.said:
            assert not [each for each in passwords.values() if each in said.text]

        assert kiosk.refs() == before

    def test_no_password_is_ever_shown_or_stored(self, shop: Shop) -> None:
        shop.publish("1.1.0")
        for words in (["validate"], ["status"], ["plan"], ["plan", "--output", "json"]):
            shop.promoter(*words)
        assert " DEBUG urllib3" in shop.promoter.run_apart("run", "--debug").err
        number = shop.number("staging/web")
        shop.promoter("mr", "show", number)
        shop.promoter("mr", "close", number, "--as", ALICE, "--reason", f"says {GIT_PASSWORD}")
        shop.promoter("why", "web", "staging")

        places = {" ".join(said.words): said.text.encode() for said in shop.promoter.said}
        places["objects"] = every_object(shop.repository)
        (mirror,) = (shop.folder / "cache").glob("*.git")
        places["the mirror's objects"] = every_object(mirror)
        for file in mirror.rglob("*"):
            if file.is_file():
                places[str(file)] = file.read_bytes()
        for place, content in places.items():
            for secret in (REGISTRY_PASSWORD, GIT_PASSWORD):
                assert secret.encode() not in content, place


def every_object(repository: Path) -> bytes:
    """All commits, trees and files that a repository holds, and the names of its refs."""
    packed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"],
        cwd=repository,
        capture_output=True,
        check=True,
    )
    return packed.stdout + git(repository, "for-each-ref").encode()
