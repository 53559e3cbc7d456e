"""Tokens, limits and addresses of a GitLab."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.http import HttpClient
from promoter.errors import InputError, TransientError
from promoter.forges.gitlab.forge import GitLabForge, connect
from promoter.forges.gitlab.server import GitLabPlace, GitLabServer
from tests.forges.gitlab_shop import TOKEN, Shop
from tests.services.gitlab.fake import fake_gitlab
from tests.services.gitlab.nouns import MAINTAINER, Token


def test_a_token_that_is_refused_is_named_by_its_place_and_never_shown(shop: Shop) -> None:
    with pytest.raises(InputError, match="does not accept the token") as caught:
        shop.forge("expired-0123456789").find("main", "promoter/")

    assert "the credentials file" in str(caught.value)
    assert "0123456789" not in str(caught.value)


def test_a_jobs_token_says_what_to_use_instead(shop: Shop) -> None:
    shop.gitlab.world.tokens["of-job-0123"] = Token(shop.people["bot"], "job")

    with pytest.raises(InputError, match="project access token"):
        shop.forge("of-job-0123", "gitlab-ci-token").find("main", "promoter/")


def test_a_token_that_may_only_read_is_told_what_it_lacks(shop: Shop) -> None:
    shop.gitlab.world.tokens["reads-0123"] = Token(shop.people["bot"], scopes=("read_api",))

    with pytest.raises(InputError, match="scope api"):
        shop.forge("reads-0123").open(shop.draft())


def test_a_project_that_is_not_there_is_told_as_such(shop: Shop) -> None:
    place = replace(shop.place, project="platform/nothing")
    forge = GitLabForge(place, lambda _: Credential("promoter", TOKEN), shop.http)

    with pytest.raises(InputError, match=r"platform/nothing: listing .* hides it"):
        forge.find("main", "promoter/")


def test_a_limit_says_when_to_come_again(shop: Shop) -> None:
    shop.gitlab.limit_rate(90, times=9)

    with pytest.raises(TransientError) as caught:
        shop.forge().find("main", "promoter/")

    assert caught.value.retry_after == timedelta(seconds=90)


def test_a_write_is_not_repeated_after_trouble(shop: Shop) -> None:
    draft = shop.draft()
    shop.gitlab.fail_once("POST", "/merge_requests$", status=503)

    with pytest.raises(TransientError):
        shop.forge().open(draft)
    assert len(shop.writes) == 1


def test_a_jobs_token_acts_as_who_started_the_job(shop: Shop) -> None:
    shop.gitlab.world.tokens["of-job-0123"] = Token(shop.people["ann"], "job")
    credential = Credential("gitlab-ci-token", "of-job-0123")

    server = GitLabServer(shop.place, lambda _: credential, shop.http)

    assert server.whoami()["username"] == "ann"


def test_a_renewed_token_is_used_at_once(shop: Shop) -> None:
    token = ["expired-0123456789"]
    forge = GitLabForge(shop.place, lambda _: Credential("promoter", token[0]), shop.http)
    with pytest.raises(InputError):
        forge.find("main", "promoter/")

    token[0] = TOKEN

    assert forge.find("main", "promoter/") == []


def test_the_token_follows_no_redirect_to_another_server(shop: Shop, tmp_path: Path) -> None:
    with fake_gitlab(tmp_path / "other") as other:
        thief = other.world.user("thief", TOKEN)
        other.world.project("platform/shop", {"a": b"b"}, {thief: MAINTAINER})
        there = f"{other.base}/api/v4/projects/platform%2Fshop/merge_requests"
        shop.gitlab.fail_once("GET", "/merge_requests$", status=302, headers={"Location": there})

        with pytest.raises(InputError, match="does not accept the token"):
            shop.forge().find("main", "promoter/")
        assert other.calls
        shop.http.close()  # the other server waits for its clients to go


def test_the_credentials_file_is_asked_for_the_server_of_the_address(shop: Shop) -> None:
    known = Credentials({shop.place.host: Credential("promoter", TOKEN)})

    forge = connect(shop.gitlab.url("platform/shop.git"), credentials=known, http=shop.http)

    assert forge.open(shop.draft()).number == 1


def test_a_server_without_an_entry_says_where_to_add_one(shop: Shop) -> None:
    url = shop.gitlab.url("platform/shop.git")
    forge = connect(url, credentials=Credentials(), http=shop.http)

    with pytest.raises(InputError, match=f"add the entry '{shop.place.host}'"):
        forge.find("main", "promoter/")


def test_a_server_below_a_path_is_asked_there() -> None:
    place = GitLabPlace("https://example.com/git", "team/shop")

    assert GitLabServer(place, lambda _: None, HttpClient()).api.api_url == (
        "https://example.com/git/api/v4"
    )
