"""The gates of time and origin in a whole plan: what opens, what merges, what waits until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from promoter.model.facts import CommitChecksOf, DetailsOf, SightingsOf
from promoter.model.plan import Merge, Propose, State
from promoter.model.ports import Check
from promoter.model.rule import EnvironmentRule, GateRule
from promoter.model.window import Entry, Window
from promoter.texts.as_json import decision_json
from tests.decisions.rules import artifact, environment, rule
from tests.decisions.world import NOW, World, ago

OFFICE = Window((Entry("0 9 * * mon-fri", timedelta(hours=8), "Asia/Shanghai"),))
OPENS = datetime.fromisoformat("2026-03-03T01:00Z")  # NOW is Monday, 20:00 in Shanghai
UPSTREAM_TEST = GateRule("checks", (("name", "test"), ("of", "upstream")))


def shop(*gates: GateRule) -> World:
    """Staging runs 1.1.0, and production, which merges by itself, 1.0.0."""
    production = environment("production", *gates, after=("staging",), automatic=True)
    world = World((rule(environment("staging"), production),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "production", "1.0.0")
    world.ran("web", "staging", "1.0.0", "1.1.0")
    return world


def test_a_window_lets_the_request_open_and_merges_it_at_the_moment_that_it_named() -> None:
    world = shop(GateRule("window", (("window", OFFICE),)))
    world.carry_out(world.plan())
    assert world.request("web", "production").state == "open"
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == (
        "closed until 2026-03-03 09:00 (Asia/Shanghai)"
        " (window: allow 0 9 * * mon-fri for 8h (Asia/Shanghai))"
    )
    (verdict,) = decision.verdicts
    assert verdict.opens_at == OPENS
    early = world.decision("web", "production", OPENS - timedelta(seconds=1))
    assert early.action is None
    assert isinstance(world.decision("web", "production", OPENS).action, Merge)


def test_images_from_elsewhere_open_nothing() -> None:
    world = shop(GateRule("registries", (("registry", "harbor.example.com"),)))
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert decision.why.startswith("ghcr.io/shop/web comes from no allowed registry")
    allowed = shop(GateRule("registries", (("registry", "ghcr.io/shop"),)))
    assert isinstance(allowed.decision("web", "production").action, Propose)


def test_a_release_that_is_too_young_waits_until_it_is_not() -> None:
    world = shop(GateRule("minimum-age", (("duration", timedelta(days=2)),)))
    world.built("web", "1.1.0", ago(hours=40))
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.WAITING, None)
    opens = decision.verdicts[0].opens_at
    assert opens == ago(hours=40) + timedelta(days=2)
    assert isinstance(world.decision("web", "production", opens).action, Propose)


def moving_shop() -> World:
    """A tag that may move, whose images don't say when they were created: no policy keeps sights
    of these."""
    gate = GateRule("minimum-age", (("duration", timedelta(days=2)),))
    production = environment("production", gate, after=("staging",), automatic=True)
    artifacts = (artifact("tag", "stable"),)
    world = World((rule(environment("staging"), production, artifacts=artifacts),))
    world.registry("web", "stable@two")
    world.lands("web", "production", "stable@one", at=ago(days=9))
    world.lands("web", "staging", "stable@one", at=ago(days=9))
    world.lands("web", "staging", "stable@two", at=ago(hours=1))
    return world


def test_the_first_sight_that_an_age_counts_from_is_noted_and_found_again() -> None:
    world = moving_shop()
    plan = world.reconcile()
    assert [each.at for each in world.sightings] == [NOW]
    assert not plan.actions
    later = NOW + timedelta(hours=30)
    world.reconcile(later)
    assert [each.at for each in world.sightings] == [NOW], "once"
    assert world.decision("web", "production", later).action is None
    world.reconcile(NOW + timedelta(days=2))
    assert world.request("web", "production").state == "merged"


def test_a_ledger_that_can_not_be_read_hides_an_age() -> None:
    world = moving_shop()
    world.fails(SightingsOf, "no such host")
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.verdicts[0].why == "can't be evaluated: no such host"


def test_the_tests_of_staging_open_production() -> None:
    world = shop(UPSTREAM_TEST)
    commit = world.history["web", "staging"][-1].commit
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == (
        f"test not reported yet on {commit[:8]} of staging (checks: test of upstream)"
    )
    url = "https://ci.example.com/1"
    world.checks[commit] = (Check("test", "failure", "2 of 12", url),)
    blocked = world.decision("web", "production")
    assert blocked.state is State.BLOCKED
    told = decision_json(blocked)["gates"][0]
    assert (told["guards"], told["remedy"], told["opened_by"], told["seen_at"]) == (
        "open",
        url,
        "a new run of test",
        "2026-03-02T12:00:00Z",
    )
    world.checks[commit] = (Check("test", "success"),)
    assert isinstance(world.decision("web", "production").action, Propose)


def test_tests_that_fail_after_the_request_opened_keep_it_from_being_merged() -> None:
    world = shop(UPSTREAM_TEST)
    commit = world.history["web", "staging"][-1].commit
    world.checks[commit] = (Check("test", "success"),)
    world.carry_out(world.plan())
    assert isinstance(world.decision("web", "production").action, Merge)
    world.checks[commit] = (Check("test", "failure"),)
    decision = world.decision("web", "production")
    assert (decision.state, decision.action) == (State.BLOCKED, None)
    assert world.request("web", "production").state == "open"


def test_both_kinds_of_checks_stand_side_by_side() -> None:
    world = shop(UPSTREAM_TEST, GateRule("checks", (("name", "render"),)))
    world.checks[world.history["web", "staging"][-1].commit] = (Check("test", "success"),)
    world.carry_out(world.plan())
    head = world.request("web", "production").head
    decision = world.decision("web", "production")
    assert [(each.guards, each.judgement) for each in decision.verdicts] == [
        ("open", "pass"),
        ("merge", "wait"),
    ]
    world.checks[head] = (Check("render", "success"),)
    assert isinstance(world.decision("web", "production").action, Merge)


def test_with_open_early_the_request_is_a_draft_until_its_gates_pass() -> None:
    world = shop(UPSTREAM_TEST)
    (only,) = world.rules
    staging, production = only.environments
    early: tuple[EnvironmentRule, ...] = (staging, replace(production, open="early"))
    world.rules = (replace(only, environments=early),)
    world.carry_out(world.plan())
    assert world.request("web", "production").draft
    world.checks[world.history["web", "staging"][-1].commit] = (Check("test", "success"),)
    world.carry_out(world.plan())
    assert not world.request("web", "production").draft


def test_what_is_not_known_opens_nothing_and_tells_why() -> None:
    for gate, question in (
        (UPSTREAM_TEST, CommitChecksOf),
        (GateRule("minimum-age", (("duration", timedelta(days=2)),)), DetailsOf),
    ):
        world = shop(gate)
        world.fails(question, "502 Bad Gateway")
        decision = world.decision("web", "production")
        assert (decision.state, decision.action) == (State.WAITING, None)
        assert "can't be evaluated: 502 Bad Gateway" in decision.why
