"""What a merge request on GitHub is given, says, waits for and is merged by, on the whole fake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.github.forge import GitHubForge
from promoter.forges.github.trouble import RefusalError
from promoter.model.ports import Check, Comment, MergeRequestDraft
from tests.forges.github_shop import BODY, BRANCH, FILE, TEXT, World
from tests.services.github.fake import ticking
from tests.services.github.faults import Faults
from tests.services.github.state import Protection


def draft(world: World, **more: Any) -> MergeRequestDraft:
    head = world.push(b"tag: 1.2\n")
    return replace(world.draft(head), **more)


ALL = {"labels": ("promoter", "team-a"), "reviewers": ("ann", "bo"), "assignees": ("ann",)}


def test_a_request_gets_its_labels_and_people_and_a_person_keeps_theirs(world: World) -> None:
    wanted = draft(world, **ALL)
    opened = world.forge.open(wanted)
    assert (opened.labels, opened.complete, opened.warnings) == (("promoter", "team-a"), True, ())
    pull = world.shop.pull(opened.number)
    assert (pull.reviewers, pull.assignees) == (["ann", "bo"], ["ann"])
    world.shop.label(opened.number, "urgent")
    world.shop.approve(opened.number, "ann")
    world.forge.update(opened.number, replace(wanted, labels=("promoter", "wave-2")))
    assert world.look().labels == ("promoter", "team-a", "urgent", "wave-2")
    assert pull.reviewers == ["bo"]  # who has reviewed is not asked again
    assert world.look().body == BODY


def test_somebody_who_is_not_known_is_a_sentence_and_stops_nothing(world: World) -> None:
    people = {"reviewers": ("ann", "nobody", "bot"), "assignees": ("stranger", "bo")}
    opened = world.forge.open(draft(world, labels=("promoter",), **people))
    assert opened.complete
    pull = world.shop.pull(opened.number)
    assert (pull.labels, pull.reviewers, pull.assignees) == (["promoter"], ["ann"], ["bo"])
    assert len(opened.warnings) == 3
    for said, who in zip(opened.warnings, ("nobody", "bot", "stranger"), strict=True):
        assert who in said


@pytest.mark.parametrize(
    "lost", ["labels$", "requested_reviewers$", "assignees$", "PATCH .*/pulls/"]
)
@pytest.mark.parametrize("way", ["drop", "fail"])
def test_what_was_left_half_way_is_found_and_completed(world: World, lost: str, way: str) -> None:
    wanted = draft(world, **ALL)
    strike = world.hub.faults.drop_answer if way == "drop" else world.hub.faults.fail
    strike(lost)
    with pytest.raises(TransientError):
        world.forge.open(wanted)
    found = world.forge.open(wanted)
    if not found.complete:
        found = world.forge.update(found.number, wanted)
    assert found.complete
    assert world.look().complete
    pull = world.shop.pull(found.number)
    assert (pull.labels, pull.reviewers) == (["promoter", "team-a"], ["ann", "bo"])
    assert [len(world.hub.effects(each)) for each in ("opened", "labelled", "assigned")] == [1] * 3


def test_a_draft_becomes_ready_and_one_again(world: World) -> None:
    wanted = draft(world, draft=True)
    opened = world.forge.open(wanted)
    assert opened.draft
    assert world.forge.readiness(opened.number, opened.head).why == "it is a draft"
    assert not world.forge.update(opened.number, replace(wanted, draft=False)).draft
    assert world.forge.update(opened.number, wanted).draft
    assert world.look().draft
    assert [each.what for each in world.hub.effects("draft", "ready")] == ["ready", "draft"]


def test_where_there_are_no_drafts_it_opens_all_the_same(world: World) -> None:
    """And is told as what it should be: else it would be changed at each look."""
    world.shop.state.drafts = False
    wanted = draft(world, draft=True)
    opened = world.forge.open(wanted)
    assert opened.draft
    assert "can't be a draft" in opened.warnings[0]
    assert world.look().draft
    assert world.forge.update(opened.number, wanted).draft
    assert not world.shop.pull(opened.number).draft
    world.forge.update(opened.number, replace(wanted, draft=False))
    assert not world.look().draft


def test_one_that_was_open_ready_where_no_drafts_are_stays(world: World) -> None:
    wanted = draft(world)
    number = world.forge.open(wanted).number
    world.shop.state.drafts = False
    assert world.forge.update(number, replace(wanted, draft=True)).warnings
    assert world.look().draft


def test_a_comment_is_said_once_and_a_quote_of_it_is_not_the_bots_word(world: World) -> None:
    request = world.open()
    said = Comment("superseded\n\n<!-- promoter-1 -->", "<!-- promoter-1 -->")
    world.hub.add_user("ann", "t0ken-of-ann")
    path = f"/repos/acme/shop/issues/{request.number}/comments"
    auth = {"Authorization": "token t0ken-of-ann"}
    world.hub.answer("POST", f"/api/v3{path}", auth, b'{"body": "> <!-- promoter-1 --> why?"}')
    world.hub.faults.drop_answer("POST .*/comments")
    with pytest.raises(TransientError):
        world.forge.comment(request.number, said)
    world.forge.comment(request.number, said)
    assert [each.login for each in world.hub.effects("commented")] == ["ann", "bot"]
    world.forge.comment(request.number, Comment("x" * 70_000, "<!-- promoter-2 -->"))
    world.forge.comment(request.number, Comment("x" * 70_000, "<!-- promoter-2 -->"))
    assert len(world.hub.effects("commented")) == 3


def test_a_label_is_made_and_added_once(world: World) -> None:
    request = world.open()
    for _ in range(2):
        world.forge.label(request.number, "promoter/left-alone")
    assert world.look().labels == ("promoter/left-alone",)
    assert len(world.hub.effects("labelled")) == 1


def test_checks_are_the_newest_of_each_name_and_the_worse_of_two_kinds(world: World) -> None:
    request = world.open()
    head, shop = request.head, world.shop
    for state in ("failure", "success"):
        shop.report(head, "build", state)
    shop.report(head, "lint", "error")
    shop.report(head, "both", "success")
    runs = {"both": "failure", "skipped": "skipped", "neutral": "neutral", "slow": None}
    runs |= {"late": "timed_out", "gone": "cancelled", "fine": "success"}
    for name, conclusion in runs.items():
        shop.check(head, name, conclusion)
    for each in range(120):
        shop.report(head, f"matrix-{each:03}", "pending")
    told = {each.name: each.state for each in world.forge.checks(request.number, head)}
    assert len(told) == 129
    assert {name: told[name] for name in ("build", "lint", *runs)} == {
        "build": "success",
        "lint": "failure",
        "both": "failure",
        "skipped": "success",
        "neutral": "success",
        "slow": "pending",
        "late": "failure",
        "gone": "failure",
        "fine": "success",
    }


def test_a_commit_of_the_base_has_checks_of_its_own(world: World) -> None:
    """What a squash or a merge landed is another commit than the request's head."""
    request = world.open()
    shop, forge = world.shop, world.forge
    landed = world.tip
    assert forge.commit_checks(landed) == ()
    shop.report(request.head, "test", "failure")
    assert forge.commit_checks(landed) == (), "the head's are the head's"
    shop.report(landed, "test", "success")
    shop.check(landed, "integration", None)
    told = {each.name: each.state for each in forge.commit_checks(landed)}
    assert told == {"test": "success", "integration": "pending"}


def test_a_status_is_said_in_place_of_the_last_one(world: World) -> None:
    request = world.open()
    long = Check("promoter", "pending", "waits\nfor " + "x" * 200, "https://promoter.example/1")
    world.forge.publish(request.number, request.head, long)
    (told,) = world.forge.checks(request.number, request.head)
    assert (told.state, told.url, len(told.text)) == ("pending", long.url, 140)
    world.forge.publish(request.number, request.head, Check("promoter", "success", "passes"))
    (told,) = world.forge.checks(request.number, request.head)
    assert (told.state, told.text, told.url) == ("success", "passes", "")


def test_readiness_names_what_is_missing_until_nothing_is(world: World) -> None:
    world.shop.protect("main", Protection(reviews=2, checks=("build", "lint"), by="ruleset"))
    request = world.open()

    def why() -> tuple[str, str]:
        told = world.forge.readiness(request.number, request.head)
        return told.state, told.why

    world.shop.approve(request.number, "ann")
    world.shop.report(request.head, "build", "pending")
    state, said = why()
    assert state == "wait"
    assert "1 of 2 approving reviews" in said
    assert "required checks: build (pending), lint (not reported)" in said
    world.shop.approve(request.number, "bo")
    world.shop.report(request.head, "build", "success")
    world.shop.report(request.head, "lint", "success")
    assert why() == ("ready", "")
    world.shop.report(request.head, "optional", "failure")
    assert why() == ("ready", "")
    world.shop.push("main", {FILE: b"tag: 1.1\n"})
    assert why()[0] == "conflict"
    assert world.forge.readiness(request.number, "0" * 40).state == "wait"
    world.shop.close(request.number, "ann")
    assert why() == ("ready", ""), "it ended: the merge tells"


def test_a_strict_branch_wants_it_on_its_tip(world: World) -> None:
    world.shop.protect("main", Protection(checks=("build",), strict=True, by="ruleset"))
    request = world.open()
    world.shop.report(request.head, "build", "success")
    world.shop.push("main", {"apps/other.yaml": b"1\n"})
    assert world.forge.readiness(request.number, request.head).state == "behind"
    assert world.forge.footing("main").protection.up_to_date


def test_who_may_not_write_is_refused(world: World) -> None:
    request = world.open()
    world.shop.state.permissions["bot"] = "read"
    told = world.forge.readiness(request.number, request.head)
    assert (told.state, told.why) == ("refused", "bot has no write access")


def test_a_queue_is_armed_once_told_in_one_call_and_disarmed(world: World) -> None:
    world.shop.protect("main", Protection(checks=("build",), queue=True, by="ruleset"))
    request = world.open()
    number, head = request.number, request.head
    assert world.forge.readiness(number, head).state == "wait"
    with pytest.raises(TransientError, match="can't enter the merge queue yet"):
        world.forge.merge(number, head, TEXT)
    world.shop.report(head, "build", "success")
    assert world.forge.readiness(number, head).state == "ready"
    assert not world.look().armed
    world.hub.faults.drop_answer("enqueue|graphql", times=1)
    for _ in range(3):
        try:
            assert world.forge.merge(number, head, TEXT) == "queued"
        except TransientError:
            continue
    assert len(world.hub.effects("queued")) == 1
    before = len(world.hub.requests)
    assert world.look().armed
    assert len(world.hub.requests) - before == 3
    for _ in range(2):
        world.forge.disarm(number)
    assert not world.look().armed
    assert len(world.hub.effects("dequeued")) == 1
    world.forge.merge(number, head, TEXT)
    world.shop.run_queue()
    assert world.look().state == "merged"
    with pytest.raises(ConflictError, match="merged already"):
        world.forge.disarm(number)


def test_a_queue_asks_for_nothing_while_nothing_of_ours_is_open(world: World) -> None:
    world.shop.protect("main", Protection(queue=True, by="ruleset"))
    world.shop.push("feature", {FILE: b"tag: 9\n"}, onto="main")
    world.hub.requests.clear()
    world.forge.find("main", "promoter/")
    assert len(world.hub.requests) == 2


def test_a_queue_that_may_not_be_seen_is_not_taken_for_an_empty_one(world: World) -> None:
    world.shop.state.shows_queue = False
    world.open()
    assert not world.look().armed
    world.shop.protect("main", Protection(queue=True, by="ruleset"))
    world.forge = GitHubForge(world.talk, ticking())
    with pytest.raises(InputError, match="can't read the merge queue of main"):
        world.look()


def test_a_queue_that_was_seen_is_there_until_github_says_otherwise(world: World) -> None:
    """A classic protection's is in no rules; and what is in it goes on to be merged."""
    world.shop.protect("main", Protection(queue=True, by="protection"))
    request = world.open()
    world.shop.enqueue(request.number, "ann")
    assert world.look().armed
    world.shop.state.shows_queue = False
    for _ in range(2):
        with pytest.raises(InputError, match="can't read the merge queue of main"):
            world.look()
    world.shop.state.shows_queue = True
    assert world.look().armed
    world.shop.protect("main", Protection())
    assert not world.look().armed
    world.shop.state.shows_queue = False
    assert not world.look().armed


WENT_WRONG = "Something went wrong while executing your query. Please include `C0DE` in a report."


def hidden_with_its_rules(faults: Faults) -> None:
    faults.fail_graphql("Resource not accessible by integration", "FORBIDDEN")
    faults.fail("GET .*/rules/branches", 422)


TROUBLES: dict[str, Callable[[Faults], None]] = {
    "a limit": lambda it: it.fail_graphql("API rate limit already exceeded", "RATE_LIMIT"),
    "its older word": lambda it: it.fail_graphql("API rate limit exceeded", "RATE_LIMITED"),
    "a failure": lambda it: it.fail_graphql(WENT_WRONG),
    "a kind of its own": lambda it: it.fail_graphql("Oh no", "MAX_NODE_LIMIT_EXCEEDED"),
    "a status": lambda it: it.fail("POST /api/graphql", 502),
    "a refusal": lambda it: it.fail("POST /api/graphql", 422),
    "its rules": hidden_with_its_rules,
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_with_a_queue_is_no_empty_queue(world: World, trouble: str) -> None:
    """A request that is held meanwhile is taken out at the next look, not in five minutes."""
    world.shop.protect("main", Protection(queue=True, by="protection"))
    request = world.open()
    world.shop.enqueue(request.number, "ann")
    TROUBLES[trouble](world.hub.faults)
    with pytest.raises((TransientError, RefusalError)):
        world.look()
    assert world.hub.faults.struck
    world.later(minutes=2)
    assert world.look().armed
    world.forge.disarm(request.number)
    assert not world.look().armed


@pytest.mark.soak
def test_a_queue_of_hundreds_is_read_whole(world: World) -> None:
    world.shop.protect("main", Protection(queue=True, by="ruleset"))
    for each in range(130):
        branch = f"promoter/dev/{each}"
        world.shop.push(branch, {f"apps/{each}.yaml": b"1\n"}, onto="main", login="bot")
        made = world.forge.open(
            MergeRequestDraft(branch, "main", world.shop.state.seen[branch], "t", BODY)
        )
        world.shop.enqueue(made.number, "ann")
    assert sum(each.armed for each in world.forge.find("main", "promoter/")) == 130


def test_a_close_leaves_the_queue_and_says_nothing_by_itself(world: World) -> None:
    request = world.open()
    world.forge.close(request.number, "stale")
    world.forge.close(request.number, "stale")
    assert world.hub.effects("commented") == []
    assert BRANCH not in world.shop.state.seen
    assert world.look().closed_by_bot
    with pytest.raises(ConflictError):
        world.forge.update(request.number, draft(world))


def test_others_are_told_with_an_empty_body_while_they_are_open(world: World) -> None:
    request = world.open()
    world.shop.push("feature", {FILE: b"tag: 9\n"}, onto="main")
    world.hub.add_user("ann", "t0ken-of-ann")
    body = b'{"title": "t", "head": "feature", "base": "main", "body": "<!-- promoter -->"}'
    auth = {"Authorization": "token t0ken-of-ann"}
    world.hub.answer("POST", "/api/v3/repos/acme/shop/pulls", auth, body)
    other, ours = world.forge.find("main", "promoter/")
    assert (ours.number, ours.foreign) == (request.number, False)
    assert (other.branch, other.foreign, other.body) == ("feature", True, "")
    world.shop.close(other.number, "ann")
    assert [each.number for each in world.forge.find("main", "promoter/")] == [request.number]
