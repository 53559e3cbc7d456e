"""Whose word counts on a GitLab."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.forges.gitlab_shop import BRANCH, Shop, find_one
from tests.services.git_server import DATE, git
from tests.services.gitlab.nouns import DEVELOPER, Accept


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


def test_an_approval_of_a_bot_is_none_whatever_it_is_called(shop: Shop) -> None:
    world, forge, draft = shop.gitlab.world, shop.forge(), shop.draft()
    for name in ("project_9_bot_ffff", "dependency-updates"):
        bot = world.user(name, bot=True)
        shop.project.members[bot.id] = DEVELOPER
        shop.people[name] = bot
    forge.open(draft)
    shop.approve(1, "project_9_bot_ffff", "dependency-updates", "ann")

    assert forge.approvals(1, draft.head) == ("ann",)

    world.ask_for_changes(shop.project, 1, shop.people["dependency-updates"])
    assert forge.approvals(1, draft.head) == ("ann",)


def test_whether_a_user_is_a_bot_is_asked_once(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.approve(1, "ann")
    first = shop.calls_of(lambda: forge.approvals(1, draft.head))
    shop.seconds += 3600

    assert len([each for each in first if "/users/" in each]) == 1
    again = shop.calls_of(lambda: forge.approvals(1, draft.head))
    assert not [each for each in again if "/users/" in each]


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
        """Whoever a request is assigned to may close it."""
        opened.request.assignees = (opened.people[name],)
        opened.gitlab.world.close(opened.project, 1, opened.people[name])

        found = find_one(opened.forge())

        assert (found.state, found.closed_by, found.closed_by_bot) == ("closed", None, False)

    def test_an_administrator_need_be_no_member_to_have_a_word(self, opened: Shop) -> None:
        boss = opened.gitlab.world.user("boss", admin=True)
        opened.gitlab.world.close(opened.project, 1, boss)

        assert find_one(opened.forge()).closed_by == "boss"

    @pytest.mark.parametrize("state", ["blocked", "banned", "deactivated", "ldap_blocked"])
    def test_who_is_let_in_no_more_has_none(self, opened: Shop, state: str) -> None:
        opened.gitlab.world.close(opened.project, 1, opened.people["ann"])
        opened.project.states[opened.people["ann"].id] = state

        assert find_one(opened.forge()).closed_by is None

    def test_another_bots_close_is_nobodys_word(self, opened: Shop) -> None:
        """Stale-bots close; what they are called is up to whoever made them."""
        janitor = opened.gitlab.world.user("janitor", bot=True)
        opened.project.members[janitor.id] = DEVELOPER
        opened.gitlab.world.close(opened.project, 1, janitor)

        assert find_one(opened.forge()).closed_by is None

    def test_a_person_who_is_called_as_bots_are_has_a_word(self, opened: Shop) -> None:
        person = opened.gitlab.world.user("service_account_of_the_sea")
        opened.project.members[person.id] = DEVELOPER
        opened.gitlab.world.close(opened.project, 1, person)

        assert find_one(opened.forge()).closed_by == "service_account_of_the_sea"

    @pytest.mark.parametrize(
        ("name", "told"), [("project_3_bot_ffff", None), ("group_12_bot", None), ("cleo", "cleo")]
    )
    def test_where_users_are_hidden_bots_are_told_by_their_names(
        self, opened: Shop, name: str, told: str | None
    ) -> None:
        other = opened.gitlab.world.user(name)
        opened.project.members[other.id] = DEVELOPER
        opened.gitlab.world.close(opened.project, 1, other)
        opened.gitlab.fail_once("GET", "/users/", status=403)

        assert find_one(opened.forge()).closed_by == told

    def test_a_deleted_branch_is_nobodys_word(self, opened: Shop) -> None:
        """GitLab closes the request in the name of whoever deleted the branch."""
        opened.gitlab.world.delete_branch(opened.project, BRANCH, opened.people["ann"])

        assert opened.request.closed_by == opened.people["ann"]
        assert find_one(opened.forge()).closed_by is None

    def test_one_of_many_branches_that_one_push_deleted_is_nobodys_word(self, opened: Shop) -> None:
        """Of such a push GitLab tells how many, and no names."""
        others = [f"feature/{number}" for number in range(4)]
        for each in others:
            opened.push(branch=each)
        opened.gitlab.world.sync(opened.project)
        for each in (*others, BRANCH):
            git(opened.project.repository, "update-ref", "-d", f"refs/heads/{each}")
        opened.project.pusher = opened.people["ann"]
        opened.gitlab.world.sync(opened.project)

        assert [(each.branch, each.count) for each in opened.project.pushes][-1] == (None, 5)
        assert opened.request.closed_by == opened.people["ann"]
        assert find_one(opened.forge()).closed_by is None

    @pytest.mark.parametrize(("who", "later"), [("ben", 0), ("ann", 15)])
    def test_that_others_deleted_many_or_long_before_takes_no_word_away(
        self, opened: Shop, who: str, later: int
    ) -> None:
        others = [f"feature/{number}" for number in range(4)]
        for each in others:
            opened.push(branch=each)
        opened.gitlab.world.sync(opened.project)
        for each in others:
            git(opened.project.repository, "update-ref", "-d", f"refs/heads/{each}")
        opened.project.pusher = opened.people[who]
        opened.gitlab.world.sync(opened.project)
        for _ in range(later):
            opened.gitlab.world.now()
        opened.gitlab.world.close(opened.project, 1, opened.people["ann"])

        assert find_one(opened.forge()).closed_by == "ann"

    def test_a_branch_that_one_push_of_many_brought_back_was_not_the_reason(
        self, opened: Shop
    ) -> None:
        """The merge before took it away; the next look pushed all branches at once, of which GitLab
        tells no names."""
        forge, world, project = opened.forge(), opened.gitlab.world, opened.project
        project.pusher = opened.people["bot"]
        world.sync(project)
        world.merge(project, opened.request, Accept(opened.people["ann"], remove_source=True))
        world.sync(project)
        assert (project.pushes[-1].branch, project.pushes[-1].action) == (BRANCH, "removed")
        for each in range(4):
            opened.push(branch=f"promoter/staging/app{each}")
        again = forge.open(opened.draft(opened.push(b"tag: 1.3.0\n")))
        world.sync(project)
        assert (project.pushes[-1].branch, project.pushes[-1].action) == (None, "created")

        world.close(project, again.number, opened.people["ann"])

        told = {each.number: each.closed_by for each in opened.forge().find("main", "promoter/")}
        assert told[again.number] == "ann"

    def test_a_branch_that_somebody_else_deleted_was_not_the_reason(self, opened: Shop) -> None:
        """GitLab closes in the name of whoever deletes, whichever it writes down first."""
        world, project = opened.gitlab.world, opened.project
        world.close(project, 1, opened.people["ann"])
        world.delete_branch(project, BRANCH, opened.people["ben"])
        project.pushes[-1] = replace(project.pushes[-1], at=opened.request.closed_at or DATE)

        assert find_one(opened.forge()).closed_by == "ann"

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
