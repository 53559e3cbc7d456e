"""Who merged a request, as each forge tells it: history names them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from promoter.errors import PromoterError
from promoter.forges.gitlab.values import read_request
from promoter.model.ports import MergeRequestDraft
from tests.forges.github_shop import BODY, TEXT, World
from tests.forges.gitlab_shop import TEXT as GITLAB_TEXT
from tests.forges.gitlab_shop import Shop, find_one
from tests.forges.test_local import ANN, NOW, forge_on, proposed
from tests.services.git_server import create_repository


def test_the_local_forge_tells_who_and_when(tmp_path: Path) -> None:
    remote = create_repository(tmp_path / "shop.git", {"web": b"1\n", "api": b"1\n"})
    forge = forge_on(remote)
    drafts = [proposed(remote, f"promoter/dev/{name}") for name in ("web", "api")]
    for each in drafts:
        forge.open(each)
    assert [each.merged_by for each in forge.find("main", "promoter/")] == [None, None]
    forge.merge(1, drafts[0].head, person=ANN)
    forge.close(2, "not now", ANN)
    found = {each.number: each for each in forge_on(remote, "fresh").find("main", "promoter/")}
    assert (found[1].merged_by, found[1].ended_at) == (ANN.email, NOW)
    assert (found[2].merged_by, found[2].closed_by, found[2].ended_at) == (None, ANN.email, NOW)
    assert forge.mergers([1, 2]) == {}, "it is told already"


def test_gitlab_tells_in_its_list(shop: Shop) -> None:
    forge = shop.forge()
    draft = shop.draft()
    forge.open(draft)
    assert find_one(forge).merged_by is None
    shop.approve(1, "ann")
    forge.merge(1, draft.head, GITLAB_TEXT)
    assert find_one(shop.forge()).merged_by == shop.people["bot"].username
    assert forge.mergers([1]) == {}
    assert shop.calls_of(lambda: forge.mergers([1])) == []


@pytest.mark.parametrize(
    ("told", "who"),
    [
        ({"merge_user": {"username": "ann"}, "merged_by": {"username": "ben"}}, "ann"),
        ({"merged_by": {"username": "ben"}}, "ben"),  # before GitLab 14.7
        ({"merge_user": None, "merged_by": None}, None),  # whose account was deleted
        ({}, None),
    ],
)
def test_gitlab_of_any_release_tells(told: dict[str, Any], who: str | None) -> None:
    listed: dict[str, Any] = {
        "iid": 1,
        "state": "merged",
        "source_branch": "x",
        "target_branch": "main",
        "title": "x",
        "web_url": "https://x/1",
        "merged_at": None,
    }
    assert read_request({**listed, **told}, None).merged_by == who
    assert read_request({**listed, **told, "state": "opened"}, None).merged_by is None


def test_github_is_asked_once_for_many(world: World) -> None:
    numbers = []
    for name in ("web", "cart", "mail"):
        branch = f"promoter/dev/{name}"
        head = world.push(name.encode(), branch)
        made = world.forge.open(MergeRequestDraft(branch, "main", head, name, BODY))
        numbers.append(made.number)
    first, second, third = numbers
    heads = {each.number: each.head for each in world.forge.find("main", "promoter/")}
    world.forge.merge(first, heads[first], TEXT)
    listed = {each.number: each for each in world.forge.find("main", "promoter/")}
    assert (listed[first].state, listed[first].merged_by) == ("merged", None)
    world.shop.close(second, "ann")
    before = len(world.hub.requests)
    assert world.forge.mergers([first, second, third, 999]) == {first: "bot"}
    assert len(world.hub.requests) - before == 1
    assert world.forge.mergers([]) == {}
    assert len(world.hub.requests) - before == 1


def test_github_names_an_app_as_rest_does(world: World) -> None:
    request = world.open()
    pull = world.shop.state.pulls[request.number]
    pull.state, pull.merged_at = "closed", world.hub.world.now() + timedelta(0)
    for who in ("renovate[bot]", "ann", None):
        pull.merged_by = who
        told = world.forge.mergers([request.number])
        assert told == ({request.number: who} if who else {})


def test_github_that_does_not_answer_is_an_error_that_says_what_was_asked(world: World) -> None:
    request = world.open()
    world.hub.faults.fail("POST .*graphql", 403)
    with pytest.raises(PromoterError, match="can't tell who merged the merge requests"):
        world.forge.mergers([request.number])
