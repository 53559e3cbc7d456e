"""One broken rule, target or answer never stops the others; orphans; rivals."""

from __future__ import annotations

from dataclasses import replace

from promoter.model.facts import BranchOf, TagsOf, TipOf, Unknown
from promoter.model.plan import Plan, State
from promoter.model.rule import Rule, Select
from promoter.model.target import Problem
from tests.decisions.rules import MANIFESTS, artifact, chain, environment, rule
from tests.decisions.world import World, ago


def states(plan: Plan) -> dict[tuple[str, str], State]:
    return {(d.target.application, d.target.environment): d.state for d in plan.decisions}


def two_applications() -> World:
    world = World((rule(environment("dev")),))
    for each in ("web", "api"):
        world.registry(each, "1.1.0")
        world.ran(each, "dev", "1.0.0")
    return world


def test_a_registry_that_fails_for_one_image_stops_only_that_one() -> None:
    world = two_applications()
    world.fails(TagsOf, "429 Too Many Requests", lambda q: q.name.short == "web")
    assert states(world.plan()) == {
        ("api", "dev"): State.PROPOSED,
        ("web", "dev"): State.UNKNOWN,
    }


def test_an_unknown_answer_keeps_who_can_mend_it() -> None:
    world = two_applications()
    world.troubles.append((lambda q: isinstance(q, TagsOf), Unknown("wrong password", "input")))
    decision = world.decision("web", "dev")
    assert (decision.state, decision.why, decision.trouble) == (
        State.UNKNOWN,
        "wrong password",
        "input",
    )


def test_a_repository_that_does_not_answer_is_a_trouble_of_its_rule_only() -> None:
    world = two_applications()
    other = replace(
        rule(environment("dev"), source="rules/other.yaml"),
        repository=replace(MANIFESTS, url="https://git.example.com/other.git"),
    )
    world.rules = (other, *world.rules)
    world.fails(TipOf, "does not answer", lambda q: "other" in q.repository.url)
    plan = world.plan()
    assert [str(each) for each in plan.troubles] == ["rules/other.yaml: does not answer"]
    assert set(states(plan).values()) == {State.PROPOSED}


def test_a_bug_in_one_decision_never_stops_the_others() -> None:
    """The rule is beyond what any reader of rule files lets through."""
    world = two_applications()
    worse = replace(artifact(short="api"), select=Select("tea-leaves", "oolong"))
    world.rules = (rule(environment("dev"), artifacts=(worse, artifact(short="web"))),)
    plan = world.plan()
    assert states(plan)["web", "dev"] is State.PROPOSED
    api = next(each for each in plan.decisions if each.target.application == "api")
    assert (api.state, api.trouble, api.action) == (State.UNKNOWN, "bug", None)
    assert api.why.startswith("a bug in promoter: KeyError at situation.py:")


def test_two_rules_that_claim_one_target_are_both_blocked_with_both_names() -> None:
    world = two_applications()
    mine, rival = (
        rule(environment("dev"), source="rules/a.yaml"),
        rule(environment("dev"), source="rules/b.yaml"),
    )
    world.rules = (mine, rival)
    plan = world.plan()
    assert plan.actions == ()
    assert {each.why for each in plan.decisions} == {
        "claimed by rules/a.yaml and rules/b.yaml; leave it to one rule"
    }
    assert {each.trouble for each in plan.decisions} == {"input"}


def test_an_artifact_that_can_name_no_image_is_an_error_of_that_target() -> None:
    world = World((rule(environment("dev"), artifacts=(artifact(short="{application}"),)),))
    world.lands("Web", "dev", "x:1.0.0", at=ago(days=1))
    decision = world.decision("Web", "dev")
    assert (decision.state, decision.trouble) == (State.BLOCKED, "input")
    assert "is not an image name" in decision.why


def left_behind(which: Rule | None = None) -> World:
    """A request is open for web in test, and web has left test."""
    world = World((which or rule(*chain("dev"), environment("test")),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.1.0")
    world.ran("web", "test", "1.0.0")
    world.carry_out(world.plan())
    del world.history["web", "test"]
    return world


def test_a_request_whose_target_is_gone_is_closed_with_the_reason() -> None:
    world = left_behind()
    (orphan,) = world.plan().orphans
    assert (orphan.action.number, orphan.action.branch, orphan.action.reason) == (
        1,
        "promoter/test/web",
        "web has no target in test any more",
    )
    world.carry_out(world.plan())
    assert world.plan().actions == ()


def test_where_the_layout_has_problems_nothing_is_known_to_be_gone() -> None:
    world = left_behind()
    world.layout_problems = (Problem("test has no target"),)
    plan = world.plan()
    assert plan.orphans == ()
    assert [each.why for each in plan.troubles] == ["test has no target"]


def test_another_rule_does_not_close_it() -> None:
    world = left_behind()
    world.rules = (rule(*chain("dev"), environment("test"), source="rules/other.yaml"),)
    assert world.plan().orphans == ()


def test_of_two_rules_with_one_name_neither_closes_what_may_be_the_others() -> None:
    world = left_behind()
    (mine,) = world.rules
    world.rules = (mine, rule(environment("qa"), source="more/shop.yaml"))
    assert world.plan().orphans == ()


def test_a_target_that_went_to_another_rule_keeps_its_request() -> None:
    world = World((rule(*chain("dev", "test"), source="rules/old.yaml"),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.1.0")
    world.ran("web", "test", "1.0.0")
    world.carry_out(world.plan())
    old = rule(*chain("dev"), source="rules/old.yaml")
    new = rule(environment("test"), source="rules/new.yaml")
    world.rules = (old, new)
    plan = world.plan()
    assert plan.orphans == ()
    world.carry_out(plan)
    assert [(each.state, "Promoter-Rule: new" in each.body) for each in world.requests] == [
        ("open", True)
    ]


def test_an_orphan_that_a_person_pushed_to_is_left_alone() -> None:
    world = left_behind()
    world.push("promoter/test/web")
    assert world.plan().orphans == ()


def test_an_orphan_whose_branch_is_unknown_waits() -> None:
    world = left_behind()
    world.fails(BranchOf, "no answer", lambda q: q.name == "promoter/test/web")
    plan = world.plan()
    assert plan.orphans == ()
    assert states(plan) == {("web", "dev"): State.CURRENT}


def test_requests_of_people_are_nobodys_orphans() -> None:
    world = left_behind()
    request = world.requests[0]
    world.change_request(request, body="I made this by hand")
    assert world.plan().orphans == ()


def test_two_spellings_of_one_repository_are_one_repository() -> None:
    world = two_applications()
    mine = rule(environment("dev"), source="rules/a.yaml")
    address = replace(mine.repository, url=f"{mine.repository.url}/")
    world.rules = (mine, replace(mine, source="rules/b.yaml", repository=address))
    plan = world.plan()
    assert plan.actions == ()
    assert {each.state for each in plan.decisions} == {State.BLOCKED}


def test_a_site_that_two_targets_claim_blocks_both_with_its_place() -> None:
    """One folder under two names: each rule would undo what the other wrote."""
    world = World((rule(environment("dev"), environment("test")),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    world.ran("web", "test", "1.0.0")
    world.paths["web", "test"] = "apps/web/dev"
    plan = world.plan()
    assert plan.actions == ()
    place = "ghcr.io/shop/web at apps/web/dev/kustomization.yaml#/images/0"
    assert {each.why for each in plan.decisions} == {
        f"{place} is claimed by web in {other} of rules/shop.yaml as well"
        for other in ("dev", "test")
    }
