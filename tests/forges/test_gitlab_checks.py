"""What is said of a commit on a GitLab, and what the bot says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promoter.errors import InputError, TransientError
from promoter.model.ports import Check
from tests.forges.gitlab_shop import BRANCH, Shop
from tests.services.git_server import DATE, commit, git
from tests.services.gitlab.git import Signature, merge_commit
from tests.services.gitlab.nouns import Accept, Outcome, Pipeline, Status


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

    def test_a_commit_of_the_base_has_its_own_with_its_newest_pipeline(
        self, shop: Shop, head: str
    ) -> None:
        """What a squash or a merge landed is another commit than the request's head."""
        world, main = shop.gitlab.world, shop.project.tip("main") or ""
        forge = shop.forge()
        assert forge.commit_checks(main) == []
        world.run_job(shop.project, head, "test", "failed")
        assert forge.commit_checks(main) == [], "the head's are the head's"
        world.run_job(shop.project, main, "test", "failed")
        world.run_job(shop.project, main, "test", "success")
        told = {each.name: (each.state, bool(each.url)) for each in forge.commit_checks(main)}
        assert told["pipeline"] == ("success", True)
        assert told["test"][0] == "success"

    def test_a_commit_that_is_not_there_is_no_commit_without_checks(self, shop: Shop) -> None:
        with pytest.raises(InputError):
            shop.forge().commit_checks("f" * 40)

    def test_a_pipeline_is_judged_without_the_bots_own_status(self, shop: Shop, head: str) -> None:
        """Else a gate that waits for the pipeline would wait for the status that waits for it."""
        forge = shop.forge()
        shop.gitlab.world.run_job(shop.project, head, "test", "success")

        forge.publish(1, head, Check("promoter", "pending", "waits for its gates"))

        assert shop.project.pipelines[-1].status == "failed"
        assert states(shop, head)["pipeline"] == "success"

    def test_a_pipeline_that_holds_the_bots_own_status_only_is_none(
        self, shop: Shop, head: str
    ) -> None:
        shop.forge().publish(1, head, Check("promoter", "pending", "waits for its gates"))

        assert states(shop, head) == {"promoter": "failure"}

    def test_what_ran_on_the_former_head_is_not_said_of_the_next(
        self, shop: Shop, head: str
    ) -> None:
        """GitLab goes on showing its pipeline until there is another one, if ever."""
        forge = shop.forge()
        shop.gitlab.world.run_job(shop.project, head, "build", "success")
        newer = shop.push(b"tag: 1.3.0\n")
        shop.gitlab.world.sync(shop.project)
        shown = shop.project.shown_pipeline(shop.request)
        assert shown is not None
        assert (shown.sha, shop.request.head) == (head, newer)

        assert forge.checks(1, newer) == []

        forge.publish(1, newer, Check("promoter", "pending", "soak: 30m"))
        assert [e.sha for e in shop.project.statuses if e.name == "promoter"] == [newer]
        shop.gitlab.world.run_job(shop.project, newer, "build", "failed")
        assert states(shop, newer)["build"] == "failure"

    @pytest.mark.parametrize("merges", [False, True])
    def test_what_ran_on_a_later_head_is_not_said_of_one_that_came_back(
        self, shop: Shop, head: str, merges: bool
    ) -> None:
        """A later one has it as a parent, as a commit of GitLab's own would."""
        ref, newer = "refs/merge-requests/1/head", shop.push(b"tag: 1.3.0\n")
        if merges:
            who, main = Signature("ann", "ann@example.com", DATE), shop.project.tip("main") or ""
            ref = BRANCH
            newer = merge_commit(shop.project.repository, main, head, "Mine", who) or ""
            git(shop.project.repository, "update-ref", f"refs/heads/{BRANCH}", newer)
        shop.gitlab.world.run_pipeline(shop.project, newer, "success", ref)
        shop.gitlab.world.run_job(shop.project, newer, "build", "success")
        git(shop.project.repository, "update-ref", f"refs/heads/{BRANCH}", head)

        assert shop.forge().checks(1, head) == []

    def merged_result(self, shop: Shop, head: str, kind: str = "merge") -> Pipeline:
        """It runs on a commit of GitLab's own: https://docs.gitlab.com/ci/pipelines/merged_results_pipelines/."""
        world, project = shop.gitlab.world, shop.project
        who = Signature("GitLab", "gitlab@example.com", DATE)
        commit = merge_commit(project.repository, project.tip("main") or "", head, "Merge", who)
        assert commit
        number, ref = world.next_id(), f"refs/merge-requests/1/{kind}"
        run = Pipeline(number, commit, ref, "success", world.now(), source="merge_request_event")
        run.source_sha, run.ran = head, "success"
        project.pipelines.append(run)
        world.run_job(project, commit, "test", "failed")
        return run

    def test_a_pipeline_of_what_merging_would_give_is_the_requests(
        self, shop: Shop, head: str
    ) -> None:
        run, forge = self.merged_result(shop, head), shop.forge()

        assert states(shop, head) == {"pipeline": "failure", "test": "failure"}
        first = shop.calls_of(lambda: forge.checks(1, head))
        again = shop.calls_of(lambda: forge.checks(1, head))

        forge.publish(1, head, Check("promoter", "success", "all gates pass"))
        (said,) = [each for each in shop.project.statuses if each.name == "promoter"]
        assert (said.sha, said.pipeline) == (run.sha, run.id)
        assert [each for each in first if each not in again] == [
            f"GET /api/v4/projects/platform%2Fshop/repository/commits/{run.sha}"
        ]

    def test_what_merging_the_former_head_would_have_given_is_nothing_to_the_next(
        self, shop: Shop, head: str
    ) -> None:
        run = self.merged_result(shop, head)
        newer = shop.push(b"tag: 1.3.0\n")
        shop.gitlab.world.sync(shop.project)
        assert shop.project.shown_pipeline(shop.request) == run

        assert shop.forge().checks(1, newer) == []

    def test_what_nobody_finds_any_more_is_nothing(self, shop: Shop, head: str) -> None:
        """GitLab tidies its own commits away."""
        self.merged_result(shop, head).sha = "e" * 40

        assert shop.forge().checks(1, head) == []

    def test_a_train_that_rebases_runs_on_commits_that_do_not_name_the_head(
        self, shop: Shop, head: str
    ) -> None:
        """Else what waits for checks would leave it again and again."""
        run = self.merged_result(shop, head, "train")
        main = shop.project.tip("main") or ""
        run.sha = shop.project.statuses[-1].sha = main
        assert shop.forge().checks(1, head) == []

        shop.gitlab.world.board(shop.project, shop.request, Accept(shop.people["bot"]))

        assert states(shop, head) == {"pipeline": "failure", "test": "failure"}


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

        assert pipelines(shop) == ["failed", "success", "failed"]

    @pytest.mark.parametrize(
        ("path", "at"), [("", ".gitlab-ci.yml"), ("ci/main.yml", "ci/main.yml"), ("x@ops/ci", "x")]
    )
    def test_where_ci_makes_pipelines_it_is_not_said_before(
        self, shop: Shop, head: str, path: str, at: str
    ) -> None:
        """A status without a pipeline makes one, and a success there is all that GitLab asks for
        until CI has made its own."""
        shop.project.pipeline_must_succeed, shop.project.ci_config_path = True, path
        forge = shop.forge()
        head = commit(shop.project.repository, {at: b"build: {}\n"}, branch=BRANCH)
        passes = Check("promoter", "success", "all gates pass")

        assert not forge.publish(1, head, passes)
        assert (self.said(shop), forge.readiness(1, head).state) == ([], "wait")

        shop.gitlab.world.run_pipeline(shop.project, head, "success")
        assert forge.publish(1, head, passes)
        assert (pipelines(shop), forge.readiness(1, head).state) == (["success"], "ready")

    def test_a_pipeline_that_others_made_is_not_cis(self, shop: Shop, head: str) -> None:
        passes = Check("promoter", "success", "all gates pass")
        shop.forge().publish(1, head, replace(passes, name="other"))
        assert shop.forge().publish(1, head, passes)
        head = commit(shop.project.repository, {".gitlab-ci.yml": b"a: {}\n"}, branch=BRANCH)
        shop.project.pipelines.append(
            Pipeline(99, head, BRANCH, "success", DATE, source="external")
        )

        assert not shop.forge().publish(1, head, passes)

    def test_whether_there_is_ci_is_asked_once_in_five_minutes(self, shop: Shop, head: str) -> None:
        forge, wait = shop.forge(), Check("promoter", "pending", "soak: 30m")

        def asked() -> int:
            calls = shop.calls_of(lambda: forge.publish(1, head, wait))
            return len([each for each in calls if "/repository/files/" in each])

        assert [asked(), asked()] == [1, 0]
        shop.seconds += 301
        assert asked() == 1

    def test_that_nobody_may_look_for_ci_is_told(self, shop: Shop, head: str) -> None:
        shop.gitlab.fail_once("GET", "/repository/files/", status=403)

        with pytest.raises(InputError, match=r"looking for \.gitlab-ci\.yml"):
            shop.forge().publish(1, head, Check("promoter", "success"))

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
