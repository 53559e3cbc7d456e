"""Limits: how much a promotion may touch, how many merge requests are open; and whether a newer
release takes the place of one that somebody approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from promoter.decisions.limits import count_lines, exceeded_by
from promoter.model.facts import ApprovalsOf, DetailsOf
from promoter.model.plan import Decision, Merge, Plan, Propose, State
from promoter.model.ports import Footing, Protection, Rights
from promoter.model.record import Record
from promoter.model.rule import Limits
from promoter.model.target import FileChange
from tests.decisions.rules import approvals, environment, rule, soak
from tests.decisions.test_wishes import asks
from tests.decisions.world import NOW, World, ago


def change(path: str, before: str = "a\nb\nc\n", after: str = "a\nB\nc\n") -> FileChange:
    return FileChange(path, before.encode(), after.encode())


@pytest.mark.parametrize(
    ("limits", "paths", "why"),
    [
        (Limits(), ["x.yaml"] * 50, ""),
        (Limits(files=2), ["a.yaml", "b.yaml"], ""),
        (
            Limits(files=1),
            ["a.yaml", "b.yaml"],
            "it would change 2 files, more than the 1 that `limits.files` allows",
        ),
        (Limits(lines=4), ["a.yaml", "b.yaml"], ""),
        (
            Limits(lines=3),
            ["a.yaml", "b.yaml"],
            "it would change 4 lines, more than the 3 that `limits.lines` allows",
        ),
        (Limits(paths=("apps/**",)), ["apps/web/dev/a.yaml"], ""),
        (Limits(paths=("apps/",)), ["apps/web/dev/a.yaml"], ""),
        (Limits(paths=("**/values-*.yaml",)), ["values-dev.yaml", "a/b/values-dev.yaml"], ""),
        (Limits(paths=("apps/*/dev.yaml", "charts/**")), ["apps/web/dev.yaml", "charts/a"], ""),
        (
            Limits(paths=("apps/*/dev.yaml",)),
            ["apps/web/x/dev.yaml"],
            "apps/web/x/dev.yaml may not be edited: it is in none of `limits.paths`",
        ),
        (
            Limits(paths=("apps/?.yaml",)),
            ["apps/a+yaml"],
            "apps/a+yaml may not be edited: it is in none of `limits.paths`",
        ),
    ],
)
def test_what_a_merge_request_may_touch(limits: Limits, paths: list[str], why: str) -> None:
    assert exceeded_by(limits, [change(path) for path in paths]) == why


def test_lines_are_counted_as_forges_count_them() -> None:
    assert count_lines(change("a", "a\nb\n", "a\nb\nc\nd\n")) == 2
    assert count_lines(change("a", "a\nb\nc\n", "a\nx\ny\nc\n")) == 3
    assert count_lines(change("a", "a\nb", "a\nb\n")) == 0


def test_what_exceeds_a_limit_is_blocked_and_told() -> None:
    world = World((rule(environment("dev"), limits=Limits(paths=("charts/**",))),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert decision.why.endswith("is in none of `limits.paths`")


def many(count: int, most: int, automatic: bool = False) -> World:
    """So many applications, all with a new release; the last one has run the longest."""
    world = World((rule(environment("dev", automatic=automatic), limits=Limits(open=most)),))
    for number in range(count):
        world.registry(f"app{number}", "1.0.0", "1.1.0")
        world.lands(f"app{number}", "dev", "1.0.0", at=ago(days=number + 1))
    return world


def opening(plan: Plan) -> list[str]:
    return [d.target.application for d in plan.decisions if isinstance(d.action, Propose)]


def waiting(plan: Plan) -> list[Decision]:
    return [each for each in plan.decisions if "waits for room" in each.why]


def test_as_many_are_opened_as_there_is_room_and_who_ran_longest_goes_first() -> None:
    world = many(5, 2)
    plan = world.plan()
    assert sorted(opening(plan)) == ["app3", "app4"]
    first = next(each for each in plan.decisions if each.target.application == "app2")
    assert first.state is State.WAITING
    assert first.why == (
        "waits for room: `limits.open` of rules/shop.yaml is 2, and 0 more wait before it"
    )
    assert len(waiting(plan)) == 3


def test_each_merge_makes_room_for_the_next() -> None:
    world = many(5, 2)
    world.carry_out(world.plan())
    assert opening(world.plan()) == []
    world.merge(world.request("app4", "dev"))
    assert opening(world.plan()) == ["app2"]


def test_an_open_request_is_updated_also_where_there_is_no_room() -> None:
    world = many(3, 1)
    world.carry_out(world.plan())
    world.registry("app2", "1.0.0", "1.1.0", "1.2.0")
    assert opening(world.plan()) == ["app2"]


def test_what_is_merged_at_once_is_not_held_up() -> None:
    world = many(5, 2, automatic=True)
    assert len(opening(world.plan())) == 5
    checked = Protection(True, 0, ("build",))
    world.footing = Footing(Rights("bot"), checked, statuses=False)
    assert len(opening(world.plan())) == 2, "it waits for a check, and more with it"
    world.footing = Footing(Rights("bot"), Protection(None, None, None), statuses=False)
    assert len(opening(world.plan())) == 2, "nobody knows what it waits for"


def test_what_somebody_asks_for_by_name_is_not_held_up() -> None:
    world = many(3, 1)
    world.carry_out(world.plan())
    world.asked_for = (replace(asks("app0:1.1.0"), application="app0"),)
    world.only = frozenset({("app0", "dev")})
    assert opening(world.plan()) == ["app0"]


def test_nor_is_a_target_that_somebody_names_without_a_release() -> None:
    world = many(3, 1)
    world.carry_out(world.plan())
    world.only = frozenset({("app0", "dev")})
    assert opening(world.plan()) == [], "who only looks sees that it waits"
    world.limited = False
    assert opening(world.plan()) == ["app0"]


def test_each_rule_has_its_own_room() -> None:
    world = many(2, 1)
    other = rule(environment("qa"), source="rules/other.yaml", limits=Limits(open=1))
    world.rules = (*world.rules, other)
    world.lands("app0", "qa", "1.0.0", at=ago(days=1))
    assert sorted(opening(world.plan())) == ["app0", "app1"]


class TestReplace:
    def world(self, replaced: str = "unless-approved", *gates: object) -> World:
        """1.1.0 is open in dev; then 1.2.0 comes."""
        dev = environment("dev", *gates, replace=replaced)  # type: ignore[arg-type]  # gates
        world = World((rule(dev),))
        world.registry("web", "1.0.0", "1.1.0")
        world.ran("web", "dev", "1.0.0")
        world.carry_out(world.plan())
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        return world

    def approve(self, world: World) -> None:
        world.approvers[world.request("web", "dev").head] = ("ann", "ben")

    def offered(self, world: World) -> str:
        decision = world.decision("web", "dev")
        assert decision.offered is not None
        return decision.offered.label

    def test_what_nobody_approved_is_replaced(self) -> None:
        world = self.world()
        decision = world.decision("web", "dev")
        assert isinstance(decision.action, Propose)
        assert self.offered(world) == "1.2.0"

    def test_what_somebody_approved_goes_first(self) -> None:
        world = self.world()
        self.approve(world)
        decision = world.decision("web", "dev")
        assert (decision.state, decision.action) == (State.PROPOSED, None)
        assert self.offered(world) == "1.1.0"
        passed = {each.what: each.why for each in decision.passed_over}
        url = world.request("web", "dev").url
        assert passed["1.2.0"] == f"ann and ben approved 1.1.0 on {url}: it goes first"
        world.merge(world.request("web", "dev"))
        assert self.offered(world) == "1.2.0"

    def test_what_is_banned_is_replaced_whoever_approved_it(self) -> None:
        world = self.world()
        self.approve(world)
        world.hold_files = {"dev/web.yaml": "release: 1.1.0\nby: ann\nreason: it leaks\n"}
        assert self.offered(world) == "1.2.0"

    def test_always_replaces_it_all_the_same(self) -> None:
        world = self.world("always")
        self.approve(world)
        assert self.offered(world) == "1.2.0"
        assert not any(isinstance(each, ApprovalsOf) for each in world.asked), "nobody is asked"

    def test_who_can_not_be_asked_replaces_nothing(self) -> None:
        world = self.world()
        world.fails(ApprovalsOf)
        decision = world.decision("web", "dev")
        assert (decision.state, decision.action) == (State.UNKNOWN, None)

    def test_what_is_gone_from_the_registry_is_replaced(self) -> None:
        world = self.world()
        self.approve(world)
        world.registry("web", "1.0.0", "1.2.0")
        assert self.offered(world) == "1.2.0"

    def test_a_registry_that_does_not_tell_replaces_nothing(self) -> None:
        world = self.world()
        self.approve(world)
        world.fails(DetailsOf)
        assert world.decision("web", "dev").state is State.UNKNOWN

    def test_who_asks_for_the_newer_one_gets_it(self) -> None:
        world = self.world()
        self.approve(world)
        world.asked_for = (asks("web:1.2.0"),)
        assert self.offered(world) == "1.2.0"

    def test_it_goes_on_to_wait_for_its_gates(self) -> None:
        world = self.world("unless-approved", approvals(3))
        self.approve(world)
        decision = world.decision("web", "dev")
        assert decision.state is State.WAITING
        assert decision.why.startswith("2 of 3: ann, ben")

    def test_downstream_what_upstream_went_back_from_is_replaced(self) -> None:
        world = World((rule(environment("dev"), environment("production", after=("dev",))),))
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        world.ran("web", "production", "1.0.0")
        world.lands("web", "dev", "1.1.0", at=ago(days=2))
        world.carry_out(world.plan())
        world.approvers[world.request("web", "production").head] = ("ann",)
        world.lands("web", "dev", "1.2.0", at=ago(days=1))
        decision = world.decision("web", "production")
        assert decision.offered is not None
        assert decision.offered.label == "1.1.0"
        world.lands("web", "dev", "1.0.0", at=ago(hours=2))
        world.lands("web", "dev", "1.2.0", at=ago(hours=1))
        decision = world.decision("web", "production")
        assert decision.offered is not None
        assert decision.offered.label == "1.2.0"

    def test_a_gate_that_closes_again_keeps_it_open(self) -> None:
        world = World(
            (
                rule(
                    environment("dev"),
                    environment("production", soak(hours=2), after=("dev",), automatic=True),
                ),
            )
        )
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        world.ran("web", "production", "1.0.0")
        world.lands("web", "dev", "1.1.0", at=ago(hours=3))
        plan = world.plan()
        world.carry_out(plan)
        world.approvers[world.request("web", "production").head] = ("ann",)
        world.lands("web", "dev", "1.2.0", at=NOW)
        later = NOW + timedelta(hours=3)
        decision = world.decision("web", "production", later)
        assert isinstance(decision.action, Merge)
        assert decision.action.record == Record.parse(world.request("web", "production").body)
