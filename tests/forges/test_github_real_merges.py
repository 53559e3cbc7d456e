"""The adapter against the whole fake GitHub: real bytes, real merges, the published API."""

from __future__ import annotations

import pytest

from promoter.errors import ConflictError, TransientError
from promoter.forges.github.forge import GitHubForge
from promoter.model.ports import Comment, MergeRequestDraft
from promoter.model.record import Record
from tests.forges.github_shop import BODY, BRANCH, FILE, RECORD, TEXT, World
from tests.services.github import git as github_git
from tests.services.github.fake import ticking
from tests.services.github.state import MergeMethod, Protection


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_what_was_approved_lands_in_each_way(world: World, method: MergeMethod) -> None:
    world.shop.state.methods = (method,)
    request = world.open()
    assert world.forge.approvals(request.number, request.head) == ()
    for who in ("ann", "visitor"):
        world.shop.approve(request.number, who)
    assert world.forge.approvals(request.number, request.head) == ("ann",)

    assert world.forge.merge(request.number, request.head, TEXT) == "merged"
    landed = github_git.read_commit(world.shop.git, world.tip)
    if method != "rebase":
        assert landed.message.startswith(f"web: 1.2 (#{request.number})")
        assert Record.parse(landed.message) == RECORD
    merged = world.look()
    assert (merged.state, merged.head) == ("merged", request.head)
    assert merged.ended_at is not None
    assert BRANCH not in github_git.branches(world.shop.git)


def test_an_approval_does_not_outlive_the_head_that_it_was_for(world: World) -> None:
    request = world.open()
    world.shop.approve(request.number, "ann")
    head = world.push(b"tag: 1.3\n")
    world.forge.update(request.number, world.draft(head, approvals=1))
    assert world.forge.approvals(request.number, head) == ()
    with pytest.raises(ConflictError):
        world.forge.merge(request.number, request.head, TEXT)
    assert (world.look().head, world.look().approvals) == (head, 1)


def test_protection_refuses_until_it_is_met(world: World) -> None:
    world.shop.protect("main", Protection(reviews=1, checks=("build",)))
    request = world.open()
    before = world.tip
    with pytest.raises(TransientError, match="can't be merged yet: GitHub says"):
        world.forge.merge(request.number, request.head, TEXT)
    assert world.tip == before
    world.shop.approve(request.number, "ann")
    world.shop.report(request.head, "build", "success")
    assert world.forge.merge(request.number, request.head, TEXT) == "merged"


def test_a_conflict_is_a_lost_race(world: World) -> None:
    request = world.open()
    world.shop.push("main", {FILE: b"tag: 1.1\n"})
    with pytest.raises(ConflictError, match="conflicts with main"):
        world.forge.merge(request.number, request.head, TEXT)


def test_who_closes_a_request_is_told(world: World) -> None:
    request = world.open()
    world.shop.close(request.number, "ann")
    assert (world.look().closed_by, world.look().closed_by_bot) == ("ann", False)
    for _ in range(5):
        world.hub.world.now()
    world.shop.delete_branch(BRANCH, "ann")  # a click on it, later
    world.forge = GitHubForge(world.talk, ticking())
    assert world.look().closed_by == "ann"


@pytest.mark.parametrize("way", ["deleted", "reset"])
def test_a_branch_that_went_away_is_nobodys_word(world: World, way: str) -> None:
    request = world.open()
    if way == "deleted":
        world.shop.delete_branch(BRANCH, "ann")
    else:
        world.shop.reset_branch(BRANCH, world.tip, "ann")
    (found,) = world.forge.find("main", "promoter/")
    assert (found.number, found.state, found.closed_by) == (request.number, "closed", None)
    asked = len(world.hub.requests)
    world.look()
    assert len(world.hub.requests) - asked == 2


EFFECTS = {
    "open": r"POST .*/pulls$",
    "update": r"PATCH .*/pulls/",
    "comment": r"POST .*/comments",
    "close": r"PATCH .*/pulls/",
    "merge": r"PUT .*/merge",
    "delete": r"DELETE .*/git/refs",
}


@pytest.mark.parametrize("way", ["drop", "fail"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_each_deed_is_done_once_whatever_is_lost_on_the_way(
    world: World, effect: str, way: str
) -> None:
    """Each write is done and its answer lost, or not done at all; then the caller tries anew."""
    head = world.push(b"tag: 1.2\n")

    def live() -> None:
        number = world.forge.open(world.draft(head)).number
        if effect == "update":
            world.forge.update(number, world.draft(head, approvals=1))
        elif effect in ("comment", "close"):
            world.forge.comment(number, Comment("stale <!-- m1 -->", "<!-- m1 -->"))
            world.forge.close(number, "stale")
        elif effect in ("merge", "delete"):
            world.forge.merge(number, head, TEXT)

    strike = world.hub.faults.drop_answer if way == "drop" else world.hub.faults.fail
    strike(EFFECTS[effect])
    try:
        live()
    except TransientError:
        if [each.state for each in world.forge.find("main", "promoter/")] in ([], ["open"]):
            live()
    assert world.hub.faults.struck
    assert len(world.shop.pulls("all")) == 1
    assert len(world.hub.effects("commented")) == (effect in ("comment", "close"))
    wanted = {"comment": "closed", "close": "closed", "merge": "merged", "delete": "merged"}
    assert world.look().state == wanted.get(effect, "open")


def test_a_look_costs_two_calls_however_many_applications(world: World) -> None:
    for each in range(60):
        branch = f"promoter/dev/app-{each}"
        head = world.shop.push(branch, {f"apps/{each}.yaml": b"tag: 1\n"}, onto="main")
        world.forge.open(MergeRequestDraft(branch, "main", head, "t", BODY))
    world.forge.find("main", "promoter/")  # learns that the branch has no merge queue
    before = len(world.hub.requests)
    assert len(world.forge.find("main", "promoter/")) == 60
    assert len(world.hub.requests) - before == 2
