"""Whose word counts on a GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.forges.gitlab_shop import BRANCH, Shop, find_one, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        yield opened


def test_a_persons_close_is_told_with_the_name(shop: Shop) -> None:
    shop.forge().open(shop.draft())
    shop.gitlab.world.close(shop.project, 1, shop.people["ann"])

    found = find_one(shop.forge())

    assert (found.closed_by, found.closed_by_bot) == ("ann", False)


def test_approvals_are_those_of_people_who_may_write(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    shop.project.authors_may_approve = True
    forge.open(draft)
    assert forge.approvals(1, draft.head) == ()
    shop.approve(1, "ben", "ann", "bot")
    shop.project.members[shop.people["ben"].id] = 20

    assert forge.approvals(1, draft.head) == ("ann",)

    del shop.project.members[shop.people["ann"].id]
    shop.seconds += 301  # what was told of ann holds for five minutes
    assert forge.approvals(1, draft.head) == ()


@pytest.mark.parametrize("premium", [True, False])
def test_an_approval_of_an_older_head_is_none(shop: Shop, premium: bool) -> None:
    """Without Premium GitLab keeps approvals over a push."""
    shop.project.premium = premium
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.approve(1, "ann")
    assert forge.approvals(1, draft.head) == ("ann",)

    head = shop.push(b"tag: 1.3.0\n")

    assert forge.approvals(1, draft.head) == ()
    assert forge.approvals(1, head) == ()
    shop.approve(1, "ben")
    assert forge.approvals(1, head) == ("ben",)


def test_an_older_gitlab_tells_the_time_of_an_approval_in_a_note_only(shop: Shop) -> None:
    shop.project.tells_approval_times = False
    shop.project.reset_approvals_on_push = False
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.approve(1, "ann", "ben")
    request, world = shop.project.requests[1], shop.gitlab.world
    assert forge.approvals(1, draft.head) == ()

    world.comment(request, shop.people["ann"], "approved this merge request", system=True)
    world.comment(request, shop.people["ben"], "approved this merge request")
    assert forge.approvals(1, draft.head) == ("ann",)

    assert forge.approvals(1, shop.push(b"tag: 1.3.0\n")) == ()


def test_nobody_counts_while_a_person_who_may_write_asks_for_changes(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    shop.project.premium = False
    forge.open(replace(draft, reviewers=("guest",)))
    shop.approve(1, "ben")
    ask = shop.gitlab.world.ask_for_changes
    ask(shop.project, 1, shop.people["guest"])
    assert forge.approvals(1, draft.head) == ("ben",)

    ask(shop.project, 1, shop.people["ann"])
    assert forge.approvals(1, draft.head) == ()

    shop.approve(1, "ann")
    assert forge.approvals(1, draft.head) == ("ben", "ann")


class TestClosing:
    """What a person with write access closes by hand is a word; everything else is nobody's."""

    @pytest.fixture
    def opened(self, shop: Shop) -> Shop:
        shop.forge().open(shop.draft())
        return shop

    @pytest.mark.parametrize("name", ["guest", "stranger"])
    def test_who_may_not_write_has_no_word(self, opened: Shop, name: str) -> None:
        opened.gitlab.world.close(opened.project, 1, opened.people[name])

        found = find_one(opened.forge())

        assert (found.state, found.closed_by, found.closed_by_bot) == ("closed", None, False)

    def test_a_deleted_branch_is_nobodys_word(self, opened: Shop) -> None:
        """GitLab closes the request in the name of whoever deleted the branch."""
        opened.gitlab.world.delete_branch(opened.project, BRANCH, opened.people["ann"])

        assert opened.request.closed_by == opened.people["ann"]
        assert find_one(opened.forge()).closed_by is None

    def test_a_close_stays_a_word_when_the_branch_is_deleted_afterwards(self, opened: Shop) -> None:
        opened.gitlab.world.close(opened.project, 1, opened.people["ann"])
        opened.gitlab.world.delete_branch(opened.project, BRANCH, opened.people["ann"])

        assert find_one(opened.forge()).closed_by == "ann"

    def test_a_branch_that_came_back_before_the_close_was_not_the_reason(
        self, opened: Shop
    ) -> None:
        world, project, ann = opened.gitlab.world, opened.project, opened.people["ann"]
        world.delete_branch(project, BRANCH, ann)
        opened.push()
        world.reopen(project, 1, ann)
        world.sync(project)
        world.close(project, 1, ann)

        assert find_one(opened.forge()).closed_by == "ann"

    def test_where_gitlab_hides_what_happened_it_is_a_word(self, opened: Shop) -> None:
        opened.gitlab.world.close(opened.project, 1, opened.people["ann"])
        opened.gitlab.fail_once("GET", "/events$", status=403)

        assert find_one(opened.forge()).closed_by == "ann"

    def test_it_is_asked_once(self, opened: Shop) -> None:
        opened.gitlab.world.close(opened.project, 1, opened.people["ann"])
        forge = opened.forge()
        first = opened.calls_of(lambda: find_one(forge))

        assert opened.calls_of(lambda: find_one(forge)) == first[:1]
        assert find_one(forge).closed_by == "ann"

    def test_a_bots_own_close_asks_for_nobody(self, opened: Shop) -> None:
        opened.forge().close(1, "stale")

        assert not [
            call
            for call in opened.calls_of(lambda: find_one(opened.forge()))
            if "/members/" in call or call.endswith("/events")
        ]
