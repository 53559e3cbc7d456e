"""How the bot stands in a project of a GitLab."""

from __future__ import annotations

from typing import Any

import pytest

from promoter.model.ports import Footing, Protection, Rights
from tests.forges.gitlab_shop import Shop
from tests.services.git_server import git
from tests.services.gitlab import views
from tests.services.gitlab.nouns import DEVELOPER, MAINTAINER, MergeMethod, Rule, Token
from tests.services.gitlab.nouns import Protection as Guard

BOT = "project_7_bot_0a1b"


def footing(shop: Shop, base: str = "main") -> Footing:
    return shop.forge().footing(base)


def test_a_developer_where_developers_may_merge_stands_well(shop: Shop) -> None:
    found = footing(shop)

    assert found == Footing(
        Rights(
            BOT,
            push=True,
            open=True,
            merge=True,
            see_approvals=True,
            publish=True,
            bypass=False,
            starts_pipelines=True,
        ),
        Protection(is_on=None, approvals=0, checks=()),
    )
    assert found.problems == ()


@pytest.fixture
def maintained(shop: Shop) -> Shop:
    """GitLab tells maintainers only who may push, and what becomes of approvals."""
    shop.project.members[shop.people["bot"].id] = MAINTAINER
    shop.project.protections["main"].push = 0
    return shop


def test_a_maintainer_sees_that_nobody_may_push(maintained: Shop) -> None:
    found = footing(maintained)

    assert (found.protection.is_on, found.rights.bypass) == (True, False)


@pytest.mark.parametrize("least", [MAINTAINER, DEVELOPER])
def test_where_people_may_push_nobody_needs_a_request(maintained: Shop, least: int) -> None:
    """Maintainers may by default."""
    maintained.project.protections["main"].push = least

    assert footing(maintained).protection.is_on is False


@pytest.mark.parametrize(("who", "is_on"), [("ben", False), ("bot", True)])
def test_who_may_push_besides(maintained: Shop, who: str, is_on: bool) -> None:
    """That the bot may is told as what it is: it may bypass the protection."""
    maintained.project.protections["main"].pushers = (maintained.people[who],)

    found = footing(maintained)

    assert (found.protection.is_on, found.rights.bypass) == (is_on, is_on)


def test_a_branch_is_protected_by_a_pattern_as_well(maintained: Shop) -> None:
    project = maintained.project
    project.protections = {"ma*": project.protections["main"], "other": Guard()}
    project.protections["ma*"].merge = MAINTAINER

    found = footing(maintained)

    assert (found.protection.is_on, found.rights.merge) == (True, True)


@pytest.mark.parametrize(("resets", "authors"), [(True, False), (False, True)])
def test_whose_approvals_count_when(maintained: Shop, resets: bool, authors: bool) -> None:
    maintained.project.reset_approvals_on_push = resets
    maintained.project.authors_may_approve = authors

    protection = footing(maintained).protection

    assert (protection.stale_approvals, protection.own_approvals) == (not resets, authors)


def test_a_developer_is_not_told_whether_old_approvals_count(shop: Shop) -> None:
    assert footing(shop).protection.stale_approvals is None


def test_what_was_seen_holds_for_five_minutes(shop: Shop) -> None:
    forge = shop.forge()
    forge.footing("main")
    assert shop.calls_of(lambda: forge.footing("main")) == []
    shop.project.pipeline_must_succeed = True

    shop.seconds += 301

    assert forge.footing("main").protection.checks == ("pipeline",)


def test_what_the_project_insists_on(shop: Shop) -> None:
    shop.project.rules += [Rule(1, "all", 2), Rule(2, "owners", 1, (shop.people["ann"],))]
    shop.project.pipeline_must_succeed = True
    shop.project.trains = True

    assert footing(shop).protection == Protection(
        is_on=None, approvals=2, checks=("pipeline",), queue=True
    )


@pytest.mark.parametrize("method", ["ff", "rebase_merge"])
def test_a_linear_project_wants_requests_up_to_date(shop: Shop, method: MergeMethod) -> None:
    shop.project.merge_method = method

    assert footing(shop).protection.up_to_date


def test_the_free_edition_insists_on_no_approval(shop: Shop) -> None:
    shop.project.premium = False
    shop.project.rules.append(Rule(1, "all", 2))

    assert footing(shop).protection == Protection(is_on=None, approvals=0, checks=())


def test_rules_that_are_hidden_are_not_taken_for_none(shop: Shop) -> None:
    shop.gitlab.fail_once("GET", "/approval_rules$", status=403)

    found = footing(shop)

    assert found.protection.approvals is None
    assert "approval rules" in found.problems[0]


def test_a_rule_counts_where_it_is_about_the_base(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.project.rules += [Rule(1, "one", 1), Rule(2, "two", 2), Rule(3, "three", 3)]
    about: dict[int, dict[str, Any]] = {
        1: {"applies_to_all_protected_branches": True, "protected_branches": []},
        2: {"protected_branches": [{"name": "main"}]},
        3: {"protected_branches": [{"name": "release/*"}]},
    }
    show = views.rule
    monkeypatch.setattr(views, "rule", lambda *of: {**show(*of), **about[of[0].id]})

    git(shop.project.repository, "branch", "release/1", "main")

    assert footing(shop).protection.approvals == 2
    assert footing(shop, "release/1").protection.approvals == 3
    shop.project.rules.pop(1)
    assert footing(shop).protection.approvals == 1


def test_a_rule_that_asks_under_conditions_is_told_and_not_counted(shop: Shop) -> None:
    shop.project.rules += [
        Rule(1, "all", 1),
        Rule(2, "Coverage-Check", 2, kind="report_approver"),
        Rule(3, "License-Check", 0, kind="report_approver"),
    ]

    found = footing(shop)

    assert found.protection.approvals == 1
    assert found.problems == (
        "the approval rule 'Coverage-Check' asks under conditions only: it is not counted",
    )


def test_without_pipelines_there_is_no_use_in_a_status(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = views.project
    monkeypatch.setattr(
        views, "project", lambda *of: {**show(*of), "builds_access_level": "disabled"}
    )

    found = footing(shop)

    assert (found.rights.publish, found.statuses) == (False, False)


def test_a_base_without_protection(shop: Shop) -> None:
    shop.project.protections.clear()

    found = footing(shop)

    assert (found.protection.is_on, found.rights.merge, found.rights.bypass) == (False, True, False)


def test_a_bot_that_may_push_to_the_base_may_bypass(shop: Shop) -> None:
    shop.project.members[shop.people["bot"].id] = MAINTAINER

    assert footing(shop).rights.bypass is True


@pytest.mark.parametrize(("premium", "merge"), [(True, None), (False, False)])
def test_where_maintainers_merge_a_developer_is_told_so_where_no_user_can_be_named(
    shop: Shop, premium: bool, merge: bool | None
) -> None:
    shop.project.premium = premium
    shop.project.protections["main"].merge = MAINTAINER

    found = footing(shop)

    assert found.rights.merge is merge
    assert [each for each in found.problems if "told to maintainers only" in each] == (
        list(found.problems) if merge is None else []
    )


@pytest.mark.parametrize(("least", "merge"), [(MAINTAINER, True), (0, False)])
def test_a_maintainer_sees_who_may_merge(shop: Shop, least: int, merge: bool) -> None:
    """0: nobody."""
    shop.project.members[shop.people["bot"].id] = MAINTAINER
    shop.project.protections["main"].merge = least

    assert footing(shop).rights.merge is merge


def test_a_guests_or_a_readers_token_may_do_little(shop: Shop) -> None:
    shop.project.members[shop.people["bot"].id] = 20
    rights = footing(shop).rights
    assert (rights.push, rights.open, rights.merge, rights.publish) == (False,) * 4
    assert rights.see_approvals

    shop.project.members[shop.people["bot"].id] = MAINTAINER
    shop.gitlab.world.tokens["reads-0123"] = Token(shop.people["bot"], scopes=("read_api",))
    found = shop.forge("reads-0123").footing("main")
    assert (found.rights.push, found.rights.open, found.rights.merge) == (False,) * 3
    assert (found.rights.see_approvals, found.statuses) == (True, False)


def test_a_token_that_cannot_ask_for_its_scopes_is_judged_by_its_role(shop: Shop) -> None:
    shop.gitlab.fail_once("GET", "/personal_access_tokens/self$", status=404)

    assert footing(shop).rights.open


def test_who_is_no_member_is_told_what_to_do(shop: Shop) -> None:
    shop.project.private = False
    del shop.project.members[shop.people["bot"].id]

    found = footing(shop)

    assert found.problems[0] == (
        f"{BOT} is no member of {shop.place.host}/platform/shop: add it as a Developer"
    )


def test_a_base_that_is_not_there_is_told(shop: Shop) -> None:
    found = footing(shop, "release/1.x")

    assert found.protection.is_on is None
    assert found.problems == (
        f"{shop.place.host}/platform/shop shows no branch release/1.x to {BOT}",
    )


def test_a_jobs_token_opens_nothing(shop: Shop) -> None:
    shop.gitlab.world.tokens["of-job-0123"] = Token(shop.people["ann"], "job")

    found = shop.forge("of-job-0123", "gitlab-ci-token").footing("main")

    assert (found.rights.bot, found.rights.push, found.rights.open) == ("ann", None, False)
    assert found.rights.starts_pipelines is False
    assert found.protection == Protection()
    assert "project access token" in found.problems[0]
