"""What a person says by a label, and what is taken out of a queue because of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promoter.decisions.person import HOLD, LEFT_ALONE
from promoter.model.facts import TagsOf
from promoter.model.ledger import Queued
from promoter.model.plan import Disarm, LeaveAlone, Merge, Plan, Propose, State
from promoter.model.ports import Footing, Protection, Rights
from promoter.model.rule import EnvironmentRule
from tests.decisions.rules import approvals, environment, rule
from tests.decisions.world import World

AUTOMATIC = environment("dev", automatic=True)


def opened(stage: EnvironmentRule = AUTOMATIC) -> World:
    """1.1.0 is proposed for dev."""
    world = World((rule(stage),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    world.carry_out(world.plan())
    return world


def actions(plan: Plan) -> list[object]:
    return [action for _, action in plan.actions]


class TestTheHoldLabel:
    @pytest.mark.parametrize("label", [HOLD, "Promoter/Hold"])
    def test_it_keeps_the_bot_from_merging(self, label: str) -> None:
        world = opened()
        request = world.request("web", "dev")
        assert isinstance(actions(world.plan())[0], Merge)
        world.change_request(request, labels=("team-a", label))
        decision = world.decision("web", "dev")
        assert (decision.state, decision.action) == (State.BLOCKED, None)
        assert decision.why == (
            f"held by the label promoter/hold on {request.url}; take it off to go on"
        )
        world.change_request(request, labels=("team-a",))
        assert isinstance(actions(world.plan())[0], Merge)

    def test_nothing_newer_moves_it_and_nothing_stale_closes_it(self) -> None:
        world = opened()
        request = world.request("web", "dev")
        world.change_request(request, labels=(HOLD,))
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        assert actions(world.plan()) == []
        world.registry("web", "1.0.0")
        decision = world.decision("web", "dev")
        assert decision.action is None
        assert decision.why.endswith(f"the label promoter/hold keeps {request.url} open")

    def test_an_orphan_is_kept_as_well(self) -> None:
        world = opened()
        world.change_request(world.request("web", "dev"), labels=(HOLD,))
        world.history.clear()
        assert actions(world.plan()) == []
        world.change_request(world.requests[0], labels=())
        assert len(actions(world.plan())) == 1

    def test_it_takes_the_request_out_of_the_queue_whoever_put_it_there(self) -> None:
        for stage in (AUTOMATIC, environment("dev")):
            world = opened(stage)
            request = world.request("web", "dev")
            world.change_request(request, labels=(HOLD,), armed=True)
            (action,) = actions(world.plan())
            assert isinstance(action, Disarm)
            assert (action.number, action.reason.split()[0]) == (request.number, "held")


class TestTheQueue:
    def test_what_is_in_it_is_left_there_while_all_gates_pass(self) -> None:
        world = opened()
        world.change_request(world.request("web", "dev"), armed=True)
        decision = world.decision("web", "dev")
        assert (decision.state, decision.action) == (State.PROMOTING, None)
        assert decision.why.endswith("is in the forge's queue: all gates pass")

    def test_a_gate_that_falls_back_takes_it_out(self) -> None:
        world = opened(environment("dev", approvals(1), automatic=True))
        request = world.request("web", "dev")
        world.change_request(request, armed=True)
        world.approvers[request.head] = ("alice",)
        assert actions(world.plan()) == []
        world.approvers.clear()
        (action,) = actions(world.plan())
        assert isinstance(action, Disarm)
        assert "0 of 1" in action.reason

    def test_a_person_who_put_it_there_is_not_fought_by_a_gate(self) -> None:
        world = opened(environment("dev", approvals(1)))
        world.change_request(world.request("web", "dev"), armed=True)
        assert actions(world.plan()) == []

    def test_a_newer_release_waits_until_it_is_out(self) -> None:
        world = opened()
        world.change_request(world.request("web", "dev"), armed=True)
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        (action,) = actions(world.plan())
        assert isinstance(action, Disarm)
        world.reconcile()
        assert [each.title for each in world.requests] == ["Promote web to dev: 1.2.0"]

    def test_what_is_seen_there_is_noted_and_taken_out_by_the_bot_is_forgotten(self) -> None:
        world = opened()
        request = world.request("web", "dev")
        world.change_request(request, armed=True)
        seen = Queued(request.branch, request.head, world.tip)
        assert world.decision("web", "dev").notes == (seen,)
        world.queued.append(seen)
        assert world.decision("web", "dev").notes == ()
        world.change_request(world.request("web", "dev"), labels=(HOLD,))
        assert world.decision("web", "dev").notes == (Queued(request.branch, "", ""),)

    def test_one_whose_branch_is_a_persons_is_theirs_to_queue(self) -> None:
        world = opened()
        request = world.request("web", "dev")
        world.push(request.branch)
        world.change_request(world.request("web", "dev"), armed=True, labels=(LEFT_ALONE,))
        assert actions(world.plan()) == []
        world.change_request(world.request("web", "dev"), labels=(LEFT_ALONE, HOLD))
        assert isinstance(actions(world.plan())[0], Disarm)

    def test_a_registry_that_does_not_answer_takes_nothing_out(self) -> None:
        world = opened()
        world.change_request(world.request("web", "dev"), armed=True)
        world.fails(TagsOf)
        assert world.decision("web", "dev").state is State.UNKNOWN
        assert actions(world.plan()) == []

    def test_what_the_queue_took_out_is_not_put_back_as_it_is(self) -> None:
        world = opened()
        request = world.request("web", "dev")
        (merge,) = actions(world.plan())
        assert isinstance(merge, Merge)
        world.queued.append(Queued(request.branch, request.head, merge.base_commit))
        decision = world.decision("web", "dev")
        assert (decision.state, decision.action) == (State.WAITING, None)
        assert "took" in decision.why
        world.moves_base()
        assert isinstance(actions(world.plan())[0], Merge)


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_a_branch_that_ended_with_what_a_person_pushed_is_used_again(state: str) -> None:
    """The forge keeps their commits with the request."""
    world = opened(environment("dev"))
    request = world.request("web", "dev")
    world.push(request.branch)
    left = world.branches[request.branch]
    world.change_request(world.request("web", "dev"), state=state, closed_by="ann")
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    (action,) = actions(world.plan())
    assert isinstance(action, Propose)
    assert (action.expected, action.head) == (left.head, None)


def test_a_branch_that_a_person_made_is_not_taken() -> None:
    world = opened(environment("dev"))
    request = world.requests.pop()
    world.push(request.branch)
    decision = world.decision("web", "dev")
    assert decision.action is None
    assert decision.why.endswith("no merge request is open from it")


def test_who_pushed_is_told_also_where_nothing_is_offered() -> None:
    world = opened(environment("dev"))
    request = world.request("web", "dev")
    world.push(request.branch)
    world.registry("web", "1.0.0")
    (action,) = actions(world.plan())
    assert action == LeaveAlone(request.number, request.branch, world.branches[request.branch].head)


def test_a_request_that_was_left_half_way_is_completed() -> None:
    world = opened(environment("dev"))
    request = world.request("web", "dev")
    world.change_request(request, complete=False)
    (decision,) = world.plan().decisions
    assert decision.why.startswith(f"complete {request.url}")
    (action,) = actions(world.plan())
    assert (action.number, action.head) == (request.number, request.head)  # type: ignore[attr-defined]


def test_a_required_tip_builds_the_branch_again_before_a_merge() -> None:
    world = opened()
    protection = Protection(True, 0, (), up_to_date=True)
    world.footing = Footing(Rights("bot"), protection, statuses=False)
    branch = world.branches["promoter/dev/web"]
    world.branches[branch.name] = replace(branch, fork=world.tip)
    assert isinstance(actions(world.plan())[0], Merge)
    world.moves_base()
    (action,) = actions(world.plan())
    assert (action.head, action.expected, action.rebuilds) == (None, branch.head, True)  # type: ignore[attr-defined]
