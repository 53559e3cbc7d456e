"""The fake GitLab keeps GitLab's promises, as python-gitlab and git see them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gitlab
import pytest
import requests

from tests.services.git_server import commit, git
from tests.services.gitlab.fake import FakeGitLab, fake_gitlab
from tests.services.gitlab.nouns import DEVELOPER, MAINTAINER, MergeMethod, Rule, Token, User
from tests.services.gitlab.project import Project

WEB, API = "apps/web.yaml", "apps/api.yaml"
SHOP = "platform/shop"


@dataclass(frozen=True)
class Shop:
    """A project with people: the bot is a developer, Ann and Bob may approve."""

    server: FakeGitLab
    project: Project
    bot: User
    ann: User
    bob: User

    def client(self, **options: Any) -> gitlab.Gitlab:
        options = options or {"private_token": "of-bot"}
        return gitlab.Gitlab(self.server.base, timeout=30, retry_transient_errors=False, **options)

    def api(self, **options: Any) -> Any:
        """The project through python-gitlab, as the bot unless told otherwise."""
        return self.client(**options).projects.get(SHOP)

    def push(self, branch: str, files: Mapping[str, bytes], message: str = "promote") -> str:
        """A commit onto a branch, which starts at `main` where it is new."""
        repository = self.project.repository
        if self.project.tip(branch) is None:
            git(repository, "branch", branch, "main")
        return commit(repository, files, branch=branch, message=message)

    def open(self, branch: str = "promoter/web", title: str = "web to 1.1.0", **more: Any) -> Any:
        return self.api().mergerequests.create(
            {"source_branch": branch, "target_branch": "main", "title": title, **more}
        )

    def file(self, path: str, branch: str = "main") -> str:
        return git(self.project.repository, "show", f"{branch}:{path}")

    def did(self, what: str) -> list[tuple[str, str]]:
        return [(each.who, each.detail) for each in self.server.world.journal if each.what == what]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with fake_gitlab(tmp_path / "gitlab") as server:
        world = server.world
        bot = world.user("bot", token="of-bot", bot=True)
        ann, bob = world.user("ann", token="of-ann"), world.user("bob", token="of-bob")
        members = {bot: DEVELOPER, ann: MAINTAINER, bob: DEVELOPER}
        project = world.project(SHOP, {WEB: b"web: 1.0.0\n", API: b"api: 1.0.0\n"}, members)
        yield Shop(server, project, bot, ann, bob)


@pytest.fixture
def promoted(shop: Shop) -> Shop:
    """With `promoter/web` pushed."""
    shop.push("promoter/web", {WEB: b"web: 1.1.0\n"})
    return shop


class TestWhoAsks:
    def test_a_personal_token_counts_in_either_header(self, shop: Shop) -> None:
        for options in ({"private_token": "of-ann"}, {"oauth_token": "of-ann"}):
            client = shop.client(**options)
            client.auth()
            assert client.user is not None
            assert client.user.username == "ann"

    def test_a_wrong_token_is_unauthorized(self, shop: Shop) -> None:
        with pytest.raises(gitlab.GitlabAuthenticationError, match="401"):
            shop.api(private_token="wrong")

    def test_a_job_token_opens_no_merge_request(self, promoted: Shop) -> None:
        promoted.server.world.tokens["of-job"] = Token(promoted.ann, "job")
        project = promoted.client(job_token="of-job").projects.get(SHOP, lazy=True)
        with pytest.raises(gitlab.GitlabAuthenticationError):
            project.mergerequests.list(get_all=True)

    def test_a_token_that_only_reads_changes_nothing(self, promoted: Shop) -> None:
        promoted.server.world.tokens["of-bot"] = Token(promoted.bot, scopes=("read_api",))
        with pytest.raises(gitlab.GitlabCreateError) as told:
            promoted.open()
        assert told.value.response_code == 403
        assert promoted.project.requests == {}

    def test_a_private_project_is_not_there_for_a_stranger(self, shop: Shop) -> None:
        shop.server.world.user("eve", token="of-eve")
        with pytest.raises(gitlab.GitlabGetError, match="404 Project Not Found"):
            shop.api(private_token="of-eve")

    def test_a_project_is_found_by_path_and_by_number(self, shop: Shop) -> None:
        by_number = shop.client().projects.get(shop.project.id)
        assert by_number.path_with_namespace == SHOP
        assert shop.api().permissions["project_access"]["access_level"] == DEVELOPER

    def test_a_token_tells_of_itself_and_users_are_found_by_name(self, shop: Shop) -> None:
        assert shop.client().personal_access_tokens.get("self").scopes == [
            "api",
            "write_repository",
        ]
        (found,) = shop.client().users.list(username="ANN", get_all=True)
        assert found.id == shop.ann.id
        assert shop.client().users.list(username="an", get_all=True) == []

    def test_members_are_told_with_their_access(self, shop: Shop) -> None:
        assert shop.api().members_all.get(shop.ann.id).access_level == MAINTAINER
        with pytest.raises(gitlab.GitlabGetError, match="404"):
            shop.api().members_all.get(999)


class TestOpening:
    def test_what_was_given_is_what_is_shown(self, promoted: Shop) -> None:
        promoted.open(description="why", labels=["promoter", "web"], reviewer_ids=[promoted.ann.id])
        found = promoted.api().mergerequests.get(1)
        assert (found.title, found.description) == ("web to 1.1.0", "why")
        assert found.labels == ["promoter", "web"]
        assert [each["username"] for each in found.reviewers] == ["ann"]
        assert found.sha == promoted.project.tip("promoter/web")
        assert found.detailed_merge_status == "mergeable"
        assert found.author["username"] == "bot"

    def test_a_second_one_of_the_same_branch_is_refused_with_the_first(
        self, promoted: Shop
    ) -> None:
        promoted.open()
        with pytest.raises(gitlab.GitlabCreateError, match=r"already exists.*!1") as told:
            promoted.open()
        assert told.value.response_code == 409
        assert promoted.did("open") == [("bot", "!1")]

    def test_a_branch_that_is_not_there_is_refused(self, shop: Shop) -> None:
        with pytest.raises(gitlab.GitlabCreateError, match="does not exist"):
            shop.open("promoter/nothing")

    def test_a_draft_is_one_by_its_title_and_does_not_merge(self, promoted: Shop) -> None:
        request = promoted.open(title="Draft: web to 1.1.0")
        assert request.draft
        with pytest.raises(gitlab.GitlabMRClosedError, match="405"):
            request.merge()
        request.title = "web to 1.1.0"
        request.save()
        assert not request.draft
        assert request.merge()["state"] == "merged"


class TestLists:
    def test_states_branches_and_order(self, shop: Shop) -> None:
        for name in ("a", "b", "c"):
            shop.push(f"promoter/{name}", {f"{name}.yaml": b"1\n"})
            shop.open(f"promoter/{name}", name)
        requests_ = shop.api().mergerequests
        requests_.get(2).notes.create({"body": "hello"})
        shop.server.world.close(shop.project, 3, shop.ann)

        def numbers(**filters: Any) -> list[int]:
            return [each.iid for each in requests_.list(get_all=True, **filters)]

        assert numbers(state="opened") == [2, 1]
        assert numbers(state="closed", target_branch="main") == [3]
        assert numbers(source_branch="promoter/b") == [2]
        assert numbers(target_branch="other") == []
        assert numbers(order_by="created_at", sort="asc") == [1, 2, 3]
        assert numbers(order_by="updated_at", state="opened") == [2, 1]
        assert numbers(updated_after=requests_.get(2).updated_at) == [3, 2]

    def test_pages_lead_on_to_the_end(self, shop: Shop) -> None:
        for number in range(5):
            shop.push(f"promoter/{number}", {f"{number}.yaml": b"1\n"})
            shop.open(f"promoter/{number}")
        shop.server.calls.clear()
        found = shop.api().mergerequests.list(get_all=True, per_page=2)
        assert [each.iid for each in found] == [5, 4, 3, 2, 1]
        assert len([call for call in shop.server.calls if call.endswith("/merge_requests")]) == 3
        told = shop.client().http_request(
            "get", "/projects/platform%2Fshop/merge_requests", query_data={"page": 2, "per_page": 2}
        )
        assert [told.headers[f"X-{name}"] for name in ("Total", "Total-Pages", "Prev-Page")] == [
            "5",
            "3",
            "1",
        ]
        assert told.links["next"]["url"].endswith("per_page=2&page=3")

    def test_a_stale_list_misses_what_came_later(self, promoted: Shop) -> None:
        with promoted.server.stale_lists():
            assert promoted.api().mergerequests.list(get_all=True) == []
            promoted.open()
            assert promoted.api().mergerequests.list(get_all=True) == []
        assert len(promoted.api().mergerequests.list(get_all=True)) == 1


class TestMerging:
    def test_a_merge_makes_a_merge_commit_with_the_message(self, promoted: Shop) -> None:
        before, head = promoted.project.tip("main"), promoted.project.tip("promoter/web")
        told = promoted.open().merge(
            merge_commit_message="Promote web", should_remove_source_branch=True, sha=head
        )
        repository = promoted.project.repository
        assert promoted.file(WEB) == "web: 1.1.0"
        assert told["merge_commit_sha"] == promoted.project.tip("main")
        assert git(repository, "log", "-1", "--format=%P %s", "main") == (
            f"{before} {head} Promote web"
        )
        assert promoted.project.tip("promoter/web") is None
        assert promoted.did("merge") == [("bot", "!1")]

    @pytest.mark.parametrize("method", ["rebase_merge", "ff"])
    def test_a_linear_project_wants_a_rebase_first(
        self, promoted: Shop, method: MergeMethod
    ) -> None:
        promoted.project.merge_method = method
        request = promoted.open()
        newer = promoted.push("main", {API: b"api: 1.1.0\n"}, "another")
        assert promoted.api().mergerequests.get(1).detailed_merge_status == "need_rebase"
        with pytest.raises(gitlab.GitlabMRClosedError, match="422"):
            request.merge()
        request.rebase()
        told = promoted.api().mergerequests.get(1)
        told.merge(sha=told.sha)
        parents = git(promoted.project.repository, "log", "-1", "--format=%P", "main").split()
        assert parents == ([newer] if method == "ff" else [newer, told.sha])
        assert (promoted.file(WEB), promoted.file(API)) == ("web: 1.1.0", "api: 1.1.0")

    def test_squash_makes_one_commit_of_two(self, promoted: Shop) -> None:
        promoted.project.merge_method = "ff"
        before = promoted.project.tip("main")
        promoted.push("promoter/web", {API: b"api: 1.1.0\n"}, "second")
        request = promoted.open(squash=True)
        told = request.merge(squash_commit_message="Both at once")
        assert told["squash_commit_sha"] == promoted.project.tip("main")
        assert git(promoted.project.repository, "log", "-1", "--format=%P %s", "main") == (
            f"{before} Both at once"
        )

    def test_another_head_is_refused(self, promoted: Shop) -> None:
        request = promoted.open()
        seen = request.sha
        promoted.push("promoter/web", {WEB: b"web: 1.2.0\n"})
        with pytest.raises(gitlab.GitlabMRClosedError, match="SHA does not match") as told:
            request.merge(sha=seen)
        assert told.value.response_code == 409
        assert promoted.file(WEB) == "web: 1.0.0"

    @pytest.mark.parametrize("status", [422, 406])
    def test_a_conflict_is_refused(self, promoted: Shop, status: int) -> None:
        promoted.server.conflict_status = status
        request = promoted.open()
        promoted.push("main", {WEB: b"web: 2.0.0\n"})
        with pytest.raises(gitlab.GitlabMRClosedError, match="cannot be merged") as told:
            request.merge()
        assert told.value.response_code == status
        assert promoted.api().mergerequests.get(1).has_conflicts

    def test_a_rebase_that_conflicts_says_so_and_moves_nothing(self, promoted: Shop) -> None:
        request = promoted.open()
        head = promoted.project.tip("promoter/web")
        promoted.push("main", {WEB: b"web: 2.0.0\n"})
        request.rebase()
        assert "conflicts" in promoted.api().mergerequests.get(1).merge_error
        assert promoted.project.tip("promoter/web") == head

    def test_who_may_not_merge_is_told_so(self, promoted: Shop) -> None:
        promoted.project.protections["main"].merge = MAINTAINER
        with pytest.raises(gitlab.GitlabAuthenticationError, match="401"):
            promoted.open().merge()

    def test_a_merge_by_hand_is_noticed(self, promoted: Shop) -> None:
        promoted.open()
        git(promoted.project.repository, "branch", "--force", "main", "promoter/web")
        assert promoted.api().mergerequests.get(1).state == "merged"


class TestPipelines:
    def test_a_merge_waits_for_the_pipeline(self, promoted: Shop) -> None:
        promoted.project.pipeline_must_succeed = True
        request = promoted.open()
        assert promoted.api().mergerequests.get(1).detailed_merge_status == "ci_must_pass"
        promoted.server.world.run_pipeline(promoted.project, request.sha, "running")
        assert promoted.api().mergerequests.get(1).detailed_merge_status == "ci_still_running"
        with pytest.raises(gitlab.GitlabMRClosedError, match="405"):
            request.merge()
        promoted.server.world.run_pipeline(promoted.project, request.sha, "success")
        assert request.pipelines.list(get_all=True)[0].status == "success"
        assert request.merge()["state"] == "merged"

    def test_an_armed_merge_lands_with_the_pipeline(self, promoted: Shop) -> None:
        promoted.project.pipeline_must_succeed = True
        request = promoted.open()
        promoted.server.world.run_pipeline(promoted.project, request.sha, "running")
        told = request.merge(auto_merge=True, sha=request.sha)
        assert (told["state"], told["merge_when_pipeline_succeeds"]) == ("opened", True)
        promoted.server.world.run_pipeline(promoted.project, request.sha, "success")
        assert promoted.api().mergerequests.get(1).state == "merged"
        assert promoted.file(WEB) == "web: 1.1.0"

    @pytest.mark.parametrize("by", ["disarming", "a push"])
    def test_a_disarmed_merge_does_not_land(self, promoted: Shop, by: str) -> None:
        request = promoted.open()
        promoted.server.world.run_pipeline(promoted.project, request.sha, "running")
        request.merge(merge_when_pipeline_succeeds=True)
        if by == "disarming":
            request.cancel_merge_when_pipeline_succeeds()
        else:
            promoted.push("promoter/web", {WEB: b"web: 1.2.0\n"})
        promoted.server.world.run_pipeline(promoted.project, request.sha, "success")
        assert promoted.api().mergerequests.get(1).state == "opened"

    def test_a_status_makes_a_pipeline_and_the_same_word_twice_is_refused(
        self, promoted: Shop
    ) -> None:
        promoted.project.pipeline_must_succeed = True
        head = promoted.open().sha
        statuses = promoted.api().commits.get(head, lazy=True).statuses
        statuses.create({"state": "pending", "name": "promoter", "description": "soak"})
        with pytest.raises(gitlab.GitlabCreateError, match="Cannot transition status"):
            statuses.create({"state": "pending", "name": "promoter"})
        assert promoted.api().mergerequests.get(1).detailed_merge_status == "ci_still_running"
        statuses.create({"state": "success", "name": "promoter"})
        assert promoted.api().mergerequests.get(1).detailed_merge_status == "mergeable"
        assert [(s.name, s.status) for s in statuses.list(get_all=True)] == [
            ("promoter", "success")
        ]

    def test_a_status_that_ended_is_followed_by_another(self, promoted: Shop) -> None:
        head = promoted.open().sha
        statuses = promoted.api().commits.get(head, lazy=True).statuses
        for state in ("failed", "failed", "success", "pending"):
            statuses.create({"state": state, "name": "promoter"})
        assert [s.status for s in statuses.list(get_all=True, all=True)] == [
            "failed",
            "failed",
            "success",
            "pending",
        ]
        (run,) = promoted.api().pipelines.list(get_all=True)
        assert run.status == "running"
        statuses.create({"state": "success", "name": "promoter"})
        (run,) = promoted.api().pipelines.list(get_all=True)
        assert run.status == "success"
        with pytest.raises(gitlab.GitlabCreateError, match="404"):
            statuses.create({"state": "success", "pipeline_id": 999})

    def test_another_users_status_is_not_changed(self, promoted: Shop) -> None:
        head = promoted.open().sha
        for token in ("of-bot", "of-ann"):
            statuses = promoted.api(private_token=token).commits.get(head, lazy=True).statuses
            statuses.create({"state": "running", "name": "promoter"})
        assert len(promoted.project.statuses) == 2


class TestApprovals:
    @pytest.fixture
    def ruled(self, promoted: Shop) -> Shop:
        """Two approvals are asked for, one of them Ann's."""
        promoted.project.rules += [Rule(1, "all", 2), Rule(2, "owners", 1, (promoted.ann,))]
        promoted.open()
        return promoted

    def test_rules_hold_the_merge_until_they_are_met(self, ruled: Shop) -> None:
        request = ruled.api().mergerequests.get(1)
        assert request.detailed_merge_status == "not_approved"
        with pytest.raises(gitlab.GitlabMRClosedError, match="405"):
            request.merge()
        ruled.server.world.approve(ruled.project, 1, ruled.bob)
        left = request.approvals.get()
        assert (left.approvals_left, left.approved) == (1, False)
        ruled.api(private_token="of-ann").mergerequests.get(1).approve(sha=request.sha)
        given = request.approvals.get()
        assert [each["user"]["username"] for each in given.approved_by] == ["bob", "ann"]
        assert given.approved
        assert all(rule["approved"] for rule in request.approval_state.get().rules)
        assert request.merge()["state"] == "merged"

    def test_nobody_approves_their_own_nor_another_head(self, ruled: Shop) -> None:
        with pytest.raises(gitlab.GitlabAuthenticationError, match="401"):
            ruled.api().mergerequests.get(1).approve()
        with pytest.raises(gitlab.GitlabMRApprovalError, match="SHA does not match"):
            ruled.api(private_token="of-ann").mergerequests.get(1).approve(sha="0" * 40)
        assert ruled.did("approve") == []

    @pytest.mark.parametrize("reset", [True, False])
    def test_a_push_takes_approvals_away_where_the_project_says_so(
        self, ruled: Shop, reset: bool
    ) -> None:
        ruled.project.reset_approvals_on_push = reset
        ruled.server.world.approve(ruled.project, 1, ruled.ann)
        ruled.push("promoter/web", {WEB: b"web: 1.2.0\n"})
        given = ruled.api().mergerequests.get(1).approvals.get().approved_by
        assert [each["user"]["username"] for each in given] == ([] if reset else ["ann"])

    def test_a_maintainer_makes_rules(self, promoted: Shop) -> None:
        rule = {"name": "owners", "approvals_required": 1, "user_ids": [promoted.bob.id]}
        with pytest.raises(gitlab.GitlabCreateError, match="403"):
            promoted.api().approvalrules.create(rule)
        promoted.api(private_token="of-ann").approvalrules.create(rule)
        promoted.open()
        promoted.server.world.approve(promoted.project, 1, promoted.ann)
        state = promoted.api().mergerequests.get(1).approval_state.get()
        assert [(each["name"], each["approved"]) for each in state.rules] == [("owners", False)]

    def test_only_a_bot_resets_them_at_once(self, ruled: Shop) -> None:
        ruled.server.world.approve(ruled.project, 1, ruled.ann)
        with pytest.raises(gitlab.GitlabAuthenticationError):
            ruled.api(private_token="of-ann").mergerequests.get(1).reset_approvals()
        ruled.api().mergerequests.get(1).reset_approvals()
        assert ruled.api().mergerequests.get(1).approvals.get().approved_by == []

    def test_without_premium_they_are_told_and_hold_nothing(self, ruled: Shop) -> None:
        ruled.project.premium = False
        request = ruled.api().mergerequests.get(1)
        ruled.server.world.approve(ruled.project, 1, ruled.ann)
        assert request.approvals.get().approved_by[0]["user"]["username"] == "ann"
        with pytest.raises(gitlab.GitlabListError, match="404"):
            ruled.api().approvalrules.list(get_all=True)
        assert request.merge()["state"] == "merged"


class TestLife:
    def test_a_person_closes_and_it_is_told_who(self, promoted: Shop) -> None:
        promoted.open()
        promoted.server.world.close(promoted.project, 1, promoted.ann)
        found = promoted.api().mergerequests.get(1)
        assert (found.state, found.closed_by["username"]) == ("closed", "ann")
        found.state_event = "reopen"
        found.save()
        assert found.state == "opened"
        assert [e.state for e in found.resourcestateevents.list(get_all=True)] == [
            "closed",
            "reopened",
        ]

    def test_it_does_not_reopen_beside_another(self, promoted: Shop) -> None:
        first = promoted.open()
        promoted.server.world.close(promoted.project, 1, promoted.bot)
        promoted.open()
        first.state_event = "reopen"
        with pytest.raises(gitlab.GitlabUpdateError, match=r"already exists.*!2"):
            first.save()

    def test_a_deleted_branch_closes_it(self, promoted: Shop) -> None:
        promoted.open()
        promoted.api().branches.delete("promoter/web")
        assert promoted.api().mergerequests.get(1).state == "closed"

    def test_the_deletion_is_among_the_events_before_the_close(self, promoted: Shop) -> None:
        promoted.open()
        promoted.server.world.delete_branch(promoted.project, "promoter/web", promoted.ann)
        (event,) = promoted.api().events.list(action="pushed", get_all=True)
        assert (event.action_name, event.push_data["action"]) == ("deleted", "removed")
        closed = promoted.api().mergerequests.get(1)
        assert closed.closed_by["username"] == event.author["username"] == "ann"
        assert event.created_at < closed.closed_at

    def test_the_free_edition_takes_one_reviewer(self, promoted: Shop) -> None:
        promoted.project.premium = False
        request = promoted.open(reviewer_ids=[promoted.bob.id, promoted.ann.id])
        assert [each["username"] for each in request.reviewers] == ["bob"]

    def test_labels_and_notes_leave_events(self, promoted: Shop) -> None:
        request = promoted.open(labels=["promoter"])
        promoted.server.world.label(
            promoted.project.requests[1], promoted.ann, ("promoter", "promoter/hold")
        )
        request = promoted.api().mergerequests.get(1)
        assert request.labels == ["promoter", "promoter/hold"]
        last = request.resourcelabelevents.list(get_all=True)[-1]
        assert (last.user["username"], last.action, last.label["name"]) == (
            "ann",
            "add",
            "promoter/hold",
        )
        request.manager.update(1, {"remove_labels": "promoter/hold"})
        assert promoted.api().mergerequests.get(1).labels == ["promoter"]
        request.notes.create({"body": "superseded"})
        assert [note.body for note in request.notes.list(get_all=True)] == ["superseded"]


class TestTrains:
    @pytest.fixture
    def two(self, shop: Shop) -> Shop:
        """Of which the second does not fit after the first."""
        shop.project.trains = True
        for branch in ("promoter/a", "promoter/b"):
            shop.push(branch, {WEB: f"web: {branch}\n".encode()})
            request = shop.open(branch)
            self.board(shop, request.iid, request.sha)
        return shop

    def board(self, shop: Shop, number: int, sha: str) -> None:
        path = f"/projects/platform%2Fshop/merge_trains/merge_requests/{number}"
        shop.client().http_post(path, post_data={"sha": sha})

    def test_it_merges_one_after_another_and_puts_off_what_does_not_fit(self, two: Shop) -> None:
        trains = "/projects/platform%2Fshop/merge_trains/main"
        cars = two.client().http_list(trains, iterator=True)
        assert [each["merge_request"]["iid"] for each in cars] == [1, 2]

        assert two.server.world.run_train(two.project) == [1]

        second = two.api().mergerequests.get(2)
        assert (second.state, second.merge_when_pipeline_succeeds) == ("opened", False)
        assert two.file(WEB) == "web: promoter/a"

    def test_who_is_put_off_does_not_merge(self, two: Shop) -> None:
        request = two.api().mergerequests.get(1)
        assert request.merge_when_pipeline_succeeds
        request.cancel_merge_when_pipeline_succeeds()
        assert two.server.world.run_train(two.project) == [2]

    @pytest.mark.parametrize("setting", ["premium", "trains"])
    def test_without_trains_there_is_none(self, promoted: Shop, setting: str) -> None:
        promoted.project.trains = True
        setattr(promoted.project, setting, False)
        request = promoted.open()
        with pytest.raises(gitlab.GitlabHttpError, match="403"):
            self.board(promoted, 1, request.sha)


class TestGit:
    def run(self, shop: Shop, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", "-c", "user.name=b", "-c", "user.email=b@example.com", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.fixture
    def clone(self, shop: Shop, tmp_path: Path) -> Path:
        url = shop.server.url(f"{SHOP}.git").replace("://", "://oauth2:of-bot@")
        told = self.run(shop, tmp_path, "clone", "--quiet", url, "clone")
        assert told.returncode == 0, told.stderr
        return tmp_path / "clone"

    def test_a_push_is_taken_and_noted(self, shop: Shop, clone: Path) -> None:
        (clone / WEB).write_text("web: 1.1.0\n")
        self.run(shop, clone, "commit", "--all", "--message=promote")
        told = self.run(shop, clone, "push", "origin", "HEAD:refs/heads/promoter/web")
        assert told.returncode == 0, told.stderr
        assert shop.did("push") == [("bot", "refs/heads/promoter/web")]
        assert shop.open().sha == shop.project.tip("promoter/web")

    def test_a_protected_branch_is_refused(self, shop: Shop, clone: Path) -> None:
        before = shop.project.tip("main")
        self.run(shop, clone, "commit", "--allow-empty", "--message=past the gates")
        told = self.run(shop, clone, "push", "origin", "HEAD:main")
        assert told.returncode == 1
        assert "not allowed to push code to protected branches" in told.stderr
        assert "pre-receive hook declined" in told.stderr
        assert shop.project.tip("main") == before
        assert shop.did("push") == []

    def test_protection_is_told_to_maintainers(self, shop: Shop) -> None:
        with pytest.raises(gitlab.GitlabGetError, match="403"):
            shop.api().protectedbranches.get("main")
        found = shop.api(private_token="of-ann").protectedbranches.get("main")
        assert found.push_access_levels[0]["access_level"] == MAINTAINER
        assert not shop.api().branches.get("main").can_push

    def test_a_stranger_sees_no_repository(self, shop: Shop, tmp_path: Path) -> None:
        shop.server.world.user("eve", token="of-eve")
        url = shop.server.url(f"{SHOP}.git").replace("://", "://oauth2:of-eve@")
        assert "not found" in self.run(shop, tmp_path, "ls-remote", url).stderr


class TestFaults:
    def test_a_dropped_reply_has_done_the_work(self, promoted: Shop) -> None:
        promoted.server.drop_reply("POST", "/merge_requests$")
        with pytest.raises(requests.ConnectionError):
            promoted.open()
        assert promoted.did("open") == [("bot", "!1")]

    def test_an_error_once_has_done_nothing(self, promoted: Shop) -> None:
        promoted.server.fail_once("POST", "/merge_requests$", status=500)
        with pytest.raises(gitlab.GitlabCreateError, match="500"):
            promoted.open()
        assert promoted.did("open") == []
        assert promoted.open().iid == 1

    def test_a_rate_limit_tells_how_long(self, promoted: Shop) -> None:
        promoted.server.limit_rate(7)
        address = f"{promoted.server.base}/api/v4/user"
        told = requests.get(address, headers={"PRIVATE-TOKEN": "of-bot"}, timeout=30)
        assert (told.status_code, told.headers["Retry-After"]) == (429, "7")
        assert told.headers["RateLimit-Remaining"] == "0"
        assert promoted.open().iid == 1

    def test_an_allowance_runs_out_and_is_told(self, promoted: Shop) -> None:
        promoted.server.allowance = 1
        address = f"{promoted.server.base}/api/v4/user"
        told = [
            requests.get(address, headers={"PRIVATE-TOKEN": "of-bot"}, timeout=30) for _ in range(3)
        ]
        assert [each.status_code for each in told] == [200, 429, 429]
        assert told[0].headers["RateLimit-Remaining"] == "0"
        assert told[1].headers["Retry-After"] == "60"

    def test_a_slow_reply_waits_for_the_test(self, promoted: Shop) -> None:
        gate = threading.Event()
        promoted.server.fail_once("POST", "/merge_requests$", gate=gate)
        with pytest.raises(requests.ReadTimeout):
            gitlab.Gitlab(promoted.server.base, private_token="of-bot", timeout=0.3).http_post(
                "/projects/platform%2Fshop/merge_requests",
                post_data={"source_branch": "promoter/web", "target_branch": "main", "title": "t"},
            )
        gate.set()
        assert promoted.api().mergerequests.get(1).title == "t"

    def test_a_request_that_gitlab_does_not_know_fails_the_test(self, tmp_path: Path) -> None:
        with pytest.raises(AssertionError, match="unknown field colour"):
            _ask_for_a_colour(tmp_path)


def _ask_for_a_colour(folder: Path) -> None:
    with fake_gitlab(folder / "other") as server:
        ann = server.world.user("ann", token="of-ann")
        server.world.project("a/b", {"f": b""}, {ann: MAINTAINER})
        requests.post(
            f"{server.base}/api/v4/projects/a%2Fb/merge_requests",
            json={"title": "t", "source_branch": "x", "target_branch": "main", "colour": 1},
            headers={"PRIVATE-TOKEN": "of-ann"},
            timeout=30,
        )
