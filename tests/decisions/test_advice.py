"""How the bot stands in a repository: enforced, advisory or contradictory, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from promoter.decisions.advice import advise
from promoter.model.plan import Advice
from promoter.model.ports import Footing, Protection, Rights
from promoter.model.rule import EnvironmentRule, GateRule, RepositoryAddress, Rule
from tests.decisions.rules import approvals, environment, rule, soak

RIGHTS = Rights("shop-bot", True, True, True, True, True, False, True)
PROTECTED = Protection(True, 2, ("promoter",), stale_approvals=False)
FINE = Footing(RIGHTS, PROTECTED)
UNSEEN = Footing(Rights("shop-bot"), Protection())
BUILDS = GateRule("checks", (("name", "build"),))
TESTED_UPSTREAM = GateRule("checks", (("name", "build"), ("of", "upstream")))


def rules(*environments: EnvironmentRule, forge: str = "github") -> tuple[Rule, ...]:
    address = RepositoryAddress("https://git.example.com/manifests.git", "main", forge)
    return (replace(rule(*environments), repository=address),)


def footing(start: Footing = FINE, /, **changes: Any) -> Footing:
    """The footing with these rights, or these of the protection, changed."""
    rights, protection = start.rights, start.protection
    for name, value in changes.items():
        if hasattr(rights, name):
            rights = replace(rights, **{name: value})
        else:
            protection = replace(protection, **{name: value})
    return replace(start, rights=rights, protection=protection)


def given(rules: Sequence[Rule], base: str, at: Footing) -> Advice:
    """The advice for the repository that they all name."""
    return advise(rules, rules[0].repository, base, at)


def stance(one: EnvironmentRule, at: Footing, forge: str = "github") -> tuple[str, str]:
    (found,) = given(rules(one, forge=forge), "main", at).stances
    return found.standing, found.why


def lines(advice: Advice) -> Sequence[str]:
    return (*advice.problems, *advice.warnings)


PLAIN = environment("dev")
AUTOMATIC = environment("dev", automatic=True)
SOAKED = environment("staging", soak(hours=1))
SOAKED_AUTOMATIC = environment("staging", soak(hours=1), automatic=True)
APPROVED = environment("production", approvals(2))
APPROVED_AUTOMATIC = environment("production", approvals(2), automatic=True)
GUARDED = environment("production", soak(hours=1), approvals(2), automatic=True)
CHECKED = environment("production", BUILDS)
TESTED = environment("production", TESTED_UPSTREAM)

OPEN = footing(is_on=False, approvals=0, checks=())
NO_APPROVALS = footing(approvals=0)


class TestTheTable:
    """Each row of docs/doctor.md."""

    @pytest.mark.parametrize(
        ("one", "at", "standing"),
        [
            # The forge stands behind every gate.
            (SOAKED, FINE, "enforced"),
            (APPROVED, FINE, "enforced"),
            (APPROVED_AUTOMATIC, FINE, "enforced"),
            (GUARDED, FINE, "enforced"),
            (SOAKED_AUTOMATIC, NO_APPROVALS, "enforced"),
            (APPROVED, footing(approvals=3), "enforced"),
            (APPROVED, footing(checks=()), "enforced"),
            # No gate: people, or nothing to get past.
            (PLAIN, footing(approvals=0, checks=()), "enforced"),
            (PLAIN, footing(bypass=True), "advisory"),
            (PLAIN, OPEN, "advisory"),
            (AUTOMATIC, OPEN, "enforced"),
            (AUTOMATIC, NO_APPROVALS, "enforced"),
            (AUTOMATIC, footing(approvals=0, bypass=True), "enforced"),
            # A hole.
            (SOAKED, OPEN, "advisory"),
            (APPROVED, OPEN, "advisory"),
            (APPROVED_AUTOMATIC, OPEN, "advisory"),
            (SOAKED, footing(bypass=True), "advisory"),
            (SOAKED, footing(checks=("build",)), "advisory"),
            (APPROVED, footing(approvals=1), "advisory"),
            (APPROVED, footing(stale_approvals=True), "advisory"),
            (GUARDED, footing(own_approvals=True), "advisory"),
            (SOAKED, footing(stale_approvals=True, own_approvals=True), "enforced"),
            (GUARDED, footing(approvals=1), "advisory"),
            (GUARDED, footing(checks=()), "advisory"),
            # Rule and forge can't both be satisfied.
            (AUTOMATIC, FINE, "contradictory"),
            (SOAKED_AUTOMATIC, FINE, "contradictory"),
            (AUTOMATIC, footing(is_on=False), "contradictory"),
            (AUTOMATIC, footing(bypass=True), "contradictory"),
            (CHECKED, footing(starts_pipelines=False), "contradictory"),
            # What ran upstream needs no pipeline of the request.
            (TESTED, footing(starts_pipelines=False), "enforced"),
            (PLAIN, footing(checks=("build",), starts_pipelines=False), "contradictory"),
            (SOAKED, footing(publish=False), "contradictory"),
            (PLAIN, footing(publish=False), "contradictory"),
            # The bot's own status waits for nobody's pipeline, and a person gives approvals.
            (SOAKED, footing(starts_pipelines=False), "enforced"),
            (APPROVED, footing(publish=False, checks=()), "enforced"),
            (PLAIN, FINE, "enforced"),
        ],
    )
    def test_of_what_is_known(self, one: EnvironmentRule, at: Footing, standing: str) -> None:
        assert stance(one, at)[0] == standing

    @pytest.mark.parametrize("one", [PLAIN, SOAKED, APPROVED, GUARDED, CHECKED, AUTOMATIC])
    def test_what_can_not_be_seen_is_never_enforced(self, one: EnvironmentRule) -> None:
        standing, why = stance(one, UNSEEN)
        assert standing == "advisory"
        assert why.startswith("can't see ")
        assert "'Administration: read' shows it" in why

    @pytest.mark.parametrize(
        ("one", "missing", "told"),
        [
            (SOAKED, "is_on", "whether main is protected"),
            (SOAKED, "bypass", "whether the bot may bypass"),
            (SOAKED, "checks", "which checks main requires"),
            (APPROVED, "approvals", "how many approvals main requires"),
            (APPROVED, "stale_approvals", "whether approvals of a former head still count"),
            (AUTOMATIC, "approvals", "how many approvals main requires"),
            (SOAKED, "publish", "whether the bot may publish it"),
        ],
    )
    def test_one_thing_that_can_not_be_seen_is_the_one_that_is_told(
        self, one: EnvironmentRule, missing: str, told: str
    ) -> None:
        standing, why = stance(one, footing(**{missing: None}))
        assert standing == "advisory"
        assert told in why
        assert why.count("whether") + why.count("which checks") + why.count("how many") == 1

    def test_a_token_of_which_nobody_knows_whether_it_starts_pipelines(self) -> None:
        assert stance(SOAKED, footing(starts_pipelines=None))[0] == "enforced"
        standing, why = stance(SOAKED, footing(starts_pipelines=None, checks=("promoter", "build")))
        assert standing == "advisory"
        assert "start workflows, which the required check `build` may wait for" in why


class TestGitLab:
    """There the pipeline must succeed, and the bot's status is a part of it."""

    BASE = footing(checks=("pipeline",))

    @pytest.mark.parametrize(
        ("one", "at", "standing"),
        [
            # Whoever starts another pipeline has one without the bot's status.
            (SOAKED, BASE, "advisory"),
            (GUARDED, BASE, "advisory"),
            (APPROVED, BASE, "enforced"),
            (SOAKED, footing(checks=()), "advisory"),
            # Nothing is missing from a pipeline into which the bot may not speak.
            (SOAKED, footing(BASE, publish=False), "advisory"),
            (SOAKED, footing(BASE, publish=None), "advisory"),
            (PLAIN, footing(BASE, publish=False), "enforced"),
            (PLAIN, footing(BASE, publish=None), "enforced"),
            # The bot's status makes a pipeline where nothing else does.
            (PLAIN, footing(BASE, starts_pipelines=False), "enforced"),
            (SOAKED, footing(BASE, starts_pipelines=False, publish=False), "contradictory"),
        ],
    )
    def test_the_pipeline_carries_the_status(
        self, one: EnvironmentRule, at: Footing, standing: str
    ) -> None:
        assert stance(one, at, "gitlab")[0] == standing

    def test_elsewhere_a_check_of_that_name_is_a_check(self) -> None:
        assert stance(SOAKED, self.BASE, "github")[0] == "advisory"

    def test_another_pipeline_is_a_hole_and_who_may_merge_closes_it(self) -> None:
        assert stance(GUARDED, self.BASE, "gitlab")[1] == (
            "a new pipeline lacks the status `promoter` until the bot looks again, so that whoever"
            " may start one and merge gets past `soak: 1h`: keep 'Allowed to merge' of main to"
            " those who may decide that (Settings > Repository > Protected branches)"
        )

    def test_only_what_is_missing_is_asked_for(self) -> None:
        _, why = stance(SOAKED, footing(self.BASE, publish=False), "gitlab")
        assert why == (
            "`promoter` is no required check, so that whoever may merge gets past `soak: 1h`:"
            " give its token the scope `api` and the role Developer"
        )


class TestSentences:
    def test_a_hole_comes_with_what_closes_it(self) -> None:
        _, why = stance(GUARDED, footing(approvals=1, checks=("build",)))
        assert why == (
            "main requires 1 approval, so that whoever may merge gets past `approvals: 2`: set"
            " 'Required approvals' of main to 2; `promoter` is no required check, so that whoever"
            " may merge gets past `soak: 1h`: make the status `promoter` a required check of main"
            " ('Require status checks to pass')"
        )

    @pytest.mark.parametrize(
        ("changed", "forge", "told"),
        [
            (
                "stale_approvals",
                "github",
                (
                    "main goes on counting approvals after a push, so that whoever may push and"
                    " merge gets past `approvals: 2`: tick 'Dismiss stale pull request approvals"
                    " when new commits are pushed' for main"
                ),
            ),
            (
                "own_approvals",
                "gitlab",
                (
                    "main counts the approval of who opened a merge request, so that one who may"
                    " merge gets past `approvals: 2` with one of their own: in Settings > Merge"
                    " requests, tick 'Prevent approval by merge request creator'"
                ),
            ),
        ],
    )
    def test_approvals_that_count_where_they_should_not(
        self, changed: str, forge: str, told: str
    ) -> None:
        assert stance(APPROVED, footing(**{changed: True}), forge) == ("advisory", told)

    def test_an_open_branch_is_one_hole_with_all_that_closes_it(self) -> None:
        _, why = stance(GUARDED, OPEN, "gitlab")
        assert why == (
            "main takes pushes without a request, so that whoever may push gets past `soak: 1h`"
            " and `approvals: 2`: in Settings > Repository > Protected branches, protect main with"
            " 'Allowed to push and merge' set to 'No one', in Settings > Merge requests, add an"
            " approval rule for main with 2 required approvals (GitLab Premium) and turn on"
            " 'Pipelines must succeed' in Settings > Merge requests, so that the status `promoter`"
            " is a required check of main"
        )

    def test_a_forge_without_settings_is_given_no_orders(self) -> None:
        _, why = stance(GUARDED, OPEN, "local")
        assert why == (
            "main takes pushes without a request, so that whoever may push gets past `soak: 1h`"
            " and `approvals: 2`: this forge can't protect a branch, so keep who may push few, or"
            " use another forge"
        )

    def test_what_stands_behind_the_gates(self) -> None:
        assert stance(GUARDED, footing(approvals=3))[1] == (
            "main requires 3 approvals (1 more than the rule) and the status `promoter` for"
            " `soak: 1h`"
        )

    def test_approvals_that_nobody_knows_they_are_waited_for(self) -> None:
        _, why = stance(AUTOMATIC, FINE)
        assert why.startswith("main requires 2 approvals, which the rule does not say: the bot")
        assert "add `approvals: 2` to `require`" in why

    def test_every_contradiction_is_told(self) -> None:
        at = footing(checks=("promoter", "build"), starts_pipelines=False, publish=False)
        _, why = stance(AUTOMATIC, at)
        for part in ("requires 2 approvals", "start no workflows", "the bot can't publish it"):
            assert part in why

    @pytest.mark.parametrize("forge", ["github", "gitlab", "local"])
    def test_no_brace_is_left_in_any_forge_s_words(self, forge: str) -> None:
        denied = Footing(
            Rights("shop-bot", False, False, False, False, False, True, False),
            Protection(True, 1, ("promoter", "build"), stale_approvals=True, own_approvals=True),
        )
        for at in (denied, replace(denied, protection=OPEN.protection), UNSEEN):
            advice = given(rules(PLAIN, AUTOMATIC, GUARDED, CHECKED, forge=forge), "main", at)
            for text in (*lines(advice), *(each.why for each in advice.stances)):
                assert "{" not in text
                assert "\n" not in text
                assert not text.endswith((":", " ", ";"))


class TestProblems:
    def test_none_where_all_is_well(self) -> None:
        advice = given(rules(SOAKED, APPROVED, GUARDED), "main", FINE)
        assert lines(advice) == ()
        assert {each.standing for each in advice.stances} == {"enforced"}
        assert [(each.rule, each.environment) for each in advice.stances] == [
            ("rules/shop.yaml", "staging"),
            ("rules/shop.yaml", "production"),
            ("rules/shop.yaml", "production"),
        ]

    @pytest.mark.parametrize(
        ("right", "told"),
        [
            ("push", "shop-bot may not push branches: give its token the permission 'Contents:"),
            ("open", "shop-bot may not open merge requests: give its token the permission 'Pull"),
            (
                "merge",
                "shop-bot may not merge into main, and production has `merge: automatic`: give",
            ),
            ("see_approvals", "shop-bot can't see approvals, which production waits for: give"),
        ],
    )
    def test_a_right_that_is_missing(self, right: str, told: str) -> None:
        advice = given(rules(SOAKED, GUARDED), "main", footing(**{right: False}))
        (problem,) = advice.problems
        assert problem.startswith(told)
        assert advice.warnings == ()

    def test_only_a_right_that_some_rule_needs(self) -> None:
        at = footing(merge=False, see_approvals=False)
        assert given(rules(SOAKED), "main", at).problems == ()

    def test_environments_of_several_rules_are_named_once(self) -> None:
        (one,) = rules(GUARDED)
        other = replace(one, source="rules/other.yaml")
        advice = given((one, other), "main", footing(merge=False))
        assert "and production has `merge: automatic`" in advice.problems[0]
        assert [each.rule for each in advice.stances] == ["rules/shop.yaml", "rules/other.yaml"]


class TestWarnings:
    def test_a_bot_that_may_bypass(self) -> None:
        (warning,) = given(rules(SOAKED), "main", footing(bypass=True)).warnings
        assert warning.startswith("shop-bot may bypass the protection of main, and a bot should")
        assert "bypass list" in warning

    @pytest.mark.parametrize(
        ("one", "checks", "told"),
        [
            (SOAKED, ("promoter",), "; no required check and no gate waits for one"),
            (SOAKED, ("promoter", "build"), ", so that staging waits for ever: give the bot a"),
            (CHECKED, ("promoter",), ", so that production waits for ever: give the bot a"),
            (SOAKED, None, ", and can't see whether main requires checks that would come of one:"),
        ],
    )
    def test_a_token_that_starts_no_workflow_and_what_that_means(
        self, one: EnvironmentRule, checks: tuple[str, ...] | None, told: str
    ) -> None:
        at = footing(starts_pipelines=False, checks=checks)
        (warning,) = given(rules(one), "main", at).warnings
        assert warning.startswith(f"merge requests opened with this token start no workflows{told}")

    def test_a_status_that_can_not_be_published_where_there_is_a_use_in_it(self) -> None:
        at = footing(publish=False, checks=())
        (warning,) = given(rules(SOAKED), "main", at).warnings
        assert "can't publish its status `promoter`" in warning
        assert given(rules(SOAKED), "main", replace(at, statuses=False)).warnings == ()

    def test_rights_that_can_not_be_told(self) -> None:
        (warning,) = given(rules(SOAKED), "main", footing(push=None, merge=None)).warnings
        assert warning.startswith("can't tell whether shop-bot may push branches: a token with")
        (warning,) = given(rules(GUARDED), "main", footing(push=None, merge=None)).warnings
        assert "may push branches or merge into main" in warning

    def test_are_told_in_the_forge_s_own_words_where_it_says_why(self) -> None:
        at = replace(UNSEEN, problems=("the protection of main is hidden: give more",))
        assert given(rules(GUARDED), "main", at).warnings == at.problems
