"""`promoter doctor` on GitHub: what it protects, or does not, against what the rules want."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from promoter.cli.demo_world import DemoWorld
from tests.services.git_server import DATE
from tests.services.github.fake import FakeGitHub, fake_github
from tests.services.github.people import HostedRepository
from tests.services.github.state import Protection
from tests.stories.shop import Said, Terminal

TOKEN = "canary-token-of-the-bot-77aa"
JOB_TOKEN = "canary-token-of-the-job-88bb"
RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: github}}
artifacts:
  - image: registry.example.com/shop/{{application}}
    select: {{semver: ">=1.0"}}
applications: apps/{{application}}/{{environment}}.yaml
environments:
  dev: {{merge: automatic}}
  production: {{after: dev, require: [soak: 1h, approvals: 2]}}
"""
FILES = {
    f"apps/web/{each}.yaml": b"image: registry.example.com/shop/web:1.0.0\n"
    for each in ("dev", "production")
}
Doctor = Callable[[int], Said]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path / "hub", now=lambda: DATE) as hub:
        hub.add_user("shop-bot", TOKEN)
        yield hub


@pytest.fixture
def shop(hub: FakeGitHub) -> HostedRepository:
    return hub.create("acme/shop", FILES, write=("shop-bot",))


@pytest.fixture
def credentials(world: DemoWorld, shop: HostedRepository, hub: FakeGitHub) -> Path:
    host = urlsplit(shop.url).netloc
    file = world.folder / "credentials.yaml"
    file.write_text(f"{host}: {{username: shop-bot, password: {TOKEN}}}\n", "utf-8")
    return file


@pytest.fixture
def doctor(
    world: DemoWorld,
    shop: HostedRepository,
    hub: FakeGitHub,
    credentials: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Doctor:
    (world.folder / "rules/shop.yaml").write_text(RULE.format(url=shop.url), "utf-8")
    monkeypatch.setenv("PROMOTER_FORGES", f"{urlsplit(shop.url).netloc}={hub.api}")

    def examine(expect: int) -> Said:
        said = Terminal()("doctor", "--credentials", str(credentials), expect=expect)
        assert "canary" not in said.text
        return said

    return examine


def test_a_branch_that_nothing_protects(doctor: Doctor) -> None:
    said = doctor(0)
    said.line("  credential  ", "credentials.yaml:1")
    said.line("  bot  ", "shop-bot")
    said.line("  main is protected  ", "no")
    said.line("  dev  ", "enforced", "has no gate")
    said.line("  production  ", "advisory", "whoever may push", "'Required approvals' of main to 2")


def test_reviews_that_one_environment_wants_and_another_does_not_know_of(
    doctor: Doctor, shop: HostedRepository
) -> None:
    shop.state.permissions["shop-bot"] = "admin"  # who sees everything
    asked = Protection(reviews=2, checks=("promoter",), dismiss_stale=True, by="ruleset")
    shop.protect("main", asked)
    said = doctor(64)
    said.line("  required approvals  ", "2")
    said.line("contradictory", "shop.yaml: dev: main requires 2 approvals, which the rule does not")
    said.line("  production  ", "enforced", "main requires 2 approvals and the status `promoter`")


def test_a_protection_that_is_not_seen_whole(doctor: Doctor, shop: HostedRepository) -> None:
    shop.protect("main", Protection(reviews=2, checks=("promoter",), enforce_admins=True))
    said = doctor(0)
    said.line("  required approvals  ", "can't be seen")
    said.line("  production  ", "advisory", "can't see ", "'Administration: read' shows it")
    said.line("warning", "the protection of main can't be seen whole")


def test_the_token_of_a_job(
    doctor: Doctor, hub: FakeGitHub, shop: HostedRepository, credentials: Path
) -> None:
    hub.add_workflow(shop, JOB_TOKEN)
    credentials.write_text(credentials.read_text("utf-8").replace(TOKEN, JOB_TOKEN), "utf-8")
    shop.protect("main", Protection(checks=("build",), by="ruleset"))
    said = doctor(64)
    said.line("contradictory", "dev: merge requests opened with this token start no workflows")
    said.line("  bot  ", "github-actions[bot]")
    said.line("  may push branches  ", "can't be seen")
    said.line("  starts pipelines  ", "no")


def test_a_token_that_is_refused(doctor: Doctor, credentials: Path) -> None:
    credentials.write_text(credentials.read_text("utf-8").replace(TOKEN, f"{TOKEN}x"), "utf-8")
    said = doctor(64)
    assert said.out.startswith("problem")
    said.line("  credential  ", "credentials.yaml:1")


def test_a_bot_that_may_only_read(doctor: Doctor, shop: HostedRepository) -> None:
    shop.state.permissions["shop-bot"] = "read"
    said = doctor(64)
    said.line("problem", "shop-bot may not push branches: give its token", "'Contents: write'")
    said.line("problem", "shop-bot may not merge into main, and dev has `merge: automatic`")
