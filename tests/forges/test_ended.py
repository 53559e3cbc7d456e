"""What is told of requests that ended, said to them, and done with their branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promoter.errors import ConflictError
from promoter.model.ports import Comment, Forge, MergeRequest, MergeRequestDraft
from tests.forges.github_shop import BODY, BRANCH, TEXT, World
from tests.forges.gitlab_shop import BRANCH as GITLAB_BRANCH
from tests.forges.gitlab_shop import TEXT as GITLAB_TEXT
from tests.forges.gitlab_shop import Shop, find_one
from tests.services.github import git as github_git

SAID = Comment("Closed: 1.3.0 is newer. <!-- promoter-1 -->", "<!-- promoter-1 -->")


def told(forge: Forge) -> dict[int, MergeRequest]:
    return {each.number: each for each in forge.find("main", "promoter/")}


class TestWhoClosedIt:
    """One request that nobody tells about hides none of the others, and is asked about again."""

    def test_on_github(self, world: World) -> None:
        first = world.open()
        branch = "promoter/dev/cart"
        head = world.push(b"tag: 2\n", branch)
        second = world.forge.open(MergeRequestDraft(branch, "main", head, "cart", BODY))
        for each in (first, second):
            world.shop.close(each.number, "ann")
        # A GET is repeated twice by itself.
        world.hub.faults.fail(f"GET .*/issues/{first.number}/events", 500, times=3)
        found = told(world.forge)
        assert (found[second.number].closed_by, found[second.number].unread) == ("ann", "")
        unknown = found[first.number]
        assert (unknown.state, unknown.closed_by, unknown.closed_by_bot) == ("closed", None, False)
        assert f"can't tell who closed #{first.number}: GitHub is in trouble" in unknown.unread
        again = told(world.forge)[first.number]
        assert (again.closed_by, again.unread) == ("ann", "")
        assert again != unknown, "whoever remembers it must see the difference"
        before = len(world.hub.requests)
        world.forge.find("main", "promoter/")
        assert len(world.hub.requests) - before == 2

    def test_on_github_where_the_rights_are_not_told(self, world: World) -> None:
        request = world.open()
        world.shop.close(request.number, "ann")
        world.hub.faults.fail("GET .*/collaborators/ann/permission", 403)
        assert "can't tell the rights of ann" in world.look().unread
        assert (world.look().closed_by, world.look().unread) == ("ann", "")

    @pytest.mark.parametrize("path", ["/members/", "/user$"])
    def test_on_gitlab(self, shop: Shop, path: str) -> None:
        draft = shop.draft()
        shop.forge().open(draft)
        shop.gitlab.world.close(shop.project, 1, shop.people["ann"])
        other = shop.draft(branch="promoter/dev/cart")
        shop.forge().open(other)
        forge = shop.forge()
        shop.gitlab.fail_once("GET", path, status=500, times=10)
        found = told(forge)
        assert (found[2].state, found[2].unread) == ("open", "")
        assert (found[1].state, found[1].closed_by, found[1].closed_by_bot) == (
            "closed",
            None,
            False,
        )
        assert found[1].unread
        shop.gitlab.faults.clear()
        assert (told(forge)[1].closed_by, told(forge)[1].unread) == ("ann", "")


class TestComment:
    """Nobody reads "Closed: ..." on a request that was merged; one that it stands on keeps it."""

    @pytest.mark.parametrize("end", ["merged", "closed"])
    def test_on_github(self, world: World, end: str) -> None:
        request = world.open()
        if end == "merged":
            world.shop.merge(request.number, "ann")
        else:
            world.shop.close(request.number, "ann")
        with pytest.raises(ConflictError, match=f"is {end} already"):
            world.forge.comment(request.number, SAID)
        assert world.hub.effects("commented") == []

    def test_on_github_again_costs_no_second_look(self, world: World) -> None:
        request = world.open()
        world.forge.comment(request.number, SAID)
        world.shop.close(request.number, "ann")
        before = len(world.hub.requests)
        world.forge.comment(request.number, SAID)
        assert not [each for each in world.hub.requests[before:] if "/pulls/" in each]
        assert len(world.hub.effects("commented")) == 1

    @pytest.mark.parametrize("end", ["merged", "closed"])
    def test_on_gitlab(self, shop: Shop, end: str) -> None:
        forge, draft = shop.forge(), shop.draft()
        forge.open(draft)
        forge.comment(1, SAID)
        if end == "merged":
            forge.merge(1, draft.head, GITLAB_TEXT)
        else:
            shop.gitlab.world.close(shop.project, 1, shop.people["ann"])
        forge.comment(1, SAID)
        with pytest.raises(ConflictError, match=f"is {end} already"):
            forge.comment(1, Comment("Late. <!-- promoter-2 -->", "<!-- promoter-2 -->"))
        assert (find_one(forge).branch, shop.did("note")) == (GITLAB_BRANCH, 1)


class TestBranch:
    """Work that comes between the end of a request and the deletion of its branch is not lost."""

    def push_after(
        self, world: World, monkeypatch: pytest.MonkeyPatch, verb: str
    ) -> Callable[[], str]:
        pushed: list[str] = []
        send = world.talk.send

        def late(method: str, *given: Any) -> Any:
            answer = send(method, *given)
            if method == verb:
                pushed.append(world.shop.push(BRANCH, {"apps/fix.yaml": b"hours\n"}, login="ann"))
            return answer

        monkeypatch.setattr(world.talk, "send", late)
        return lambda: pushed[-1]

    def test_after_a_merge(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        request = world.open()
        work = self.push_after(world, monkeypatch, "PUT")
        assert world.forge.merge(request.number, request.head, TEXT) == "merged"
        assert github_git.branches(world.shop.git)[BRANCH] == work()

    def test_after_a_close(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        request = world.open()
        work = self.push_after(world, monkeypatch, "PATCH")
        world.forge.close(request.number, "stale")
        assert github_git.branches(world.shop.git)[BRANCH] == work()

    def test_one_that_github_deleted_itself_is_not_asked_for_again(self, world: World) -> None:
        request = world.open()
        world.hub.faults.fail("GET .*/git/ref/", 404)
        assert world.forge.merge(request.number, request.head, TEXT) == "merged"
        assert not [each for each in world.hub.requests if each.startswith("DELETE")]
