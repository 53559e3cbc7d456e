"""Pipelines of a GitLab that come late or not at all, and what the bot makes of that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.gitlab.nouns import Request
from tests.stories.gitlab_shop import GitLabShop, open_gitlab_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[GitLabShop]:
    with open_gitlab_shop(tmp_path / "shop") as opened:
        yield opened


def run(shop: GitLabShop) -> None:
    shop.clock.sleep(30)
    shop.bot.run(shop.clock)


def only_request(shop: GitLabShop) -> Request:
    shop.gitlab.world.sync(shop.project)
    (found,) = shop.project.requests.values()
    return found


def test_the_bots_word_is_not_the_pipeline_that_must_succeed(shop: GitLabShop) -> None:
    """CI makes its pipeline a while after the push; until then a status would make one, and that it
    is a success would be all that GitLab asks for."""
    shop.project.pipeline_must_succeed = True
    shop.push("main", {".gitlab-ci.yml": b"build: {script: make}\n"})
    shop.write_rules({"web": "\n  dev:\n    merge: automatic\n"}, "")
    shop.publish("1.1.0", "web")
    for _ in range(3):
        run(shop)
    request = only_request(shop)
    assert (request.state, shop.project.statuses) == ("opened", [])

    shop.gitlab.world.run_pipeline(shop.project, request.head, "running")
    run(shop)
    assert only_request(shop).state == "opened"
    assert [(e.name, e.state) for e in shop.project.statuses] == [("promoter", "success")]

    shop.gitlab.world.run_pipeline(shop.project, request.head, "success")
    run(shop)
    assert only_request(shop).state == "merged"


def test_what_ran_for_an_older_release_lets_no_newer_one_in(shop: GitLabShop) -> None:
    gates = "[{checks: [build]}, {approvals: 1}]"
    shop.write_rules({"web": f"\n  dev:\n    merge: automatic\n    require: {gates}\n"}, "")
    shop.publish("1.1.0", "web")
    run(shop)
    request = only_request(shop)
    first = request.head
    shop.gitlab.world.run_job(shop.project, first, "build", "success")

    shop.publish("1.2.0", "web")
    run(shop)
    assert only_request(shop).head != first
    shop.gitlab.world.approve(shop.project, 1, shop.ann)
    run(shop)
    assert only_request(shop).state == "opened"

    shop.gitlab.world.run_job(shop.project, request.head, "build", "success")
    run(shop)
    assert only_request(shop).state == "merged"
