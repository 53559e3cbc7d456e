"""Gates: soak, approvals and checks, each at its door; one that can't be evaluated waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from promoter.model.facts import ApprovalsOf, ChecksOf, PeriodsOf, Unknown
from promoter.model.plan import Merge, State
from promoter.model.ports import Check
from promoter.model.record import Record
from promoter.model.rule import GateRule
from tests.decisions.rules import approvals, chain, environment, rule, soak
from tests.decisions.world import NOW, World, ago


def soaking(*upstreams: str, any_of: bool = False, **duration: float) -> World:
    """Production after these, which run 1.0.0; automatic."""
    after = {"any_of": upstreams} if any_of else {"after": upstreams}
    production = environment("production", soak(**duration), automatic=True, **after)
    world = World((rule(*(environment(each) for each in upstreams), production),))
    world.registry("web", "1.0.0")
    for each in (*upstreams, "production"):
        world.lands("web", each, "1.0.0", at=ago(days=30))
    return world


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(1799, State.WAITING), (1800, State.PROMOTING), (1801, State.PROMOTING)],
)
def test_soak_passes_at_the_exact_second(seconds: int, state: State) -> None:
    world = soaking("staging", minutes=30)
    world.lands("web", "staging", "1.1.0", at=ago(seconds=seconds))
    assert world.decision("web", "production").state is state


def test_a_wait_says_what_it_saw_and_when_it_ends() -> None:
    world = soaking("staging", minutes=30)
    commit = world.lands("web", "staging", "1.1.0", at=ago(minutes=10))
    (verdict,) = world.decision("web", "production").verdicts
    assert (verdict.gate, verdict.guards, verdict.judgement) == ("soak: 30m", "open", "wait")
    assert verdict.why == "staging has run 1.1.0 for 10m of 30m"
    assert verdict.opens_at == NOW + timedelta(minutes=20)
    assert dict(verdict.evidence) == {
        "upstream": "staging",
        "since": "2026-03-02T11:50:00Z",
        "until": "now",
        "ran": "10m",
        "commit": commit[:12],
    }
    opens = verdict.opens_at
    assert world.decision("web", "production", opens).state is State.PROMOTING


def test_another_release_in_between_starts_the_soak_again() -> None:
    world = soaking("staging", hours=2)
    world.lands("web", "staging", "1.2.0", at=ago(hours=9))
    world.lands("web", "staging", "0.9.0", at=ago(hours=5))
    world.lands("web", "staging", "1.2.0", at=ago(hours=1))
    decision = world.decision("web", "production")
    assert decision.state is State.WAITING
    assert decision.why == "staging has run 1.2.0 for 1h of 2h (soak: 2h)"


def test_superseded_too_early_blocks_that_release_for_good() -> None:
    world = soaking("staging", hours=6)
    world.lands("web", "staging", "1.1.0", at=ago(hours=4))
    world.lands("web", "staging", "1.2.0", at=ago(hours=1))
    decision = world.decision("web", "production")
    assert decision.state is State.WAITING
    why = {each.what: each.why for each in decision.passed_over}["1.1.0"]
    assert why.startswith("staging ran 1.1.0 for only 3h before it was replaced")
    later = world.decision("web", "production", NOW + timedelta(hours=5))
    assert later.offered is not None
    assert later.offered.label == "1.2.0"


def test_all_upstreams_soak_and_any_is_enough() -> None:
    for any_of, state in ((False, State.WAITING), (True, State.PROMOTING)):
        world = soaking("eu", "us", any_of=any_of, hours=2)
        world.lands("web", "eu", "1.1.0", at=ago(hours=3))
        world.lands("web", "us", "1.1.0", at=ago(hours=1))
        decision = world.decision("web", "production")
        assert decision.state is state
        assert dict(decision.verdicts[0].evidence)["upstream"] == ("eu" if any_of else "us")


def test_a_clock_that_is_behind_the_commit_waits() -> None:
    world = soaking("staging", minutes=30)
    world.lands("web", "staging", "1.1.0", at=NOW + timedelta(minutes=5))
    decision = world.decision("web", "production")
    assert decision.why == "staging has run 1.1.0 for 0s of 30m (soak: 30m)"


def test_soak_without_an_upstream_blocks() -> None:
    world = World((rule(environment("dev", soak(minutes=1))),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    decision = world.decision("web", "dev")
    assert decision.state is State.BLOCKED
    assert "no upstream environment to soak in" in decision.why


def approved(count: int, automatic: bool = True) -> World:
    """1.1.0 is proposed for dev and wants approvals."""
    world = World((rule(environment("dev", approvals(count), automatic=automatic)),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    world.carry_out(world.plan())
    return world


def test_approvals_open_the_merge_request_and_guard_its_merge() -> None:
    world = approved(2)
    request = world.request("web", "dev")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == f"0 of 2 on merge request {request.url} (approvals: 2)"
    assert decision.verdicts[0].opened_by == "2 more people"
    world.approvers[request.head] = ("alice",)
    assert world.decision("web", "dev").verdicts[0].opened_by == "1 more person"
    world.approvers[request.head] = ("alice", "bob")
    action = world.decision("web", "dev").action
    record = Record.parse(request.body)
    assert record is not None
    assert action == Merge(request.number, request.branch, request.head, record, world.tip)


def test_approvals_of_an_older_head_do_not_count() -> None:
    world = approved(1)
    old = world.request("web", "dev")
    world.approvers[old.head] = ("alice",)
    world.registry("web", "1.2.0")
    world.carry_out(world.plan())
    assert world.request("web", "dev").head != old.head
    assert world.decision("web", "dev").state is State.WAITING


def test_the_forge_is_told_how_many_approvals_the_gates_want() -> None:
    world = World((rule(environment("dev", approvals(1), approvals(3))),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    ((_, action),) = world.plan().actions
    assert getattr(action, "approvals", None) == 3


def test_a_gate_that_cannot_be_evaluated_waits_and_nothing_is_merged_or_closed() -> None:
    world = approved(1)
    world.approvers[world.request("web", "dev").head] = ("alice",)
    world.fails(ApprovalsOf, "502 Bad Gateway")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == "can't be evaluated: 502 Bad Gateway (approvals: 1)"


def test_opening_gates_are_judged_again_before_the_merge() -> None:
    """The request opened after enough soak; then staging was restarted with the release."""
    production = environment("production", soak(hours=2), approvals(1), after=("staging",))
    automatic = replace(production, merge="automatic")
    world = World((rule(environment("staging"), automatic),))
    world.registry("web", "1.1.0")
    world.ran("web", "production", "1.0.0")
    world.ran("web", "staging", "1.0.0")
    world.lands("web", "staging", "1.1.0", at=ago(hours=3))
    world.carry_out(world.plan())
    request = world.request("web", "production")
    world.approvers[request.head] = ("alice",)
    assert isinstance(world.decision("web", "production").action, Merge)
    world.lands("web", "staging", "1.0.9", at=ago(minutes=50))
    world.lands("web", "staging", "1.1.0", at=ago(minutes=40))
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == "staging has run 1.1.0 for 40m of 2h (soak: 2h)"
    assert world.request("web", "production").state == "open", "a gate that waits keeps it"


def test_an_upstream_whose_history_is_unknown_stops_only_what_depends_on_it() -> None:
    world = World((rule(*chain("dev", "staging", "production", automatic=True)),))
    world.registry("web", "1.1.0")
    for each in ("dev", "staging", "production"):
        world.ran("web", each, "1.0.0")
    world.fails(PeriodsOf, "no answer", lambda q: q.target.environment == "staging")
    states = {each.target.environment: each.state for each in world.plan().decisions}
    assert states == {
        "dev": State.PROMOTING,
        "staging": State.UNKNOWN,
        "production": State.UNKNOWN,
    }


def test_a_clock_that_runs_ahead_does_not_lengthen_the_soak_before_it() -> None:
    world = soaking("staging", hours=24)
    world.lands("web", "staging", "1.1.0", at=ago(seconds=10))
    world.lands("web", "staging", "1.2.0", at=NOW + timedelta(days=21))
    decision = world.decision("web", "production")
    assert decision.state is State.WAITING
    why = {each.what: each.why for each in decision.passed_over}["1.1.0"]
    assert why.startswith("staging ran 1.1.0 for only 10s")


def test_a_gate_that_a_person_must_mend_is_wrong_input_and_tells_when_to_ask_again() -> None:
    world = approved(1)
    retry_at = NOW + timedelta(minutes=5)
    world.troubles.append(
        (lambda q: isinstance(q, ApprovalsOf), Unknown("401: wrong token", "input", retry_at))
    )
    decision = world.decision("web", "dev")
    assert (decision.state, decision.trouble) == (State.WAITING, "input")
    assert decision.verdicts[-1].opens_at == retry_at


def checked(*names: str) -> World:
    """1.1.0 is proposed for dev and wants these checks."""
    gate = GateRule("checks", tuple(("name", each) for each in names))
    world = World((rule(environment("dev", gate, automatic=True)),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    return world


def test_checks_open_the_merge_request_that_they_run_on() -> None:
    world = checked("build", "scan")
    decision = world.decision("web", "dev")
    assert decision.state is State.PROMOTING
    (verdict,) = decision.verdicts
    assert (verdict.gate, verdict.guards, verdict.judgement) == (
        "checks: build, scan",
        "merge",
        "wait",
    )
    assert verdict.why == "build and scan can't have run before there is a merge request"


def test_checks_that_have_not_ended_or_not_begun_wait_by_name() -> None:
    world = checked("build", "scan", "lint")
    world.carry_out(world.plan())
    head = world.request("web", "dev").head
    world.checks[head] = (
        Check("build", "success"),
        Check("scan", "pending", "42 %"),
        Check("Lint", "success"),
    )
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.WAITING, None)
    gate = "checks: build, scan, lint"
    assert decision.why == f"scan not finished, lint not reported yet ({gate})"
    (verdict,) = decision.verdicts
    assert verdict.opened_by == "scan and lint"
    assert dict(verdict.evidence) == {
        "head": head[:12],
        "build": "success",
        "scan": "pending: 42 %",
        "lint": "not reported",
        "others": "Lint",
    }


def test_a_check_that_failed_blocks_with_what_it_says_until_it_runs_again() -> None:
    world = checked("build", "scan")
    world.carry_out(world.plan())
    head = world.request("web", "dev").head
    url = "https://ci.example.com/7"
    world.checks[head] = (Check("scan", "failure", "2 critical", url), Check("build", "pending"))
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert decision.why == f"scan failed: 2 critical ({url}) (checks: build, scan)"
    assert decision.verdicts[0].opened_by == "a new run of scan"
    world.checks[head] = (Check("scan", "success"), Check("build", "success"))
    assert isinstance(world.decision("web", "dev").action, Merge)


def test_checks_of_an_older_head_do_not_count() -> None:
    world = checked("build")
    world.carry_out(world.plan())
    world.checks[world.request("web", "dev").head] = (Check("build", "success"),)
    world.registry("web", "1.2.0")
    world.carry_out(world.plan())
    decision = world.decision("web", "dev")
    assert decision.why == "build not reported yet (checks: build)"


def test_checks_that_nobody_tells_are_waited_for() -> None:
    world = checked("build")
    world.carry_out(world.plan())
    world.fails(ChecksOf, "502 Bad Gateway")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == "can't be evaluated: 502 Bad Gateway (checks: build)"
