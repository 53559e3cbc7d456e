"""Merging on a GitLab, whichever way the project has it."""

from __future__ import annotations

from typing import Any

import pytest

from promoter.errors import ConflictError, InputError, TransientError
from promoter.model.ports import Readiness
from promoter.model.record import Record
from tests.forges.gitlab_shop import BRANCH, RECORD, TEXT, Shop, find_one
from tests.services.git_server import commit, git, refs
from tests.services.gitlab import views
from tests.services.gitlab.nouns import MAINTAINER, Rule


@pytest.mark.parametrize("method", ["merge", "rebase_merge", "ff"])
def test_a_merge_lands_on_the_base_and_takes_the_branch_away(shop: Shop, method: str) -> None:
    shop.project.merge_method = method  # type: ignore[assignment]
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)

    assert forge.merge(1, draft.head, TEXT) == "merged"
    assert forge.merge(1, draft.head, TEXT) == "merged"

    assert git(shop.project.repository, "show", "main:web.yaml") == "tag: 1.2.0"
    assert f"refs/heads/{BRANCH}" not in refs(shop.project.repository)
    if method != "ff":
        message = git(shop.project.repository, "log", "-1", "--format=%B", "main")
        assert message.startswith("Merge !1: Promote web to staging: 1.2.0\n")
        assert Record.parse(message) == RECORD
    assert (find_one(forge).state, shop.did("merge")) == ("merged", 1)


@pytest.mark.parametrize(
    ("option", "commits"), [("always", 1), ("default_on", 1), ("default_off", 2), ("never", 2)]
)
def test_commits_are_squashed_where_the_project_says_so(
    shop: Shop, option: str, commits: int
) -> None:
    shop.project.squash_option = option  # type: ignore[assignment]
    shop.project.merge_method = "ff"
    before = shop.project.tip("main")
    shop.push(b"tag: 1.1.5\n")
    draft = shop.draft()
    shop.forge().open(draft)

    assert shop.forge().merge(1, draft.head, TEXT) == "merged"

    landed = git(shop.project.repository, "rev-list", f"{before}..main").splitlines()
    assert len(landed) == commits
    if commits == 1:
        subject = git(shop.project.repository, "log", "-1", "--format=%s", "main")
        assert subject == TEXT.subject
        message = git(shop.project.repository, "log", "-1", "--format=%B", "main")
        assert Record.parse(message) == RECORD


class TestTrains:
    @pytest.fixture
    def aboard(self, shop: Shop) -> Shop:
        shop.project.trains = True
        draft = shop.draft()
        shop.forge().open(draft)
        assert shop.forge().merge(1, draft.head, TEXT) == "queued"
        return shop

    def test_it_is_boarded_once_and_merged_when_the_train_arrives(self, aboard: Shop) -> None:
        forge = aboard.forge()
        assert find_one(forge).armed
        assert forge.merge(1, aboard.request.head, TEXT) == "queued"
        assert aboard.did("board") == 1

        assert aboard.gitlab.world.run_train(aboard.project) == [1]

        found = find_one(forge)
        assert (found.state, found.armed) == ("merged", False)

    def test_an_answer_that_is_lost_is_found_aboard(self, shop: Shop) -> None:
        shop.project.trains = True
        forge, draft = shop.forge(), shop.draft()
        forge.open(draft)
        shop.gitlab.drop_reply("POST", "/merge_trains/")
        with pytest.raises(TransientError):
            forge.merge(1, draft.head, TEXT)

        assert forge.merge(1, draft.head, TEXT) == "queued"
        assert shop.did("board") == 1

    def test_it_is_put_off_the_train_once(self, aboard: Shop) -> None:
        forge = aboard.forge()

        forge.disarm(1)
        forge.disarm(1)

        assert not find_one(forge).armed
        assert aboard.did("disarm") == 1
        assert aboard.gitlab.world.run_train(aboard.project) == []

    def test_putting_off_what_arrived_is_a_lost_race(self, aboard: Shop) -> None:
        aboard.gitlab.world.run_train(aboard.project)

        with pytest.raises(ConflictError, match="being merged, or is already"):
            aboard.forge().disarm(1)

    def test_who_may_not_merge_may_not_put_it_off_either(self, aboard: Shop) -> None:
        aboard.project.protections["main"].merge = MAINTAINER

        with pytest.raises(InputError, match="may not merge into main"):
            aboard.forge().disarm(1)

    def test_a_newer_head_is_off_the_train(self, aboard: Shop) -> None:
        aboard.push(b"tag: 1.3.0\n")

        assert not find_one(aboard.forge()).armed

    def test_a_train_that_was_switched_off_is_noticed(self, aboard: Shop) -> None:
        """What was known of the project holds for minutes; a refusal ends that."""
        forge, draft = aboard.forge(), aboard.draft(branch="promoter/staging/api")
        forge.open(draft)
        assert forge.merge(2, draft.head, TEXT) == "queued"
        forge.disarm(2)
        aboard.project.trains = False

        with pytest.raises(InputError, match="forbids it"):
            forge.merge(2, draft.head, TEXT)
        assert forge.merge(2, draft.head, TEXT) == "merged"


def test_what_a_person_armed_is_told_and_disarmed_too(shop: Shop) -> None:
    forge = shop.forge()
    forge.open(shop.draft())
    shop.gitlab.world.arm(shop.project, 1, shop.people["ann"])
    assert find_one(forge).armed

    forge.disarm(1)

    assert not find_one(forge).armed


class TestReadiness:
    @pytest.fixture
    def head(self, shop: Shop) -> str:
        draft = shop.draft()
        shop.forge().open(draft)
        return draft.head

    def test_what_merges_is_ready(self, shop: Shop, head: str) -> None:
        assert shop.forge().readiness(1, head) == Readiness("ready")

    def test_another_head_is_waited_for(self, shop: Shop, head: str) -> None:
        shop.push(b"tag: 1.3.0\n")

        assert shop.forge().readiness(1, head).state == "wait"

    def test_a_conflict_is_one(self, shop: Shop, head: str) -> None:
        commit(shop.project.repository, {"web.yaml": b"tag: 1.1.9\n"})

        assert shop.forge().readiness(1, head) == Readiness("conflict", "it conflicts with main")

    def test_a_linear_project_wants_it_on_the_tip(self, shop: Shop, head: str) -> None:
        shop.project.merge_method = "ff"
        commit(shop.project.repository, {"other.yaml": b"tag: 1.1.9\n"})

        assert shop.forge().readiness(1, head) == Readiness(
            "behind", "the project wants it on the tip of main"
        )

    def test_a_bot_that_may_not_merge_is_refused(self, shop: Shop, head: str) -> None:
        shop.project.protections["main"].merge = MAINTAINER

        assert shop.forge().readiness(1, head) == Readiness(
            "refused", "the token's user may not merge into main"
        )

    def test_what_is_missing_is_told_in_words(self, shop: Shop, head: str) -> None:
        def why() -> str:
            told = shop.forge().readiness(1, head)
            assert told.state == "wait"
            return told.why

        shop.project.rules.append(Rule(1, "all", 1))
        assert why() == "an approval that the project asks for is missing"
        shop.project.discussions_open = True
        assert why() == "not all of its discussions are resolved"
        shop.project.pipeline_must_succeed = True
        assert why() == "its pipeline has not succeeded"
        shop.gitlab.world.run_pipeline(shop.project, head, "running")
        assert why() == "its pipeline is still running"
        shop.gitlab.world.close(shop.project, 1, shop.people["ann"])
        assert shop.forge().readiness(1, head) == Readiness("ready"), "it ended: the merge tells"

    @pytest.mark.parametrize(
        ("older", "state"),
        [
            ("can_be_merged", "ready"),
            ("cannot_be_merged", "conflict"),
            ("checking", "wait"),
            ("cannot_be_merged_recheck", "wait"),
        ],
    )
    def test_an_older_server_says_less(
        self, shop: Shop, head: str, monkeypatch: pytest.MonkeyPatch, older: str, state: str
    ) -> None:
        show = views.request

        def shown(*of: Any, **how: Any) -> dict[str, Any]:
            told = show(*of, **how)
            del told["detailed_merge_status"]
            return {**told, "merge_status": older}

        monkeypatch.setattr(views, "request", shown)

        assert shop.forge().readiness(1, head).state == state

    def test_a_word_that_nobody_knows_yet_is_waited_for(
        self, shop: Shop, head: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        show = views.request
        monkeypatch.setattr(
            views,
            "request",
            lambda *of, **how: {**show(*of, **how), "detailed_merge_status": "new"},
        )

        assert shop.forge().readiness(1, head) == Readiness("wait", "GitLab says new")


def test_a_merge_takes_the_head_that_it_names_and_no_other(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.push(b"tag: 9.9.9\n")

    with pytest.raises(ConflictError, match=f"not {draft.head[:8]}"):
        forge.merge(1, draft.head, TEXT)
    assert shop.did("merge") == 0


def test_a_merge_whose_answer_is_lost_is_a_merge(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.gitlab.drop_reply("PUT", "/merge$")

    assert forge.merge(1, draft.head, TEXT) == "merged"
    assert shop.did("merge") == 1


def test_what_is_not_ready_waits_with_gitlabs_words(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.project.rules.append(Rule(1, "all", 1))

    with pytest.raises(TransientError, match=r"405 Method Not Allowed .*not_approved"):
        forge.merge(1, draft.head, TEXT)


@pytest.mark.parametrize("status", [422, 406])
def test_a_base_that_moved_in_the_same_lines_is_a_lost_race(shop: Shop, status: int) -> None:
    """406 is what GitLab said before version 16."""
    shop.gitlab.conflict_status = status
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    commit(shop.project.repository, {"web.yaml": b"tag: 1.1.9\n"})

    with pytest.raises(ConflictError, match=r"Branch cannot be merged .*conflict"):
        forge.merge(1, draft.head, TEXT)


def test_what_must_be_rebased_waits_and_says_so(shop: Shop) -> None:
    shop.project.merge_method = "ff"
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    commit(shop.project.repository, {"other.yaml": b"tag: 1.1.9\n"})

    with pytest.raises(TransientError, match="need_rebase"):
        forge.merge(1, draft.head, TEXT)


def test_a_bot_that_may_not_merge_is_told_where_to_allow_it(shop: Shop) -> None:
    """GitLab says 401 there, and the token is good."""
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.project.protections["main"].merge = MAINTAINER

    with pytest.raises(InputError, match="may not merge into main"):
        forge.merge(1, draft.head, TEXT)
