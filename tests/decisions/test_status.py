"""The status `promoter`: where a request stands, in a line that changes only when that changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from promoter.decisions.person import HOLD, LEFT_ALONE
from promoter.model.facts import ApprovalsOf, BranchOf, FootingOf, PeriodsOf, PublishedOf
from promoter.model.plan import Merge, Plan, State
from promoter.model.ports import Footing, MergeRequest, Protection, Readiness, Rights
from promoter.model.rule import EnvironmentRule
from tests.decisions.rules import approvals, environment, rule, soak
from tests.decisions.world import NOW, World, ago, on_its_way

REQUIRED = Footing(Rights("bot", publish=True), Protection(True, 0, ("promoter",)))
OPTIONAL = Footing(Rights("bot", publish=True), Protection(True, 0, ()))


def proposed(*stages: EnvironmentRule, footing: Footing = OPTIONAL) -> World:
    """1.1.0 has run in dev for half an hour, and is proposed for staging."""
    world = on_its_way(*stages, since=ago(minutes=30))
    world.footing = footing
    world.carry_out(world.plan())
    return world


def said(plan: Plan) -> list[tuple[str, str]]:
    return [(each.check.state, each.check.text) for _, each in plan.statuses]


MANUAL = environment("staging", after=("dev",))
AUTOMATIC = environment("staging", after=("dev",), automatic=True)
SOAK = replace(environment("staging", soak(hours=1), after=("dev",)), open="early")
APPROVED = environment("staging", approvals(2), after=("dev",))


def test_it_is_published_once_and_again_when_it_changes() -> None:
    world = proposed(APPROVED)
    request = world.request("web", "staging")
    ((_, publish),) = world.plan().statuses
    assert (publish.number, publish.head, publish.check.name) == (
        request.number,
        request.head,
        "promoter",
    )
    assert said(world.plan()) == [("pending", "approvals: 2: 0 of 2")]
    world.carry_out(world.plan())
    assert said(world.plan()) == []
    world.approvers[request.head] = ("alice", "bob")
    assert said(world.plan()) == [("success", "all gates pass for 1.1.0")]
    world.carry_out(world.plan())
    assert said(world.plan()) == []


def test_time_alone_publishes_nothing() -> None:
    world = proposed(SOAK)
    assert said(world.plan()) == [("pending", "soak: 1h: opens 2026-03-02T12:30:00Z")]
    world.carry_out(world.plan())
    assert said(world.plan(NOW + timedelta(minutes=10))) == []
    later = NOW + timedelta(minutes=31)
    world.carry_out(world.plan(later), later)  # the draft is made ready
    assert said(world.plan(later)) == [("success", "all gates pass for 1.1.0")]


def test_what_a_person_stopped_is_a_failure() -> None:
    world = proposed(MANUAL)
    world.change_request(world.request("web", "staging"), labels=(HOLD,))
    ((state, text),) = said(world.plan())
    assert state == "failure"
    assert text.startswith("held by the label promoter/hold")


def test_a_branch_that_a_person_took_over_is_judged_no_more() -> None:
    """Else a required check would keep it out for good."""
    world = proposed(MANUAL)
    request = world.request("web", "staging")
    world.push(request.branch)
    world.change_request(world.request("web", "staging"), labels=(LEFT_ALONE,))
    ((state, text),) = said(world.plan())
    assert (state, text.partition(":")[0]) == ("success", "a person pushed to this branch")


def test_what_is_merged_at_once_needs_none_unless_it_is_required() -> None:
    world = proposed(AUTOMATIC)
    assert isinstance(world.decision("web", "staging").action, Merge)
    assert said(world.plan()) == []
    world.footing = REQUIRED
    world.readiness[1] = Readiness("wait", "the check promoter is missing")
    assert said(world.plan()) == [("success", "all gates pass for 1.1.0")]


def test_others_requests_get_it_where_it_is_required() -> None:
    world = proposed(MANUAL)
    url = "https://git.example.com/manifests/77"
    theirs = MergeRequest(
        77, "open", "promoter/mine", "main", "f" * 40, "My own", "", url, foreign=True
    )
    world.requests.append(theirs)
    assert [each.number for _, each in world.plan().statuses] == [1]
    world.footing = REQUIRED
    assert [each.number for _, each in world.plan().statuses] == [1, 77]
    world.carry_out(world.plan())
    assert world.plan().statuses == ()
    world.change_request(theirs, head="e" * 40)
    assert [each.number for _, each in world.plan().statuses] == [77]


@pytest.mark.parametrize(
    "footing",
    [replace(OPTIONAL, statuses=False), replace(OPTIONAL, rights=Rights("bot", publish=False))],
    ids=["of no use", "not allowed"],
)
def test_none_is_published_where_it_is_of_no_use_or_not_allowed(footing: Footing) -> None:
    assert said(proposed(APPROVED, footing=footing).plan()) == []


@pytest.mark.parametrize("question", [FootingOf, PublishedOf])
def test_a_forge_or_ledger_that_does_not_answer_publishes_nothing(question: type) -> None:
    world = proposed(APPROVED)
    world.fails(question)
    assert said(world.plan()) == []


def test_a_gate_that_cannot_be_evaluated_does_not_repeat_the_trouble() -> None:
    world = proposed(APPROVED)
    world.fails(ApprovalsOf, "503 at 12:01:07")
    assert said(world.plan()) == [("pending", "approvals: 2: can't be evaluated")]


def test_a_copy_of_the_bots_commit_says_nothing_for_it() -> None:
    """A status is a commit's: another request from the same commit must not make it a success."""
    world = proposed(APPROVED, footing=REQUIRED)
    request = world.request("web", "staging")
    copy = replace(request, number=9, branch="mine", body="", foreign=True)
    world.requests.append(copy)
    ((state, _),) = said(world.plan())
    assert state == "pending"
    world.carry_out(world.plan())
    assert said(world.plan()) == []


def test_a_request_under_the_bots_prefix_that_it_did_not_make_is_nobodys_promotion() -> None:
    world = proposed(MANUAL, footing=REQUIRED)
    theirs = MergeRequest(
        9, "open", "promoter/my-idea", "main", "f" * 40, "Mine", "by hand", "https://x/9"
    )
    world.requests.append(theirs)
    assert ("success", "not a promotion of promoter's") in said(world.plan())


def test_a_held_request_is_a_failure_whatever_else_is_so() -> None:
    world = proposed(MANUAL, footing=REQUIRED)
    world.change_request(world.request("web", "staging"), labels=(HOLD,))
    held = [("failure", "held by the label promoter/hold")]
    assert said(world.plan()) == held
    world.lands("web", "staging", "1.1.0", at=ago(minutes=5))
    world.lands("web", "staging", "1.0.0", at=ago(minutes=4))
    assert world.decision("web", "staging").state is State.REJECTED
    assert said(world.plan()) == held


def test_what_can_not_be_told_is_no_success_any_more() -> None:
    world = proposed(MANUAL)
    world.carry_out(world.plan())
    world.fails(PeriodsOf)
    world.fails(BranchOf, when=lambda q: "staging" not in q.name)
    assert all(state != "success" for state, _ in said(world.plan()))


def test_what_waits_its_turn_is_no_success() -> None:
    world = World((rule(environment("dev", automatic=True)),), footing=OPTIONAL)
    for name in ("api", "web"):
        world.registry(name, "1.0.0", "1.1.0")
        world.ran(name, "dev", "1.0.0")
        world.paths[name, "dev"] = "apps"
    world.carry_out(world.plan())
    for branch in list(world.branches.values()):
        stale = tuple((path, b"as it was\n") for path, _ in branch.files)
        world.branches[branch.name] = replace(branch, files=stale, fork="0" * 40)
    ((state, text),) = said(world.plan())
    assert (state, text.partition(":")[0]) == ("pending", "waits its turn")
