"""What is said of a commit on a GitLab, and what the bot says of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from promoter.errors import InputError, TransientError
from promoter.model.ports import Check
from tests.forges.gitlab_shop import Shop, open_shop
from tests.services.gitlab.nouns import Outcome, Pipeline, Status


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        yield opened


@pytest.fixture
def head(shop: Shop) -> str:
    draft = shop.draft()
    shop.forge().open(draft)
    return draft.head


def states(shop: Shop, head: str) -> dict[str, str]:
    return {each.name: each.state for each in shop.forge().checks(1, head)}


def pipelines(shop: Shop) -> list[str]:
    return [each.status for each in shop.project.pipelines]


class TestReading:
    def test_a_commit_that_nobody_spoke_of_has_none(self, shop: Shop, head: str) -> None:
        assert shop.forge().checks(1, head) == []

    def test_jobs_and_their_pipeline(self, shop: Shop, head: str) -> None:
        world, project = shop.gitlab.world, shop.project
        world.run_pipeline(project, head, "running")
        outcomes: dict[str, Outcome] = {
            "build": "success",
            "deploy": "skipped",
            "old": "canceled",
            "scan": "created",
            "test": "failed",
        }
        for name, outcome in outcomes.items():
            world.run_job(project, head, name, outcome)
        world.run_job(project, head, "flaky", "failed", allow_failure=True)
        world.run_job(project, head, "by-hand", "manual", allow_failure=True)

        assert states(shop, head) == {
            "build": "success",
            "by-hand": "success",
            "deploy": "success",
            "flaky": "success",
            "old": "failure",
            "pipeline": "pending",
            "scan": "pending",
            "test": "failure",
        }

    def test_the_newest_of_a_name_counts(self, shop: Shop, head: str) -> None:
        shop.gitlab.world.run_job(shop.project, head, "test", "failed")
        shop.gitlab.world.run_job(shop.project, head, "test", "success")

        assert states(shop, head)["test"] == "success"

    def test_of_two_kinds_with_one_name_the_worse(self, shop: Shop, head: str) -> None:
        shop.gitlab.world.run_job(shop.project, head, "scan", "success")
        shop.project.external_checks = {"scan": "failed", "legal": "pending", "audit": "passed"}

        told = states(shop, head)

        assert told == {
            "audit": "success",
            "legal": "pending",
            "pipeline": "success",
            "scan": "failure",
        }

    def test_a_pipeline_is_judged_without_the_bots_own_status(self, shop: Shop, head: str) -> None:
        """Else a gate that waits for the pipeline would wait for the status that waits for it."""
        forge = shop.forge()
        forge.publish(1, head, Check("promoter", "pending", "waits for its gates"))
        assert states(shop, head) == {"promoter": "failure"}

        shop.gitlab.world.run_job(shop.project, head, "test", "success")

        assert shop.project.pipelines[-1].status == "failed"
        assert states(shop, head)["pipeline"] == "success"

    def test_a_pipeline_of_what_merging_would_give_is_the_requests(
        self, shop: Shop, head: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It runs on a commit of GitLab's own: https://docs.gitlab.com/ci/pipelines/merged_results_pipelines/."""
        merged, world = shop.project.tip("main") or "", shop.gitlab.world
        world.run_job(shop.project, merged, "test", "failed")
        run: Pipeline = shop.project.pipelines[-1]
        monkeypatch.setattr(type(shop.project), "pipeline", lambda *_: run)

        assert states(shop, head) == {"pipeline": "failure", "test": "failure"}

        shop.forge().publish(1, head, Check("promoter", "success", "all gates pass"))
        (said,) = [each for each in shop.project.statuses if each.name == "promoter"]
        assert (said.sha, said.pipeline) == (merged, run.id)


class TestPublishing:
    def said(self, shop: Shop) -> list[Status]:
        return [each for each in shop.project.statuses if each.name == "promoter"]

    def test_a_wait_has_an_end_and_another_word_takes_its_place(
        self, shop: Shop, head: str
    ) -> None:
        """A pending status would keep the pipeline running for all that time."""
        shop.project.pipeline_must_succeed = True
        forge = shop.forge()
        forge.publish(1, head, Check("promoter", "pending", "soak: 30m", "https://promoter/web"))
        (first,) = self.said(shop)
        assert (first.state, first.description) == ("failed", "soak: 30m")
        assert first.target_url == "https://promoter/web"
        assert pipelines(shop) == ["failed"]
        assert forge.readiness(1, head).why == "its pipeline has not succeeded"

        forge.publish(1, head, Check("promoter", "success", "all gates pass"))

        assert [each.state for each in self.said(shop)] == ["failed", "success"]
        assert pipelines(shop) == ["success"]
        assert forge.readiness(1, head).state == "ready"

    def test_the_same_word_is_said_once(self, shop: Shop, head: str) -> None:
        check = Check("promoter", "failure", "healthy: degraded")
        shop.gitlab.drop_reply("POST", "/statuses/")
        with pytest.raises(TransientError):
            shop.forge().publish(1, head, check)

        shop.forge().publish(1, head, check)

        assert len(self.said(shop)) == 1

    def test_it_stands_in_the_pipeline_that_the_request_shows(self, shop: Shop, head: str) -> None:
        shop.gitlab.world.run_pipeline(shop.project, head, "success", "refs/merge-requests/1/head")

        shop.forge().publish(1, head, Check("promoter", "success", "all gates pass"))

        (run,) = shop.project.pipelines
        assert self.said(shop)[0].pipeline == run.id

    def test_a_newer_pipeline_is_told_too(self, shop: Shop, head: str) -> None:
        check, world = Check("promoter", "pending", "soak: 30m"), shop.gitlab.world
        shop.forge().publish(1, head, check)
        world.run_pipeline(shop.project, head, "success")
        world.run_pipeline(shop.project, head, "success")

        shop.forge().publish(1, head, check)

        assert pipelines(shop) == ["failed", "failed"]

    def test_without_a_pipeline_it_stands_on_the_branch(self, shop: Shop, head: str) -> None:
        shop.forge().publish(1, head, Check("promoter", "success", "all gates pass"))

        assert self.said(shop)[0].ref == shop.request.source

    def test_a_state_that_is_under_way_already_is_no_error(self, shop: Shop, head: str) -> None:
        words = b'{"message": "Cannot transition status via :success from :success"}'
        shop.gitlab.fail_once("POST", "/statuses/", status=400, body=words)

        shop.forge().publish(1, head, Check("promoter", "success", "all gates pass"))

        assert self.said(shop) == []

    def test_what_gitlab_refuses_otherwise_is_told(self, shop: Shop, head: str) -> None:
        shop.gitlab.fail_once("POST", "/statuses/", status=400)

        with pytest.raises(InputError, match="publishing promoter on"):
            shop.forge().publish(1, head, Check("promoter", "success"))

    def test_long_words_are_cut_to_what_gitlab_takes(self, shop: Shop, head: str) -> None:
        check = Check("promoter", "success", "word\n" * 100, "https://promoter/" + "x" * 300)
        shop.forge().publish(1, head, check)
        shop.forge().publish(1, head, check)

        (said,) = self.said(shop)
        assert said.description is not None
        assert (len(said.description), said.description[-1], said.target_url) == (255, "…", None)
