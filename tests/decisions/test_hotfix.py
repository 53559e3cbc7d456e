"""A hotfix goes past environments, for a reason; what was skipped is filled up behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from promoter.decisions.hotfix import ways_left
from promoter.model.plan import Close, Decision, Merge, Propose, State
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rule import Upstream
from tests.decisions.rules import approvals, environment, rule, soak
from tests.decisions.test_wishes import asks
from tests.decisions.world import NOW, World, ago

FIX = replace(
    asks("1.1.1", where="production", by="ann"),
    skips=("dev", "staging"),
    reason="checkout is down",
)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world() -> World:
    """1.2.0 is on its way in dev, 1.1.0 runs in staging and production; 1.1.1 is the fix."""
    world = World(
        (
            rule(
                environment("dev", automatic=True),
                environment("staging", soak(hours=1), after=("dev",), automatic=True),
                environment("production", soak(hours=24), approvals(1), after=("staging",)),
            ),
        )
    )
    world.registry("web", "1.0.0", "1.1.0", "1.1.1", "1.2.0")
    for each in ("dev", "staging", "production"):
        world.lands("web", each, "1.1.0", at=ago(days=9))
    world.lands("web", "dev", "1.2.0", at=ago(minutes=5))
    return world


def merged(world: World) -> None:
    """The fix is asked for, proposed, approved and merged by a person."""
    world.asked_for = (FIX,)
    world.carry_out(world.plan())
    world.asked_for = ()
    world.merge(world.request("web", "production"), NOW)


def propose_in_staging(world: World) -> None:
    """It is filled up there by a request that a person has to merge."""
    world.rules = (
        rule(
            environment("dev", automatic=True),
            environment("staging", soak(hours=1), after=("dev",)),
            environment("production", soak(hours=24), after=("staging",)),
        ),
    )
    world.carry_out(world.plan())


def offered(decision: Decision) -> str:
    assert decision.offered is not None, decision.why
    return decision.offered.label


@pytest.mark.parametrize(
    ("skips", "left"),
    [
        ((), ("staging",)),
        (("staging",), ("dev",)),
        (("dev",), ("staging",)),
        (("dev", "staging"), ()),
        (("soak",), ("staging",)),
    ],
)
def test_what_stands_before_a_skipped_environment_must_have_run_it(
    world: World, skips: tuple[str, ...], left: tuple[str, ...]
) -> None:
    assert ways_left(world.rules[0], "production", skips) == left


def test_it_comes_straight_from_the_registry_and_says_what_it_skips(world: World) -> None:
    world.asked_for = (FIX,)
    decision = world.decision("web", "production")
    assert isinstance(decision.action, Propose)
    record = decision.action.record
    assert decision.origin == record.origin
    assert record.release.label == "1.1.1"
    assert (record.origin, record.skips) == ("registry", ("dev", "staging"))
    assert (record.requested_by, record.reason) == ("ann", "checkout is down")
    assert Record.parse("\n".join(record.trailers())) == record
    assert "Promoter-Reason: checkout is down" in record.trailers()
    soaking, people = decision.verdicts
    assert (soaking.judgement, soaking.skipped) == ("pass", True)
    assert soaking.why == "skipped by ann: checkout is down"
    assert (people.judgement, people.skipped) == ("wait", False), "people are never skipped"


def test_it_is_known_again_without_the_ledger(world: World) -> None:
    world.asked_for = (FIX,)
    world.carry_out(world.plan())
    world.asked_for, world.wishes = (), []
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.verdicts[0].skipped
    world.approvers[world.request("web", "production").head] = ("ben",)
    assert world.decision("web", "production").state is State.PROPOSED


def test_a_body_that_somebody_edited_skips_nothing(world: World) -> None:
    world.asked_for = (replace(FIX, skips=("staging",), release=Release.of(FIX.release.artifacts)),)
    world.lands("web", "dev", "1.1.1", at=ago(minutes=2))
    world.carry_out(world.plan())
    world.asked_for, world.wishes = (), []
    request = world.request("web", "production")
    body = request.body.replace(
        "Promoter-Skips: staging", "Promoter-Skips: staging\nPromoter-Skips: window"
    )
    world.change_request(request, body=body)
    decision = world.decision("web", "production")
    assert isinstance(decision.action, Close), "as anything that nobody offers"
    assert not any(each.skipped for each in decision.verdicts)


def test_without_skipping_it_must_have_run_upstream(world: World) -> None:
    world.asked_for = (replace(FIX, skips=()),)
    (answer,) = world.decision("web", "production").requested
    assert answer.state is State.WAITING
    assert answer.why == "staging runs no 1.1.1; promote it there first"


def test_who_skips_one_must_have_run_in_the_one_before(world: World) -> None:
    world.asked_for = (replace(FIX, skips=("staging",)),)
    (answer,) = world.decision("web", "production").requested
    assert answer.state is State.WAITING
    assert answer.why == (
        "dev has not run 1.1.1; promote it there first, or skip it too: --skip dev"
    )
    world.lands("web", "dev", "1.1.1", at=ago(minutes=2))
    (answer,) = world.decision("web", "production").requested
    assert answer.state is State.PROPOSED


def test_a_gate_may_be_skipped_by_its_name_and_no_environment(world: World) -> None:
    world.lands("web", "staging", "1.2.0", at=ago(minutes=5))
    world.asked_for = (replace(asks("1.2.0", where="production", by="ann"), skips=("soak",)),)
    decision = world.decision("web", "production")
    assert isinstance(decision.action, Propose)
    assert decision.action.record.origin == "staging"


def test_people_are_asked_whatever_somebody_skips(world: World) -> None:
    world.asked_for = (replace(FIX, skips=("dev", "staging", "approvals", "checks")),)
    decision = world.decision("web", "production")
    assert [(each.gate, each.skipped) for each in decision.verdicts] == [
        ("soak: 1d", True),
        ("approvals: 1", False),
    ]


def test_what_is_not_later_is_no_fix(world: World) -> None:
    world.lands("web", "production", "1.2.0", at=ago(minutes=1))
    world.asked_for = (FIX,)
    (answer,) = world.decision("web", "production").requested
    assert answer.state is State.HELD_BACK


def test_what_the_registry_does_not_have_waits(world: World) -> None:
    del world.tags["web"]["1.1.1"]
    world.asked_for = (FIX,)
    (answer,) = world.decision("web", "production").requested
    assert answer.state is State.UNKNOWN


class TestFillingUp:
    def test_the_skipped_get_it_where_that_is_not_backwards(self, world: World) -> None:
        merged(world)
        dev, staging = (world.decision("web", each) for each in ("dev", "staging"))
        assert dev.state is State.CURRENT, "1.2.0 is later"
        assert isinstance(staging.action, Propose)
        record = staging.action.record
        assert (record.release.label, record.origin) == ("1.1.1", "production")
        assert record.skips == ("dev", "staging")
        assert staging.verdicts[0].why == "skipped by ann: checkout is down"

    def test_its_request_stays_as_it_was_opened(self, world: World) -> None:
        merged(world)
        propose_in_staging(world)
        world.wishes = []
        staging = world.decision("web", "staging")
        assert (staging.state, staging.action) == (State.PROPOSED, None)
        assert staging.verdicts[0].skipped
        assert staging.requested == (), "it was asked for elsewhere"

    def test_then_the_usual_way_goes_on(self, world: World) -> None:
        merged(world)
        world.reconcile()
        running = world.history["web", "staging"][-1].release
        assert running is not None
        assert running.label == "1.1.1"
        staging = world.decision("web", "staging", LATER)
        assert offered(staging) == "1.2.0"
        assert not any(each.skipped for each in staging.verdicts), "1.2.0 has soaked in dev"

    def test_waves_behind_it_do_not_wait_for_what_it_skipped(self, world: World) -> None:
        """The region that comes next asks staging for a soak that nobody will ever see."""
        eu = environment("production", soak(hours=24), approvals(1), after=("staging",))
        day = replace(soak(hours=24), of=Upstream(("staging",)))
        us = environment("production-us", day, soak(hours=4), after=("production",))
        others = world.rules[0].environments[:2]
        world.rules = (rule(*others, eu, us),)
        world.lands("web", "production-us", "1.1.0", at=ago(days=9))
        merged(world)
        decision = world.decision("web", "production-us", LATER)
        assert [(each.skipped, each.judgement) for each in decision.verdicts] == [
            (True, "pass"),
            (False, "wait"),
        ]
        decision = world.decision("web", "production-us", NOW + timedelta(hours=4))
        assert isinstance(decision.action, Propose)
        record = decision.action.record
        assert (record.origin, record.skips) == ("production", ("dev", "staging"))
        assert (record.requested_by, record.reason) == ("ann", "checkout is down")

    def test_what_was_rolled_back_is_filled_up_nowhere(self, world: World) -> None:
        merged(world)
        world.lands("web", "production", "1.1.0", at=NOW)
        staging = world.decision("web", "staging")
        assert offered(staging) == "1.2.0"

    def test_a_person_who_refuses_it_there_is_not_fought(self, world: World) -> None:
        merged(world)
        propose_in_staging(world)
        world.close(world.request("web", "staging"), by="ben")
        staging = world.decision("web", "staging")
        assert (staging.state, offered(staging)) == (State.WAITING, "1.2.0")

    def test_without_the_forge_nothing_is_filled_up(self, world: World) -> None:
        merged(world)
        world.requests = []
        assert offered(world.decision("web", "staging")) == "1.2.0"

    def test_a_newer_release_that_may_enter_goes_first(self, world: World) -> None:
        merged(world)
        staging = world.decision("web", "staging", LATER)
        assert offered(staging) == "1.2.0"
        assert isinstance(staging.action, Propose | Merge)
