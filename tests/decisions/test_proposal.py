"""One rolling merge request a target: opened, updated in place, merged at a pinned head."""

from __future__ import annotations

import pytest

from promoter.errors import Where
from promoter.model.facts import BranchOf, EditOf, MergeRequestsOf
from promoter.model.plan import Merge, Propose, State
from promoter.model.record import Record
from promoter.model.rule import EnvironmentRule, GateRule
from promoter.model.target import Problem
from tests.decisions.rules import approvals, artifact, environment, rule
from tests.decisions.world import NOW, World, ago

AUTOMATIC = environment("dev", automatic=True)


def following(stage: EnvironmentRule = AUTOMATIC) -> World:
    world = World((rule(stage),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    return world


def only_action(world: World) -> object:
    ((_, action),) = world.plan().actions
    return action


def test_a_new_release_opens_one_request_on_a_derived_branch() -> None:
    world = following()
    action = only_action(world)
    assert isinstance(action, Propose)
    assert (action.branch, action.base, action.base_commit) == (
        "promoter/dev/web",
        "main",
        world.tip,
    )
    assert (action.expected, action.head, action.number) == (None, None, None)
    assert action.record.origin == "registry"
    assert [each.path for each in action.changes] == ["apps/web/dev/kustomization.yaml"]


def test_it_merges_by_itself_at_exactly_the_head_that_it_judged() -> None:
    world = following()
    world.carry_out(world.plan())
    request = world.request("web", "dev")
    record = Record.parse(request.body)
    assert record is not None
    assert only_action(world) == Merge(
        request.number, "promoter/dev/web", request.head, record, world.tip
    )


def test_a_manual_request_waits_for_a_person() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.PROPOSED, None)
    assert decision.why == (
        f"merge request {world.request('web', 'dev').url} waits for a person to merge it"
    )


def test_a_newer_release_updates_the_same_request_with_a_lease() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    before = world.request("web", "dev")
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    action = only_action(world)
    assert isinstance(action, Propose)
    assert (action.expected, action.head, action.number) == (before.head, None, before.number)
    world.carry_out(world.plan())
    assert [each.title for each in world.requests] == ["Promote web to dev: 1.2.0"]


def test_after_a_crash_between_push_and_open_the_commit_is_used_again() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    head = world.requests.pop().head
    action = only_action(world)
    assert isinstance(action, Propose)
    assert (action.head, action.number) == (head, None)
    world.carry_out(world.plan())
    assert [each.head for each in world.requests] == [head]
    assert world.plan().actions == ()


def test_a_deleted_branch_is_pushed_again_under_the_same_request() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    world.branches.clear()
    action = only_action(world)
    assert isinstance(action, Propose)
    assert (action.expected, action.head, action.number) == (None, None, 1)


def test_a_branch_left_behind_with_another_release_is_moved_with_a_lease() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    head = world.requests.pop().head
    world.registry("web", "1.0.0", "1.2.0")
    action = only_action(world)
    assert isinstance(action, Propose)
    assert (action.expected, action.head, action.number) == (head, None, None)


def test_a_base_that_moved_elsewhere_does_not_rebuild_the_branch() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    world.moves_base()
    assert world.plan().actions == (), "approvals are not thrown away for nothing"


def test_a_target_whose_own_files_changed_is_rebuilt() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    head = world.request("web", "dev").head
    branch = world.branches["promoter/dev/web"]
    changed = (("apps/web/dev/kustomization.yaml", b"# a new comment\n"),)
    world.branches[branch.name] = type(branch)(
        branch.name, branch.head, branch.message, changed, branch.own
    )
    action = only_action(world)
    assert isinstance(action, Propose)
    assert (action.expected, action.head) == (head, None)


def test_an_edit_that_is_refused_blocks_at_its_place_and_keeps_the_request() -> None:
    world = following()
    world.carry_out(world.plan())
    world.refused["web", "dev"] = Problem("an anchor is shared", Where("a.yaml", 3, 4))
    decision = world.decision("web", "dev")
    assert (decision.state, decision.trouble, decision.action) == (State.BLOCKED, "input", None)
    assert decision.why == "the edit is refused: an anchor is shared"
    assert str(decision.where) == "a.yaml:3:4"


def test_an_edit_that_changes_nothing_is_current_and_leaves_no_request_open() -> None:
    """With `pin: keep`, a moving tag's new digest is nothing that Git could show."""
    world = following()
    world.carry_out(world.plan())
    world.same.add(("web", "dev"))
    decision = world.decision("web", "dev")
    assert (decision.state, decision.why) == (State.CURRENT, "runs 1.1.0")
    world.carry_out(world.plan())
    assert world.request("web", "dev").state == "closed"
    assert world.plan().actions == ()


def test_unknown_facts_mean_wait_and_never_close_or_merge() -> None:
    for kind in (BranchOf, EditOf, MergeRequestsOf):
        world = following()
        world.carry_out(world.plan())
        world.fails(kind, "no answer")
        decision = world.decision("web", "dev")
        assert (decision.state, decision.why, decision.action) == (
            State.UNKNOWN,
            "no answer",
            None,
        ), kind
        assert world.plan().actions == ()


def test_the_whole_way_costs_one_request_an_environment() -> None:
    world = World()
    world.registry("web", "1.0.0", "1.1.0")
    for each in ("dev", "staging", "production"):
        world.ran("web", each, "1.0.0")
    for hour in range(0, 80, 2):
        at = NOW.replace(hour=0) + (NOW - ago(hours=hour))
        world.reconcile(at)
        for request in world.requests:
            if request.branch == "promoter/production/web":
                world.approvers[request.head] = ("alice",)
                if request.state == "open":
                    world.merge(request, at)
    assert [each.title for each in world.requests] == [
        "Promote web to dev: 1.1.0",
        "Promote web to staging: 1.1.0",
        "Promote web to production: 1.1.0",
    ]
    assert {each[-1].release for each in world.history.values()} == {
        world.history["web", "dev"][-1].release
    }


def test_a_tag_list_that_shrinks_neither_closes_nor_lowers_what_is_proposed() -> None:
    for listed in ((), ("1.0.0",), ("1.0.0", "1.1.0"), ("0.1.0",)):
        world = following(environment("dev"))
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        world.carry_out(world.plan())
        world.hidden["web"] = {"0.1.0", "1.0.0", "1.1.0", "1.2.0"} - set(listed)
        decision = world.decision("web", "dev")
        assert (decision.state, decision.action) == (State.UNKNOWN, None), listed


def test_a_tag_that_is_really_gone_gives_way() -> None:
    world = following(environment("dev"))
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    world.carry_out(world.plan())
    world.registry("web", "1.0.0", "1.1.0")
    world.carry_out(world.plan())
    assert world.request("web", "dev").title == "Promote web to dev: 1.1.0"


def test_a_newer_tag_takes_over_even_where_the_old_one_is_not_listed() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    world.registry("web", "1.0.0", "1.1.0", "1.3.0")
    world.hidden["web"] = {"1.1.0"}
    world.carry_out(world.plan())
    assert world.request("web", "dev").title == "Promote web to dev: 1.3.0"


@pytest.mark.parametrize(
    ("before", "after"), [((), (approvals(2),)), ((approvals(2),), (approvals(1),))]
)
def test_an_open_request_asks_for_the_approvals_of_the_rule_as_it_is_now(
    before: tuple[GateRule, ...], after: tuple[GateRule, ...]
) -> None:
    world = following(environment("dev", *before))
    world.carry_out(world.plan())
    head = world.request("web", "dev").head

    world.rules = (rule(environment("dev", *after)),)
    action = only_action(world)

    assert isinstance(action, Propose)
    assert (action.number, action.head) == (1, head), "updated in place, the branch not rebuilt"
    world.carry_out(world.plan())
    assert world.request("web", "dev").approvals == after[0].option("count")
    assert world.plan().actions == ()


def test_a_range_that_no_longer_takes_the_tag_closes_the_request() -> None:
    world = following(environment("dev"))
    world.carry_out(world.plan())
    world.rules = (rule(environment("dev"), artifacts=(artifact("semver", "1.0.x"),)),)
    world.carry_out(world.plan())
    assert world.request("web", "dev").state == "closed"
