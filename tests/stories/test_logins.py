"""Who the bot may be: a job of GitHub Actions, a GitHub App, a job of GitLab CI; and what doctor
says of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from promoter.app import build
from promoter.engine.reconcile import Scope, reconcile
from promoter.settings import load_settings
from tests.services.github.state import Protection
from tests.services.gitlab.nouns import Token
from tests.stories.forges import REMEMBERS, World
from tests.stories.github_world import GitHubWorld, open_github_world
from tests.stories.gitlab_world import GitLabWorld, open_gitlab_world
from tests.stories.worlds import open_world

JOB = "canary-of-a-job-2f8c77d1"
SLUG = "shop-promoter"


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubWorld]:
    with open_github_world(tmp_path, monkeypatch) as world:
        world.only_web()
        world.publish("1.1.0", "web")
        yield world


@pytest.fixture
def gitlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabWorld]:
    with open_gitlab_world(tmp_path, monkeypatch) as world:
        yield world


def log_in(world: World, entry: dict[str, str]) -> None:
    told = {world.url.split("/")[2]: entry}
    (world.folder / "credentials.yaml").write_text(json.dumps(told), "utf-8")


@pytest.mark.parametrize("kind", REMEMBERS)
def test_doctor_is_well_where_a_bot_may_what_it_must(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_world("github" if kind == "github" else "gitlab", tmp_path, monkeypatch) as world:
        before = world.tips()
        said = world.promoter("doctor").out
        assert world.bot in said
        assert "production" in said
        assert (world.tips(), world.requests()) == (before, [])


class TestAWorkflow:
    @pytest.fixture
    def job(self, github: GitHubWorld) -> GitHubWorld:
        github.hub.add_workflow(github.shop, JOB)
        log_in(github, {"username": "x-access-token", "password": JOB})
        return github

    def test_promotes_by_the_token_of_its_job(self, job: GitHubWorld) -> None:
        job.run()
        assert job.version("dev/web") == "1.1.0"
        opened = job.shop.pulls()
        assert [each.login for each in opened] == ["github-actions[bot]"]
        # What a person closes is that person's word, and what the job closes is not.
        job.close(opened[0].number, "ann")
        job.run()
        assert job.open() == {}
        assert JOB not in "".join(each.text for each in job.promoter.said)

    def test_is_told_that_it_starts_no_workflows(self, job: GitHubWorld) -> None:
        job.promoter("doctor").line("warning", "start no workflows")
        job.shop.protect("main", Protection(checks=("build",), by="ruleset"))
        said = job.promoter("doctor", expect=64).out
        assert "  contradictory  " in said


class TestAnApp:
    @pytest.fixture
    def app(self, github: GitHubWorld) -> GitHubWorld:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (github.folder / "app.pem").write_bytes(private)
        made = github.hub.add_app(7, SLUG, public.decode())
        github.hub.world.clock = github.clock
        log_in(
            github,
            {"github-app": "7", "github-app-key-file": str(github.folder / "app.pem")},
        )
        assert "install it" in github.promoter("doctor", expect=64).text
        github.hub.install(made, github.shop)
        return github

    def test_promotes_through_the_api_and_git_and_renews_what_it_was_lent(
        self, app: GitHubWorld
    ) -> None:
        product = build(load_settings({}), app.clock)
        rules, _ = product.rules()
        lent: list[int] = []
        for version in ("1.1.0", "1.2.0"):
            app.publish(version, "web")
            outcome = reconcile(Scope(rules), product.adapters, app.clock)
            assert (outcome.troubles, outcome.plan.troubles) == ((), ())
            assert app.version("dev/web") == version
            lent.append(len(app.hub.effects("token given")))
            app.clock.at += timedelta(hours=2)
        assert lent == [1, 2]
        assert {each.login for each in app.hub.effects("pushed", "opened")} == {f"{SLUG}[bot]"}
        assert app.request("staging/web").title == "Promote web to staging: 1.2.0"

    def test_is_well_with_doctor(self, app: GitHubWorld) -> None:
        assert f"{SLUG}[bot]" in app.promoter("doctor").out


class TestDoctor:
    def test_a_wrong_token_is_one_line_and_64(self, github: GitHubWorld) -> None:
        log_in(github, {"username": "bot", "password": "canary-of-a-typo-55e1aa03"})
        for verb in ("doctor", "run"):
            said = github.promoter(verb, expect=64)
            assert "canary" not in said.text

    def test_a_bot_that_may_not_write_is_a_problem(self, github: GitHubWorld) -> None:
        github.shop.state.permissions["bot"] = "read"
        assert "Contents: write" in github.promoter("doctor", expect=64).out

    def test_a_bot_that_may_pass_by_the_protection_is_warned(self, github: GitHubWorld) -> None:
        github.shop.protect("main", Protection(reviews=1, bypass=("bot",), by="ruleset"))
        assert "bypass" in github.promoter("doctor", expect=64).out  # dev merges without a review

    def test_a_reviewed_branch_contradicts_what_merges_by_itself(self, github: GitHubWorld) -> None:
        github.shop.protect("main", Protection(reviews=1, by="ruleset"))
        github.promoter("doctor", expect=64).line("  dev  ", "contradictory")

    def test_a_job_of_gitlab_may_not_enough(self, gitlab: GitLabWorld) -> None:
        gitlab.gitlab.world.tokens[JOB] = Token(gitlab.people["ben"], "job")
        log_in(gitlab, {"username": "gitlab-ci-token", "password": JOB})
        said = gitlab.promoter("doctor", expect=64)
        assert "project or group access token" in said.text
        assert JOB not in said.text
