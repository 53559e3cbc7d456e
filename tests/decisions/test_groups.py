"""`group: environment`: one merge request brings what all targets of an environment offer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promoter.decisions.branches import branch_name, group_branch, is_group_branch
from promoter.decisions.person import HOLD
from promoter.model.facts import ApprovalsOf, TagsOf
from promoter.model.ledger import Queued
from promoter.model.plan import Close, Decision, Disarm, LeaveAlone, Merge, Plan, Propose, State
from promoter.model.ports import Check, Footing, MergeRequest, Protection, Readiness, Rights
from promoter.model.record import Record
from promoter.model.rule import GateRule, Limits, Rule
from promoter.model.target import Problem, Target
from tests.decisions.rules import approvals, chain, environment, rule, soak
from tests.decisions.test_wishes import asks
from tests.decisions.world import NOW, World, ago

ENV = "production"
BRANCH = "promoter/production/all=shop"


def grouped(*require: GateRule, automatic: bool = False, limits: Limits | None = None) -> Rule:
    where = environment(ENV, *require, automatic=automatic, group="environment")
    return rule(where, limits=limits or Limits())


def shop(*applications: str, of: Rule | None = None) -> World:
    """All run 1.0.0 and 1.1.0 is there, the first one the longest."""
    world = World((of or grouped(),))
    for number, each in enumerate(applications):
        runs(world, each, days=20 - number)
    return world


def runs(world: World, application: str, days: int = 1) -> None:
    world.registry(application, "1.0.0", "1.1.0")
    world.lands(application, ENV, "1.0.0", at=ago(days=days))


def opened(*applications: str, of: Rule | None = None) -> World:
    world = shop(*applications, of=of)
    world.carry_out(world.plan())
    return world


def request_of(world: World) -> MergeRequest:
    return next(each for each in reversed(world.requests) if is_group_branch(each.branch))


def brought(world: World) -> dict[str, str]:
    """By application, what the newest request lists; its branch and its body agree."""
    request = request_of(world)
    records = Record.parse_all(request.body)
    if request.state == "open":
        assert Record.parse_all(world.branches[request.branch].message) == records
    return {each.application: each.release.label for each in records}


def whole(plan: Plan) -> Decision:
    (found,) = plan.groups
    return found


def why_of(world: World, application: str) -> str:
    return world.decision(application, ENV).why


def states(plan: Plan) -> dict[str, str]:
    return {each.target.application: each.state.value for each in plan.decisions}


def approve(world: World, *people: str) -> None:
    world.approvers[request_of(world).head] = people


def renew(world: World, application: str, version: str = "1.2.0") -> None:
    world.registry(application, "1.0.0", "1.1.0", version)


# -- it opens ------------------------------------------------------------------------------------


def test_one_request_brings_the_releases_of_all() -> None:
    world = shop("web", "api", "worker")
    plan = world.plan()
    ((_, action),) = plan.actions
    assert isinstance(action, Propose)
    assert (action.branch, action.number) == (BRANCH, None)
    assert [each.path for each in action.changes] == [
        f"apps/{each}/production/kustomization.yaml" for each in ("api", "web", "worker")
    ]
    assert states(plan) == dict.fromkeys(("api", "web", "worker"), "proposed")
    assert {each.why for each in plan.decisions} == {
        "open a merge request for 3 applications: api, web, worker"
    }
    assert all(each.action is None for each in plan.decisions)
    world.carry_out(plan)
    (request,) = world.requests
    assert request.title == "Promote 3 applications to production"
    assert brought(world) == dict.fromkeys(("api", "web", "worker"), "1.1.0")
    assert not world.plan().actions, "it comes to rest"


def test_one_application_alone_reads_as_ever() -> None:
    world = opened("web")
    request = request_of(world)
    assert (request.branch, request.title) == (BRANCH, "Promote web to production: 1.1.0")
    assert "**web** in **production** moves to release" in request.body
    assert len(Record.parse_all(request.body)) == 1


def test_the_branch_is_no_application_of_any_name() -> None:
    assert group_branch("shop", ENV) == BRANCH
    for name in ("all", "all=shop", "all.shop", "=", "all="):
        own = branch_name(Target(name, ENV, "apps"))
        assert own != BRANCH
        assert not is_group_branch(own)
        assert is_group_branch(group_branch(name, ENV))


def test_targets_whose_gates_wait_are_not_in_it() -> None:
    up, down = chain("staging", ENV)
    world = World((rule(up, replace(down, require=(soak(hours=6),), group="environment")),))
    for name, hours in (("web", 9), ("api", 3)):
        world.registry(name, "1.1.0")
        world.lands(name, ENV, "1.0.0", at=ago(days=9))
        world.lands(name, "staging", "1.1.0", at=ago(hours=hours))
    world.carry_out(world.plan())
    assert brought(world) == {"web": "1.1.0"}
    assert states(World.plan(world))["api"] == "waiting"
    assert "(soak: 6h)" in why_of(world, "api")


def test_other_environments_of_the_rule_go_one_by_one() -> None:
    world = World((rule(environment("dev"), environment(ENV, group="environment")),))
    for name in ("web", "api"):
        world.registry(name, "1.0.0", "1.1.0")
        world.ran(name, "dev", "1.0.0")
        world.ran(name, ENV, "1.0.0")
    world.carry_out(world.plan())
    assert sorted(each.branch for each in world.requests) == [
        "promoter/dev/api",
        "promoter/dev/web",
        BRANCH,
    ]


def test_two_rules_group_their_own() -> None:
    one, other = grouped(), replace(grouped(), source="rules/pay.yaml")
    world = World((one, other))
    runs(world, "web")
    plan = world.plan()
    assert not plan.actions, "both claim web, as without a group"
    assert {each.state for each in plan.decisions} == {State.BLOCKED}


def test_rules_of_one_name_leave_the_branch_to_one() -> None:
    world = opened("web", "api")
    world.rules = (grouped(), replace(grouped(), source="more/shop.yaml"))
    plan = world.plan()
    assert not plan.actions
    assert all("leave it to one rule" in each.why for each in plan.decisions)


# -- until its first approval it takes what comes --------------------------------------------------


def test_it_takes_newcomers_and_newer_releases() -> None:
    world = opened("web", "api")
    first = request_of(world)
    runs(world, "worker")
    renew(world, "api")
    plan = world.plan()
    assert whole(plan).why == (
        f"update {first.url}: api goes to 1.2.0 instead of 1.1.0; worker joins with 1.1.0"
    )
    world.carry_out(plan)
    assert brought(world) == {"api": "1.2.0", "web": "1.1.0", "worker": "1.1.0"}
    assert len(world.requests) == 1
    assert not world.plan().actions


def test_an_approved_one_is_not_touched_and_later_ones_wait_for_the_next() -> None:
    world = opened("web", "api")
    approve(world, "ann", "bob")
    before = request_of(world)
    runs(world, "worker")
    renew(world, "api")
    plan = world.plan()
    assert not plan.actions
    decision = world.decision("worker", ENV)
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == (
        f"waits for the next merge request of production: ann and bob approved {before.url}"
    )
    assert why_of(world, "api") == f"merge request {before.url} waits for a person to merge it"
    world.merge(before)
    world.carry_out(world.plan())
    assert brought(world) == {"api": "1.2.0", "worker": "1.1.0"}


def test_with_replace_always_it_is_touched() -> None:
    where = environment(ENV, group="environment", replace="always")
    world = opened("web", of=rule(where))
    approve(world, "ann")
    renew(world, "web")
    runs(world, "api")
    world.carry_out(world.plan())
    assert brought(world) == {"api": "1.1.0", "web": "1.2.0"}


def test_where_nobody_tells_of_approvals_it_is_not_touched() -> None:
    world = opened("web")
    runs(world, "api")
    world.fails(ApprovalsOf, "502")
    assert not world.plan().actions
    assert why_of(world, "api") == (
        "waits for the next merge request of production: it can't be told whether somebody approved"
        f" {request_of(world).url}: 502"
    )
    renew(world, "web")
    assert not world.plan().actions


def test_an_approval_of_a_former_head_shuts_nothing() -> None:
    world = opened("web")
    approve(world, "ann")
    old = request_of(world)
    world.hold_files = {"production/web.yaml": "release: 1.1.0\nby: ann\nreason: bad\n"}
    renew(world, "web")
    world.reconcile()
    assert request_of(world).head != old.head
    runs(world, "api")
    world.carry_out(world.plan())
    assert brought(world) == {"api": "1.1.0", "web": "1.2.0"}


# -- who leaves --------------------------------------------------------------------------------


def test_what_may_not_enter_any_more_leaves_also_after_an_approval() -> None:
    world = opened("web", "api")
    approve(world, "ann")
    request = request_of(world)
    world.lands("api", ENV, "1.1.0", at=NOW)  # somebody did it by hand
    plan = world.plan()
    action = whole(plan).action
    assert isinstance(action, Propose)
    assert action.number == request.number
    assert action.news[0].startswith("api leaves: 1.1.0 is not proposed any more")
    world.carry_out(plan)
    assert brought(world) == {"web": "1.1.0"}
    assert request_of(world).title == "Promote web to production: 1.1.0"


def test_what_is_built_anew_takes_along_what_waited() -> None:
    """Nobody approved the new head, so that nobody's approval is thrown away for it."""
    world = opened("web", "api")
    approve(world, "ann")
    runs(world, "worker")
    assert not world.plan().actions
    world.lands("api", ENV, "1.1.0", at=NOW)
    world.carry_out(world.plan())
    assert brought(world) == {"web": "1.1.0", "worker": "1.1.0"}


def test_where_the_forge_wants_it_on_the_tip_it_is_built_again() -> None:
    world = opened("web", "api", of=grouped(automatic=True))
    world.footing = Footing(Rights("bot"), Protection(True, 0, (), up_to_date=True), statuses=False)
    old = world.branches[BRANCH]
    world.moves_base()
    world.branches[BRANCH] = replace(old, fork="f" * 40)
    plan = world.plan()
    action = whole(plan).action
    assert isinstance(action, Propose)
    assert (action.rebuilds, action.head, action.news) == (True, None, ())
    url = request_of(world).url
    assert why_of(world, "web") == f"build {url} again for 2 applications: api, web"


def test_a_branch_that_brings_something_else_by_now_is_built_again() -> None:
    world = opened("web", "api")
    old = world.branches[BRANCH]
    world.branches[BRANCH] = replace(old, files=old.files[:1], fork="f" * 40)
    action = whole(world.plan()).action
    assert isinstance(action, Propose)
    assert (action.rebuilds, action.expected) == (True, old.head)


def test_a_banned_release_leaves_and_the_next_one_comes() -> None:
    world = opened("web", "api")
    approve(world, "ann")
    world.hold_files = {"production/api.yaml": "release: 1.1.0\nby: ann\nreason: leaks\n"}
    world.reconcile()
    assert brought(world) == {"web": "1.1.0"}
    renew(world, "api")
    world.reconcile()
    assert brought(world) == {"api": "1.2.0", "web": "1.1.0"}


def test_a_held_target_does_not_enter_and_leaves() -> None:
    world = opened("web", "api")
    world.hold_files = {
        "production/api.yaml": "by: ann\nreason: the sale\n",
        "production/worker.yaml": "by: ann\nreason: the sale\n",
    }
    runs(world, "worker")
    world.reconcile()
    assert brought(world) == {"web": "1.1.0"}
    assert world.decision("api", ENV).state is State.BLOCKED
    assert why_of(world, "api").startswith("held by ann: the sale")


def test_a_freeze_of_all_leaves_the_request_as_it_is() -> None:
    world = opened("web", "api", of=grouped(approvals(1), automatic=True))
    approve(world, "ann")
    world.hold_files = {"production/_all.yaml": "by: ann\nreason: the sale\n"}
    assert not world.plan().actions
    world.hold_files = {}
    (action,) = (action for _, action in world.plan().actions)
    assert isinstance(action, Merge), "with its approval"


def test_a_freeze_still_lets_go_what_may_not_enter() -> None:
    world = opened("web", "api")
    world.hold_files = {"production/web.yaml": "by: ann\nreason: the sale\n"}
    world.lands("api", ENV, "1.1.0", at=NOW)
    world.carry_out(world.plan())
    assert brought(world) == {"web": "1.1.0"}
    assert not world.plan().actions


def test_where_nobody_is_left_it_is_closed_with_the_reasons() -> None:
    world = opened("web", "api")
    for each in ("web", "api"):
        world.lands(each, ENV, "1.1.0", at=NOW)
    ((_, action),) = world.plan().actions
    assert isinstance(action, Close)
    assert action.reason == (
        "it brings nothing to production any more: api: 1.1.0 is not proposed any more: runs 1.1.0,"
        " the newest that registry offers; web: 1.1.0 is not proposed any more: runs 1.1.0, the"
        " newest that registry offers"
    )
    world.reconcile()
    assert request_of(world).state == "closed"


def test_a_target_that_is_gone_leaves() -> None:
    world = opened("web", "api")
    del world.history["api", ENV]
    world.carry_out(world.plan())
    assert brought(world) == {"web": "1.1.0"}


def test_a_broken_layout_takes_nobody_out() -> None:
    world = opened("web", "api")
    del world.history["api", ENV]
    world.layout_problems = (Problem("two folders match"),)
    assert not world.plan().actions
    runs(world, "worker")
    assert not world.plan().actions
    assert why_of(world, "worker") == (
        "waits for the next merge request of production: whether api has a target can't be told:"
        " two folders match"
    )


def test_without_any_target_it_is_an_orphan() -> None:
    world = opened("web", "api")
    for each in ("web", "api"):
        del world.history[each, ENV]
    ((_, action),) = world.plan().actions
    assert isinstance(action, Close)
    assert action.branch == BRANCH


def test_a_rule_that_groups_no_more_closes_it_and_opens_one_each() -> None:
    world = opened("web", "api")
    world.rules = (rule(environment(ENV)),)
    world.reconcile()
    assert sorted((each.branch, each.state) for each in world.requests) == [
        (BRANCH, "closed"),
        ("promoter/production/api", "open"),
        ("promoter/production/web", "open"),
    ]


def test_a_rule_that_begins_to_group_lets_open_requests_end() -> None:
    world = World((rule(environment(ENV)),))
    runs(world, "web")
    world.carry_out(world.plan())
    runs(world, "api")
    world.rules = (grouped(),)
    world.reconcile()
    assert sorted(each.branch for each in world.requests if each.state == "open") == [
        BRANCH,
        "promoter/production/web",
    ]
    assert brought(world) == {"api": "1.1.0"}
    world.merge(world.request("web", ENV))
    renew(world, "web")
    world.reconcile()
    assert brought(world) == {"api": "1.1.0", "web": "1.2.0"}


def test_a_gate_that_falls_back_keeps_it_in_and_keeps_all_from_being_merged() -> None:
    up, down = chain("staging", ENV, automatic=True)
    gates = (soak(hours=6), approvals(1))
    world = World((rule(up, replace(down, require=gates, group="environment")),))
    for name in ("web", "api"):
        world.registry(name, "1.1.0")
        world.lands(name, ENV, "1.0.0", at=ago(days=9))
        world.lands(name, "staging", "1.1.0", at=ago(hours=9))
    world.carry_out(world.plan())
    # Somebody lands the same release again, so that its time begins anew.
    world.lands("api", "staging", "1.0.9", at=ago(hours=2))
    world.lands("api", "staging", "1.1.0", at=ago(hours=1))
    approve(world, "ann")
    plan = world.plan()
    assert not plan.actions
    told = {e.target.application: e.why for e in plan.decisions if e.target.environment == ENV}
    assert told["api"].endswith("(soak: 6h)")
    assert told["web"] == f"api: {told['api']}"
    world.lands("web", ENV, "1.1.0", at=NOW)
    world.carry_out(world.plan())
    assert brought(world) == {"api": "1.1.0"}, "it waits alone now"


def test_a_registry_that_does_not_answer_keeps_everything_as_it_is() -> None:
    world = opened("web", "api", of=grouped(approvals(1), automatic=True))
    approve(world, "ann")
    world.fails(TagsOf, "503", lambda q: q.name.short == "api")
    plan = world.plan()
    assert not plan.actions
    assert states(plan) == {"api": "unknown", "web": "unknown"}
    assert why_of(world, "web") == "api: 503"


def test_a_target_that_does_not_answer_stops_no_newcomer() -> None:
    world = opened("web", "api")
    world.fails(TagsOf, "503", lambda q: q.name.short == "api")
    runs(world, "worker")
    world.carry_out(world.plan())
    assert brought(world) == {"api": "1.1.0", "web": "1.1.0", "worker": "1.1.0"}


# -- it is merged ------------------------------------------------------------------------------


def test_it_is_merged_once_for_all() -> None:
    world = opened("web", "api", of=grouped(approvals(2), automatic=True))
    request = request_of(world)
    approve(world, "ann")
    plan = world.plan()
    assert not plan.actions
    assert {each.why for each in plan.decisions} == {
        f"1 of 2: ann on merge request {request.url} (approvals: 2)"
    }
    assert {len(each.verdicts) for each in plan.decisions} == {1}, "judged once, shown for each"
    approve(world, "ann", "bob")
    plan = world.plan()
    ((_, action),) = plan.actions
    assert isinstance(action, Merge)
    assert [each.application for each in action.records] == ["api", "web"]
    assert states(plan) == {"api": "promoting", "web": "promoting"}
    world.reconcile()
    assert states(world.plan()) == {"api": "current", "web": "current"}


def test_an_automatic_group_without_gates_goes_through_in_one_run() -> None:
    world = shop("web", "api", of=grouped(automatic=True))
    world.reconcile()
    assert [each.state for each in world.requests] == ["merged"]
    assert states(world.plan()) == {"api": "current", "web": "current"}


def test_checks_are_those_of_the_request() -> None:
    build = GateRule("checks", (("name", "build"),))
    world = opened("web", "api", of=grouped(build, automatic=True))
    world.checks[request_of(world).head] = (Check("build", "failure"),)
    plan = world.plan()
    assert states(plan) == {"api": "blocked", "web": "blocked"}
    world.checks[request_of(world).head] = (Check("build", "success"),)
    assert isinstance(whole(world.plan()).action, Merge)


def test_what_the_forge_says_holds_for_all() -> None:
    world = opened("web", "api", of=grouped(approvals(1), automatic=True))
    approve(world, "ann")
    world.readiness[request_of(world).number] = Readiness("wait", "checks run")
    assert why_of(world, "api").endswith("yet: checks run")


def test_an_approved_branch_stands_while_only_the_base_moves() -> None:
    world = opened("web", "api", of=grouped(approvals(2), automatic=True))
    approve(world, "ann")
    world.moves_base()
    assert not world.plan().actions


# -- limits ------------------------------------------------------------------------------------


def test_limits_count_all_of_the_request_and_who_ran_longest_goes_first() -> None:
    world = shop("web", "api", "worker", of=grouped(limits=Limits(files=2)))
    world.carry_out(world.plan())
    assert brought(world) == {"api": "1.1.0", "web": "1.1.0"}
    assert why_of(world, "worker") == (
        "waits for the next merge request of production: with it more than 2 files would change"
        " (`limits.files`)"
    )
    world.merge(request_of(world))
    world.carry_out(world.plan())
    assert brought(world) == {"worker": "1.1.0"}


def test_lines_are_counted_together() -> None:
    world = shop("web", "api", "worker", of=grouped(limits=Limits(lines=5)))
    world.carry_out(world.plan())
    assert brought(world) == {"api": "1.1.0", "web": "1.1.0"}
    assert "`limits.lines`" in why_of(world, "worker")


def test_an_open_one_counts_once() -> None:
    limits = Limits(open=1)
    where = environment(ENV, group="environment")
    world = World((rule(environment("dev"), where, limits=limits),))
    for name in ("web", "api"):
        world.registry(name, "1.0.0", "1.1.0")
        world.lands(name, ENV, "1.0.0", at=ago(days=9))
    world.registry("old", "1.0.0", "1.1.0")
    world.lands("old", "dev", "1.0.0", at=ago(days=3))
    plan = world.plan()
    assert [type(action) for _, action in plan.actions] == [Propose]
    assert "waits for room" in world.decision("old", "dev").why
    world.carry_out(plan)
    assert brought(world) == {"api": "1.1.0", "web": "1.1.0"}


def test_a_group_that_finds_no_room_tells_each_of_its_targets() -> None:
    where = environment(ENV, group="environment")
    world = World((rule(environment("dev"), where, limits=Limits(open=1)),))
    world.registry("old", "1.0.0", "1.1.0")
    world.lands("old", "dev", "1.0.0", at=ago(days=30))
    for name in ("web", "api"):
        world.registry(name, "1.0.0", "1.1.0")
        world.lands(name, ENV, "1.0.0", at=ago(days=9))
    plan = world.plan()
    told = {each.target.application: each for each in plan.decisions}
    assert {told[each].state for each in ("web", "api")} == {State.WAITING}
    assert all("waits for room" in told[each].why for each in ("web", "api"))


def test_two_targets_never_write_one_file() -> None:
    world = shop("web", "api")
    world.paths = {("web", ENV): "apps/shared", ("api", ENV): "apps/shared"}
    world.carry_out(world.plan())
    assert brought(world) == {"web": "1.1.0"}
    assert why_of(world, "api").endswith("it changes apps/shared/kustomization.yaml, as web does")


def test_a_request_has_room_for_so_much_only() -> None:
    world = shop(*(f"application-{number:03}" for number in range(250)))
    world.carry_out(world.plan())
    (request,) = world.requests
    assert len(request.body) < 65_536
    inside = len(Record.parse_all(request.body))
    assert 100 < inside < 250
    assert not world.plan().actions


# -- a person's word ---------------------------------------------------------------------------


def test_a_close_rejects_all_that_it_lists() -> None:
    world = opened("web", "api")
    request = request_of(world)
    world.close(request, by="ann")
    plan = world.plan()
    assert not plan.actions
    assert states(plan) == {"api": "rejected", "web": "rejected"}
    (why,) = {each.why for each in plan.decisions}
    assert why == (
        f"ann closed merge request {request.url} with 1.1.0; it is not proposed again before a"
        " newer release"
    )
    renew(world, "api")
    runs(world, "worker")
    world.carry_out(world.plan())
    assert brought(world) == {"api": "1.2.0", "worker": "1.1.0"}
    assert [each.state for each in world.requests] == ["closed", "open"]


def test_a_close_by_the_bot_rejects_nothing() -> None:
    world = opened("web", "api")
    world.close(request_of(world), by="bot", bot=True)
    world.carry_out(world.plan())
    assert [each.state for each in world.requests] == ["closed", "open"]


def test_what_was_merged_and_taken_back_is_not_brought_again() -> None:
    world = opened("web", "api")
    world.merge(request_of(world))
    world.lands("web", ENV, "1.0.0", at=NOW)
    plan = world.plan()
    assert states(plan) == {"api": "current", "web": "rejected"}


def test_where_the_history_tells_nothing_the_merged_request_does() -> None:
    world = opened("web", "api")
    world.merge(request_of(world))
    world.history["web", ENV] = world.history["web", ENV][:1]
    assert f"merge request {request_of(world).url} brought 1.1.0 here" in why_of(world, "web")


@pytest.mark.parametrize("automatic", [False, True])
def test_the_label_holds_all_of_it(automatic: bool) -> None:
    world = opened("web", "api", of=grouped(approvals(1), automatic=automatic))
    request = request_of(world)
    world.change_request(request, labels=(HOLD,))
    runs(world, "worker")
    renew(world, "api")
    plan = world.plan()
    assert not plan.actions
    told = f"held by the label promoter/hold on {request.url}; take it off to go on"
    assert states(plan) == {"api": "blocked", "web": "blocked", "worker": "waiting"}
    assert why_of(world, "web") == told
    assert why_of(world, "worker") == f"waits for the next merge request of production: {told}"


def test_a_push_makes_it_a_persons_and_is_said_once() -> None:
    world = opened("web", "api")
    world.push(BRANCH)
    runs(world, "worker")
    plan = world.plan()
    ((_, action),) = plan.actions
    assert isinstance(action, LeaveAlone)
    assert states(plan) == {"api": "rejected", "web": "rejected", "worker": "waiting"}
    world.carry_out(plan)
    assert not world.plan().actions
    world.lands("api", ENV, "1.1.0", at=NOW)
    plan = world.plan()
    assert not plan.actions, "nobody is taken out either"
    assert states(plan) == {"api": "current", "web": "rejected", "worker": "waiting"}


def test_a_persons_draft_stays_one() -> None:
    world = opened("web", "api")
    world.change_request(request_of(world), draft=True)
    runs(world, "worker")
    world.carry_out(world.plan())
    assert request_of(world).draft
    assert not world.plan().actions


def test_a_body_that_somebody_edited_is_written_again() -> None:
    world = opened("web", "api")
    request = request_of(world)
    approve(world, "ann")
    world.change_request(request, body="mine")
    world.carry_out(world.plan())
    assert request_of(world).head == request.head, "the approval stands"
    assert brought(world) == {"api": "1.1.0", "web": "1.1.0"}


# -- queues ------------------------------------------------------------------------------------


def test_what_changes_is_taken_from_the_queue_first() -> None:
    world = opened("web", "api", of=grouped(automatic=True))
    request = request_of(world)
    world.change_request(request, armed=True)
    plan = world.plan()
    assert not plan.actions
    (note,) = (each for each in whole(plan).notes if isinstance(each, Queued))
    assert note.branch == BRANCH
    world.lands("api", ENV, "1.1.0", at=NOW)
    ((_, action),) = world.plan().actions
    assert isinstance(action, Disarm)


def test_one_status_speaks_for_all() -> None:
    world = shop("web", "api", of=grouped(approvals(2)))
    world.footing = Footing(Rights("bot"), Protection(False, 0, ()), statuses=True)
    world.carry_out(world.plan())
    ((_, said),) = world.plan().statuses
    assert (said.branch, said.head) == (BRANCH, request_of(world).head)
    assert said.check.text == "approvals: 2: 0 of 2"
    world.carry_out(world.plan())
    assert not world.plan().statuses
    approve(world, "ann", "bob")
    ((_, said),) = world.plan().statuses
    assert (said.check.state, said.check.text) == ("success", "all gates pass for 2 applications")


# -- what is asked for by name -----------------------------------------------------------------


def test_a_promotion_of_one_acts_for_its_group_as_a_whole() -> None:
    world = opened("web", "api")
    renew(world, "api")
    world.only = frozenset({("api", ENV)})
    plan = world.plan()
    assert [each.target.application for each in plan.decisions] == ["api"]
    world.carry_out(plan)
    assert brought(world) == {"api": "1.2.0", "web": "1.1.0"}


def test_what_somebody_asks_for_stands_in_the_request() -> None:
    world = shop("web", "api")
    wish = replace(asks("api:1.1.0"), application="api", environment=ENV)
    world.asked_for, world.only = (wish,), frozenset({("api", ENV)})
    plan = world.plan()
    (decision,) = plan.decisions
    (answer,) = decision.requested
    assert (answer.state, answer.why) == (decision.state, decision.why)
    world.carry_out(plan)
    records = {each.application: each for each in Record.parse_all(request_of(world).body)}
    assert (records["api"].requested_by, records["web"].requested_by) == (wish.by, "")
    assert wish in world.wishes


def test_a_hotfix_goes_alone_and_its_target_leaves_the_group() -> None:
    up, down = chain("staging", ENV)
    world = World((rule(up, replace(down, group="environment")),))
    for name in ("web", "api"):
        world.registry(name, "1.0.0", "1.1.0", "1.1.1")
        world.lands(name, ENV, "1.0.0", at=ago(days=9))
        world.lands(name, "staging", "1.1.0", at=ago(days=2))
    world.carry_out(world.plan())
    wish = asks("web:1.1.1", where=ENV)
    world.asked_for = (replace(wish, skips=("staging",), reason="an outage"),)
    plan = world.plan()
    world.asked_for = ()
    world.carry_out(plan)
    alone = world.request("web", ENV)
    assert alone.branch == "promoter/production/web"
    assert brought(world) == {"api": "1.1.0"}
    world.merge(alone)
    world.reconcile()
    assert brought(world) == {"api": "1.1.0"}


def test_a_release_that_was_asked_for_is_answered_with_what_became_of_the_request() -> None:
    world = opened("web", "api")
    approve(world, "ann")
    runs(world, "worker")
    wish = replace(asks("worker:1.1.0"), application="worker", environment=ENV)
    world.asked_for = (wish,)
    (answer,) = world.decision("worker", ENV).requested
    assert answer.state is State.WAITING
    assert answer.why.startswith("waits for the next merge request of production: ann approved")


def test_while_a_target_is_asked_for_something_else_its_group_is_not_merged() -> None:
    world = opened("web", "api", of=grouped(approvals(1), automatic=True))
    approve(world, "ann")
    wish = replace(asks("api:1.0.5"), application="api", environment=ENV)
    world.asked_for, world.only = (wish,), frozenset({("api", ENV)})
    assert not world.plan().actions
    world.asked_for, world.only = (), None
    assert isinstance(whole(world.plan()).action, Merge)


# -- what must never happen --------------------------------------------------------------------


def test_the_order_of_targets_does_not_matter() -> None:
    one, other = shop("web", "api", "worker"), shop("web", "api", "worker")
    other.history = dict(reversed(other.history.items()))
    mine, theirs = whole(one.plan()).action, whole(other.plan()).action
    assert isinstance(mine, Propose)
    assert isinstance(theirs, Propose)
    assert (mine.records, mine.changes) == (theirs.records, theirs.changes)


def test_a_branch_that_was_pushed_before_a_crash_is_found_again() -> None:
    world = shop("web", "api")
    world.carry_out(world.plan())
    pushed = dict(world.branches)
    world.requests.clear()
    ((_, action),) = world.plan().actions
    assert isinstance(action, Propose)
    assert (action.head, action.number) == (pushed[BRANCH].head, None)


def test_a_refused_edit_of_one_stops_only_that_one() -> None:
    world = shop("web", "api")
    world.refused["api", ENV] = Problem("two documents")
    plan = world.plan()
    assert states(plan) == {"api": "blocked", "web": "proposed"}
    world.carry_out(plan)
    assert brought(world) == {"web": "1.1.0"}
