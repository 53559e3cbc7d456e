"""Holds and freezes: a target stays where it is, a release stays out, and everything says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from promoter.decisions.person import HOLD
from promoter.model.facts import HoldsOf, TagsOf
from promoter.model.ledger import Wish
from promoter.model.plan import Close, Decision, Disarm, Merge, Plan, Propose, State
from promoter.model.ports import Footing, Protection, Rights
from promoter.model.rule import EnvironmentRule
from tests.decisions.rules import artifact, chain, environment, release, rule, soak
from tests.decisions.world import NOW, World, ago

FREEZE = "by: ann\nreason: the sale\n"
UNTIL = datetime(2026, 3, 2, 18, tzinfo=UTC)
TIMED = f'{FREEZE}until: "2026-03-02T18:00:00Z"\n'
BAN = f"{FREEZE}release: 1.1.0\n"


def shop(*stages: EnvironmentRule, automatic: bool = False) -> World:
    """1.1.0 runs in dev; staging and production run 1.0.0."""
    stages = stages or chain("dev", "staging", "production", automatic=automatic)
    world = World((rule(*stages),))
    world.registry("web", "1.0.0", "1.1.0")
    for stage in stages:
        world.ran("web", stage.name, "1.0.0")
    world.lands("web", "dev", "1.1.0", at=ago(hours=1))
    return world


def proposed(automatic: bool = False) -> World:
    """The same, and 1.1.0 is proposed for staging."""
    world = shop(automatic=automatic)
    world.carry_out(world.plan())
    assert world.request("web", "staging").state == "open"
    return world


def hold_lines(decision: Decision) -> list[str]:
    return [each.why for each in decision.verdicts if each.gate == "hold"]


def nothing_is_done(plan: Plan) -> bool:
    return not plan.actions


class TestAFreeze:
    def test_keeps_everything_where_it_is(self) -> None:
        world = shop()
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        world.hold_files["_all.yaml"] = FREEZE
        plan = world.plan()
        assert nothing_is_done(plan)
        dev, staging, production = plan.decisions
        assert (dev.state, staging.state) == (State.BLOCKED, State.BLOCKED)
        assert dev.why == "held by ann: the sale (.promoter/holds/_all.yaml)"
        assert dev.offered == release("web:1.2.0"), "what would come is told"
        assert production.state is State.CURRENT
        assert production.why.startswith("runs 1.0.0, the newest that staging offers; held by ann")

    def test_says_who_why_and_how_it_ends(self) -> None:
        world = shop()
        world.hold_files["staging/web.yaml"] = TIMED
        decision = world.decision("web", "staging")
        (verdict,) = decision.verdicts
        assert decision.state is State.WAITING
        assert (verdict.gate, verdict.judgement, verdict.guards) == ("hold", "wait", "open")
        assert verdict.opens_at == UNTIL
        assert verdict.opened_by == "ann"
        assert verdict.remedy == "promoter release-hold web staging"
        assert dict(verdict.evidence) == {
            "by": "ann",
            "reason": "the sale",
            "until": "2026-03-02T18:00:00Z",
            "file": ".promoter/holds/staging/web.yaml",
        }

    def test_ends_at_the_very_second(self) -> None:
        world = shop()
        world.hold_files["staging/_all.yaml"] = TIMED
        before = UNTIL - timedelta(seconds=1)
        assert world.decision("web", "staging", before).state is State.WAITING
        ended = world.decision("web", "staging", UNTIL)
        assert isinstance(ended.action, Propose)
        assert not ended.holds.standing

    @pytest.mark.parametrize(
        ("path", "more", "held"),
        [
            ("staging/web.yaml", "", True),
            ("staging/api.yaml", "", False),
            ("production/web.yaml", "", False),
            ("sta*/w?b.yaml", "", True),
            ("Staging/web.yaml", "", False),
            ("x/y.yaml", 'application: "[vw]*"\nenvironment: [dev, staging]\n', True),
            ("staging/web.yaml", "environment: production\n", False),
        ],
    )
    def test_is_for_those_that_it_names(self, path: str, more: str, held: bool) -> None:
        world = shop()
        world.hold_files[path] = FREEZE + more
        assert (world.decision("web", "staging").action is None) is held

    def test_neither_updates_merges_nor_closes_what_is_open(self) -> None:
        world = proposed(automatic=True)
        request = world.request("web", "staging")
        assert isinstance(world.decision("web", "staging").action, Merge)
        world.hold_files["staging/web.yaml"] = FREEZE
        assert nothing_is_done(world.plan())
        world.lands("web", "dev", "1.0.0", at=ago(minutes=5))  # 1.1.0 was taken back upstream
        assert nothing_is_done(world.plan())
        world.lands("web", "dev", "1.2.0", at=ago(minutes=3))
        assert nothing_is_done(world.plan())
        del world.hold_files["staging/web.yaml"]
        action = world.decision("web", "staging").action
        assert isinstance(action, Propose)
        assert action.number == request.number

    def test_takes_what_is_armed_out_of_the_queue(self) -> None:
        world = proposed(automatic=True)
        world.change_request(world.request("web", "staging"), armed=True)
        assert world.decision("web", "staging").action is None
        world.hold_files["_all.yaml"] = TIMED
        action = world.decision("web", "staging").action
        assert isinstance(action, Disarm)
        assert action.reason.startswith("held by ann until 2026-03-02T18:00:00Z: the sale")
        world.fails(TagsOf)
        world.carry_out(world.plan())
        assert nothing_is_done(world.plan())

    def test_opens_no_draft_early(self) -> None:
        early = replace(environment("staging", after=("dev",)), open="early")
        world = shop(environment("dev"), early)
        world.hold_files["staging/web.yaml"] = TIMED
        assert nothing_is_done(world.plan())

    def test_stands_first_among_the_gates(self) -> None:
        world = shop(environment("dev"), environment("staging", soak(days=1), after=("dev",)))
        world.hold_files["staging/web.yaml"] = FREEZE
        decision = world.decision("web", "staging")
        assert [each.gate for each in decision.verdicts] == ["hold", "soak: 1d"]

    def test_keeps_a_request_whose_target_is_gone(self) -> None:
        world = proposed()
        del world.history["web", "staging"]
        world.hold_files["staging/_all.yaml"] = FREEZE
        assert nothing_is_done(world.plan())
        del world.hold_files["staging/_all.yaml"]
        (orphan,) = world.plan().orphans
        assert isinstance(orphan.action, Close)

    def test_answers_who_asks_for_a_release(self) -> None:
        world = shop()
        world.hold_files["dev/web.yaml"] = TIMED
        world.registry("web", "1.0.0", "1.1.0", "1.2.0")
        world.asked_for = (Wish("web", "dev", release("web:1.2.0"), NOW, "ci"),)
        world.only = frozenset({("web", "dev")})
        (answer,) = world.decision("web", "dev").requested
        assert answer.state is State.WAITING
        assert answer.why.startswith("held by ann until 2026-03-02T18:00:00Z: the sale (.promoter/")
        world.carry_out(world.plan())
        assert [each.by for each in world.wishes] == ["ci"], "it is not forgotten"


class TestABan:
    def test_lets_the_next_older_one_in(self) -> None:
        world = shop()
        world.lands("web", "dev", "1.2.0", at=ago(minutes=30))
        world.hold_files["staging/web.yaml"] = f"{FREEZE}release: 1.2.0\n"
        decision = world.decision("web", "staging")
        assert isinstance(decision.action, Propose)
        assert decision.offered == release("web:1.1.0")
        (passed,) = decision.passed_over
        assert passed.what == "1.2.0"
        assert passed.why == "1.2.0 is held off by ann: the sale (.promoter/holds/staging/web.yaml)"

    def test_lets_a_newer_one_in(self) -> None:
        world = shop()
        world.hold_files["staging/web.yaml"] = BAN
        blocked = world.decision("web", "staging")
        assert blocked.state is State.BLOCKED
        assert hold_lines(blocked) == ["1.1.0 is held off by ann: the sale"]
        (verdict,) = blocked.verdicts
        assert verdict.remedy == "promoter release-hold web staging --release 1.1.0"
        world.lands("web", "dev", "1.2.0", at=ago(minutes=30))
        assert world.decision("web", "staging").offered == release("web:1.2.0")

    def test_closes_the_request_that_brings_it(self) -> None:
        world = proposed(automatic=True)
        world.hold_files["staging/web.yaml"] = BAN
        action = world.decision("web", "staging").action
        assert isinstance(action, Close)
        assert action.reason == (
            "1.1.0 is not proposed any more: 1.1.0 is held off by ann: the sale"
            " (.promoter/holds/staging/web.yaml)"
        )
        world.carry_out(world.plan())
        del world.hold_files["staging/web.yaml"]
        assert isinstance(world.decision("web", "staging").action, Propose), "the ban has ended"

    def test_or_brings_another_one_by_it(self) -> None:
        world = proposed()
        number = world.request("web", "staging").number
        world.lands("web", "dev", "1.2.0", at=ago(minutes=30))
        world.hold_files["staging/web.yaml"] = BAN
        action = world.decision("web", "staging").action
        assert isinstance(action, Propose)
        assert (action.number, action.replaces) == (number, release("web:1.1.0"))

    def test_takes_it_out_of_the_queue_first(self) -> None:
        world = proposed(automatic=True)
        world.change_request(world.request("web", "staging"), armed=True)
        world.hold_files["staging/web.yaml"] = BAN
        assert isinstance(world.decision("web", "staging").action, Disarm)

    def test_lets_a_policy_choose_another_tag(self) -> None:
        world = shop()
        world.registry("web", "1.1.0", "1.1.1", "1.2.0", "1.3.0")
        image, file = "ghcr.io/shop/web:1.3.0", ".promoter/holds/dev/web.yaml"
        world.hold_files["dev/web.yaml"] = (
            f"{FREEZE}release: 1.2.0\n---\n{FREEZE}release: {image}\n"
        )
        decision = world.decision("web", "dev")
        assert decision.offered == release("web:1.1.1")
        whys = {each.what: each.why for each in decision.selections[0].passed_over}
        assert whys["1.2.0"] == f"1.2.0 is held off by ann: the sale ({file})"
        assert whys["1.3.0"] == f"{image} is held off by ann: the sale ({file})"

    def test_of_a_tag_ends_the_request_in_the_first_environment(self) -> None:
        world = shop()
        world.registry("web", "1.1.0", "1.2.0")
        world.carry_out(world.plan())
        assert world.request("web", "dev").state == "open"
        world.hold_files["dev/web.yaml"] = f"{FREEZE}release: 1.2.0\n"
        action = world.decision("web", "dev").action
        assert isinstance(action, Close)
        assert "1.2.0 is held off by ann" in action.reason
        world.registry("web", "1.1.0", "1.1.5", "1.2.0")
        changed = world.decision("web", "dev")
        assert isinstance(changed.action, Propose)
        assert changed.offered == release("web:1.1.5")

    def test_is_no_end_of_a_wish(self) -> None:
        """Whoever asked for it has it once the ban is over."""
        world = shop()
        world.registry("web", "1.1.0", "2.0.0")
        world.rules = (rule(*world.rules[0].environments, artifacts=(artifact(argument="1.x"),)),)
        world.hold_files["dev/web.yaml"] = f"{TIMED}release: 2.0.0\n"
        world.asked_for = (Wish("web", "dev", release("web:2.0.0"), NOW, "ci"),)
        world.only = frozenset({("web", "dev")})
        (answer,) = world.decision("web", "dev").requested
        assert (answer.state, answer.superseded_by) == (State.WAITING, None)
        world.carry_out(world.plan())
        world.asked_for = ()
        assert world.decision("web", "dev", UNTIL).offered == release("web:2.0.0")

    @pytest.mark.parametrize("named", ["label", "id", "tag", "digest", "both", "of a list"])
    def test_is_known_by_every_name(self, named: str) -> None:
        world = shop()
        banned = release("web:1.1.0")
        (image,) = banned.artifacts
        texts = {
            "label": "1.1.0",
            "id": f'"{banned.id}"',
            "tag": "ghcr.io/shop/web:1.1.0",
            "digest": f"ghcr.io/shop/web@{image.digest}",
            "both": image.normal,
            "of a list": "[0.9.0, 1.1.0]",
        }
        world.hold_files["staging/web.yaml"] = f"{FREEZE}release: {texts[named]}\n"
        assert world.decision("web", "staging").state is State.BLOCKED
        world.hold_files["staging/web.yaml"] = f"{FREEZE}release: ghcr.io/shop/api:1.1.0\n"
        assert world.decision("web", "staging").state is State.PROPOSED

    def test_turns_nothing_back(self) -> None:
        """What runs there goes on to run: a rollback is a person's."""
        world = shop()
        world.hold_files["dev/web.yaml"] = BAN
        decision = world.decision("web", "dev")
        assert decision.action is None
        assert decision.running == release("web:1.1.0")
        assert [each.releases for each in decision.holds.standing] == [("1.1.0",)]


class TestAFileThatCantBeRead:
    def test_holds_what_it_names_and_says_where(self) -> None:
        world = shop()
        world.lands("api", "dev", "1.0.0", at=ago(days=2))
        world.lands("api", "staging", "1.0.0", at=ago(days=2))
        world.lands("api", "dev", "1.1.0", at=ago(hours=2))
        world.registry("api", "1.0.0", "1.1.0")
        world.hold_files["staging/web.yaml"] = "by: ann\nreasen: x\n"
        held = world.decision("web", "staging")
        assert (held.state, held.trouble, held.action) == (State.BLOCKED, "input", None)
        assert held.why == (
            "held by a file that can't be read: .promoter/holds/staging/web.yaml:1:1: reason: is"
            " missing (why it is held) (and 1 more)"
        )
        (verdict,) = held.verdicts
        assert verdict.remedy == "mend or delete .promoter/holds/staging/web.yaml on the branch"
        assert isinstance(world.decision("api", "staging").action, Propose)

    def test_is_told_also_where_nothing_wants_to_enter(self) -> None:
        world = shop()
        world.hold_files["production/_all.yaml"] = "["
        decision = world.decision("web", "production")
        assert (decision.state, decision.trouble) == (State.CURRENT, "input")
        assert "held by a file that can't be read" in decision.why


def test_holds_that_nobody_can_tell_mean_wait() -> None:
    world = shop()
    world.fails(HoldsOf, "the repository does not answer")
    plan = world.plan()
    assert nothing_is_done(plan)
    assert {each.state for each in plan.decisions} == {State.UNKNOWN}
    assert {each.why for each in plan.decisions} == {"the repository does not answer"}


def test_they_are_asked_for_once_a_commit() -> None:
    world = shop()
    world.plan()
    assert sum(isinstance(each, HoldsOf) for each in world.asked) == 1


def test_the_status_says_held_and_flips_back() -> None:
    world = shop()
    world.footing = Footing(Rights("bot", publish=True), Protection(True, 0, ("promoter",)))

    def said(now: datetime = NOW) -> tuple[str, str]:
        world.carry_out(world.plan(now), now)
        told = world.published[world.request("web", "staging").branch, ""]
        return told.state, told.text

    world.carry_out(world.plan())
    assert said() == ("success", "all gates pass for 1.1.0")
    world.hold_files["staging/web.yaml"] = TIMED
    assert said() == ("failure", "held by ann until 2026-03-02T18:00:00Z: the sale")
    world.fails(TagsOf)
    assert said()[0] == "failure", "whatever does not answer, it is held"
    assert said(UNTIL) == ("success", "all gates pass for 1.1.0")


def test_the_label_goes_on_to_act() -> None:
    world = proposed(automatic=True)
    world.change_request(world.request("web", "staging"), labels=(HOLD,))
    world.hold_files["staging/web.yaml"] = BAN
    assert world.decision("web", "staging").action is None, "it is not even closed"
