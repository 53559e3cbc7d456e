"""`open: early`: the request opens at once, as a draft, and its gates guard the merge."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from promoter.model.plan import Merge, Propose, State
from promoter.model.ports import Readiness
from tests.decisions.rules import environment, soak
from tests.decisions.world import NOW, World, ago, on_its_way


def soaking(automatic: bool = False, early: bool = True) -> World:
    """1.1.0 runs in dev for half an hour, and has to soak there for one."""
    stage = environment("staging", soak(hours=1), after=("dev",), automatic=automatic)
    stage = replace(stage, open="early" if early else "ready")
    return on_its_way(stage, since=ago(minutes=30))


def test_it_opens_at_once_as_a_draft_and_waits() -> None:
    world = soaking()
    assert world.decision("web", "staging").action is not None
    world.carry_out(world.plan())
    request = world.request("web", "staging")
    assert (request.draft, request.title) == (True, "Promote web to staging: 1.1.0")
    decision = world.decision("web", "staging")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why.endswith("(soak: 1h)")
    assert soaking(early=False).decision("web", "staging").action is None


def test_it_is_made_ready_when_its_gates_pass_and_then_merged() -> None:
    world = soaking(automatic=True)
    world.carry_out(world.plan())
    later = NOW + timedelta(minutes=31)
    action = world.decision("web", "staging", later).action
    assert isinstance(action, Propose)
    assert (action.draft, action.head) == (False, world.request("web", "staging").head)
    world.carry_out(world.plan(later), later)
    assert not world.request("web", "staging").draft
    assert isinstance(world.decision("web", "staging", later).action, Merge)


def test_gates_that_fall_back_do_not_make_a_draft_of_it_again() -> None:
    world = soaking()
    world.carry_out(world.plan())
    world.change_request(world.request("web", "staging"), draft=False)
    decision = world.decision("web", "staging")
    assert (decision.state, decision.action) == (State.WAITING, None)


def test_a_draft_that_a_person_made_is_not_fought() -> None:
    world = soaking(automatic=True, early=False)
    later = NOW + timedelta(hours=1)
    world.carry_out(world.plan(later), later)
    request = world.request("web", "staging")
    world.change_request(request, draft=True)
    world.readiness[request.number] = Readiness("wait", "it is a draft")
    decision = world.decision("web", "staging", later)
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why.endswith("does not merge " + request.url + " yet: it is a draft")
    world.lands("web", "dev", "1.2.0", at=NOW + timedelta(hours=1))
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    action = world.decision("web", "staging", later + timedelta(hours=2)).action
    assert isinstance(action, Propose)
    assert action.draft


def test_what_a_gate_says_no_to_is_not_opened_early() -> None:
    """1.1.0 was replaced before its time: it never soaks."""
    world = soaking()
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    world.lands("web", "dev", "1.2.0", at=ago(minutes=10))
    action = world.decision("web", "staging").action
    assert isinstance(action, Propose)
    assert action.record.release.label == "1.2.0"


@pytest.mark.parametrize(
    ("state", "expected"),
    [("wait", State.WAITING), ("refused", State.BLOCKED), ("behind", State.WAITING)],
)
def test_what_the_forge_does_not_merge_waits_with_its_reason(state: str, expected: State) -> None:
    world = soaking(automatic=True, early=False)
    later = NOW + timedelta(hours=1)
    world.carry_out(world.plan(later), later)
    request = world.request("web", "staging")
    world.readiness[request.number] = Readiness(state, "the check build is missing")  # type: ignore[arg-type]
    decision = world.decision("web", "staging", later)
    assert (decision.state, decision.action) == (expected, None)
    assert "the check build is missing" in decision.why
