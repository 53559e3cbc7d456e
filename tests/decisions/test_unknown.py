"""Unknown is not absent: what was seen before is not taken back, or let through, because somebody
does not answer now. Each was a bug once, found by asking that of each question in turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promoter.model.facts import CommitChecksOf, MergeRequestsOf, Question, TargetsOf, TipOf
from promoter.model.plan import Propose, State
from promoter.model.ports import Check
from promoter.model.rule import GateRule, Rule
from promoter.model.target import Target
from tests.decisions.rules import digest, environment, release, rule, soak
from tests.decisions.test_graph import PRODUCTION
from tests.decisions.test_hotfix import FIX
from tests.decisions.world import NOW, World, ago


def two_repositories(*gates: GateRule) -> World:
    """Staging, which gets 1.1.0 by a merge request, and production in a repository of its own."""
    production = environment("production", *gates, after=("staging",), repository=PRODUCTION)
    world = World((rule(environment("staging"), production),))
    world.registry("web", "1.0.0", "1.1.0")
    for each in ("staging", "production"):
        world.ran("web", each, "1.0.0")
    world.carry_out(world.plan())
    return world


def test_who_does_not_tell_when_it_merged_makes_no_soak_longer() -> None:
    """A fast-forward lands a commit that was made days before."""
    world = two_repositories(soak(hours=24))
    request = world.request("web", "staging")
    world.merge(request, ago(days=3))
    landed = world.history["web", "staging"][-1]
    world.history["web", "staging"][-1] = replace(landed, commit=request.head)
    world.change_request(request, ended_at=ago(hours=1))
    assert world.decision("web", "production").state is State.WAITING
    world.fails(MergeRequestsOf, "503", lambda q: q.repository != PRODUCTION)
    decision = world.decision("web", "production")
    assert (decision.state, decision.why, decision.action) == (State.UNKNOWN, "503", None)


def test_who_does_not_tell_what_was_promoted_hides_no_tag_that_moved() -> None:
    """Staging's manifests carry tags only: its merge request alone tells the digest."""
    world = two_repositories()
    world.merge(world.request("web", "staging"))
    landed = world.history["web", "staging"][-1]
    world.history["web", "staging"][-1] = replace(landed, release=release("web:1.1.0@"))
    world.tags["web"]["1.1.0"] = digest("another image")
    assert "moved since it was promoted" in world.decision("web", "production").why
    world.fails(MergeRequestsOf, "503", lambda q: q.repository != PRODUCTION)
    decision = world.decision("web", "production")
    assert (decision.state, decision.why, decision.action) == (State.UNKNOWN, "503", None)


class Shared(World):
    """Each application belongs to one rule of several over one repository."""

    def _targets(self, of: Rule) -> tuple[Target, ...]:
        owned = self.owners
        return tuple(each for each in super()._targets(of) if owned[each.application] == of.name)

    owners: dict[str, str]


def test_what_moved_to_a_rule_whose_targets_are_not_known_is_not_gone() -> None:
    one, other = (rule(environment("dev"), source=f"rules/{name}.yaml") for name in "ab")
    world = Shared((one, other))
    world.owners = {"web": "a", "api": "b"}
    for application in world.owners:
        world.registry(application, "1.0.0", "1.1.0")
        world.ran(application, "dev", "1.0.0")
    world.carry_out(world.plan())
    world.owners["web"] = "b"
    assert world.plan().orphans == ()
    world.fails(TargetsOf, "503", lambda q: q.rule.name == "b")
    assert world.plan().orphans == ()


@pytest.mark.parametrize("kind", [TipOf, MergeRequestsOf])
def test_what_fills_up_behind_a_hotfix_stays_as_it_is(kind: type[Question[object]]) -> None:
    """The fix went to production past staging, whose repository does not answer now: staging's
    merge request came from there, and keeps its record and its approvals."""
    staging = environment("staging", after=("dev",))
    production = environment("production", after=("staging",), repository=PRODUCTION)
    world = World((rule(environment("dev"), staging, production),))
    world.registry("web", "1.0.0", "1.1.0", "1.1.1")
    for each in ("dev", "staging", "production"):
        world.lands("web", each, "1.1.0", at=ago(days=9))
    world.asked_for = (FIX,)
    world.carry_out(world.plan())
    world.asked_for = ()
    world.merge(world.request("web", "production"), NOW)
    opened = world.decision("web", "staging").action
    assert isinstance(opened, Propose)
    assert opened.record.origin == "production"
    world.carry_out(world.plan())
    world.fails(kind, "503", lambda q: q.repository == PRODUCTION)
    decision = world.decision("web", "staging")
    assert (decision.state, decision.why, decision.action) == (State.UNKNOWN, "503", None)


def test_what_is_open_gives_way_to_nothing_older_because_a_gate_is_not_known() -> None:
    tested = GateRule("checks", (("name", "test"), ("of", "upstream")))
    world = World((rule(environment("dev"), environment("staging", tested, after=("dev",))),))
    world.registry("web", "1.2.0")
    world.ran("web", "staging", "1.0.0")
    for version in ("1.1.0", "1.2.0"):
        commit = world.lands("web", "dev", version, at=ago(hours=1))
        world.checks[commit] = (Check("test", "success"),)
    world.carry_out(world.plan())
    assert world.decision("web", "staging").offered == release("web:1.2.0")
    world.fails(CommitChecksOf, "503", lambda q: q.commit == commit)
    decision = world.decision("web", "staging")
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == "can't be evaluated: 503 (checks: test of upstream)"
    world.troubles.clear()
    world.checks[commit] = (Check("test", "failure"),)
    assert isinstance(world.decision("web", "staging").action, Propose), "1.1.0 is better than none"
