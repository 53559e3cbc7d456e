"""What crosses between GitLab's JSON and our values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.errors import InputError, TransientError
from promoter.forges.gitlab.server import GitLabPlace
from promoter.forges.gitlab.values import (
    LONGEST_DESCRIPTION,
    defused,
    description_of,
    is_own_branch,
    read_request,
    title_of,
)
from promoter.forges.written import Note, split_note
from promoter.model.ports import MergeRequestDraft

HEAD = "a" * 40
DRAFT = MergeRequestDraft("promoter/web", "main", HEAD, "Promote web", "Moves.\n", 2)
ANSWER: dict[str, Any] = {
    "iid": 7,
    "state": "opened",
    "source_branch": "promoter/web",
    "target_branch": "main",
    "sha": HEAD,
    "title": "Promote web",
    "description": "Moves.\n\n<!-- promoter-request approvals=2 head= -->\n",
    "web_url": "https://git.example.com/team/shop/-/merge_requests/7",
    "closed_by": None,
    "merged_at": None,
    "closed_at": None,
}


@pytest.mark.parametrize(
    ("url", "server", "project"),
    [
        ("https://gitlab.com/team/shop.git", "https://gitlab.com", "team/shop"),
        ("https://GitLab.com/team/sub/shop/", "https://gitlab.com", "team/sub/shop"),
        ("git@gitlab.com:team/shop.git", "https://gitlab.com", "team/shop"),
        ("ssh://git@altssh.gitlab.com:443/team/shop.git", "https://gitlab.com", "team/shop"),
        ("ssh://git@git.example.com:2222/team/shop", "https://git.example.com", "team/shop"),
        ("http://127.0.0.1:8080/team/shop", "http://127.0.0.1:8080", "team/shop"),
        ("https://example.com/git/team/shop", "https://example.com/git", "team/shop"),
        ("https://example.com/gitty/shop", "https://example.com", "gitty/shop"),
        ("git@example.com:team/shop", "https://example.com/git", "team/shop"),
    ],
)
def test_place_of_a_repository(url: str, server: str, project: str) -> None:
    place = GitLabPlace.of(url, ["https://example.com/git/"])

    assert place == GitLabPlace(server, project)


@pytest.mark.parametrize("url", ["/srv/shop", "https://gitlab.com/shop", "no address@x"])
def test_what_is_no_project_is_told_as_such(url: str) -> None:
    with pytest.raises(InputError):
        GitLabPlace.of(url)


def test_a_request_is_read_whole() -> None:
    request = read_request(ANSWER, None)

    assert (request.number, request.state, request.head) == (7, "open", HEAD)
    assert (request.body, request.approvals, request.ended_at) == ("Moves.\n", 2, None)


def test_a_request_that_is_just_being_merged_is_still_open() -> None:
    assert read_request({**ANSWER, "state": "locked"}, None).state == "open"


@pytest.mark.parametrize(("source", "own"), [(3, True), (9, False), (None, False)])
def test_a_branch_of_a_fork_is_not_the_bots_whatever_its_name(
    source: int | None, own: bool
) -> None:
    """None: the fork was deleted."""
    assert is_own_branch({"source_project_id": source, "target_project_id": 3}) is own


@pytest.mark.parametrize(
    ("closer", "told", "by_bot"),
    [
        ({"id": 5, "username": "ann"}, "ann", False),
        ({"id": 1, "username": "project_3_bot_0a1b"}, "project_3_bot_0a1b", True),
        (None, None, False),
    ],
)
def test_who_closed_it(closer: Any, told: str | None, by_bot: bool) -> None:
    """Whether it is somebody's word, is looked at elsewhere."""
    closed = {**ANSWER, "state": "closed", "closed_by": closer}
    closed["closed_at"] = "2026-11-20T21:00:00.250+02:00"

    request = read_request(closed, 1)

    assert (request.closed_by, request.closed_by_bot) == (told, by_bot)
    assert request.ended_at == datetime(2026, 11, 20, 19, 0, 0, 250000, UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iid": "7"},
        {"state": "odd"},
        {"title": None},
        {"state": "closed", "closed_at": "noon"},
        {"state": "closed", "closed_by": {"id": 1}},
    ],
)
def test_an_answer_that_cannot_be_right_is_no_fact(wrong: dict[str, object]) -> None:
    with pytest.raises(TransientError, match="GitLab answered with"):
        read_request({**ANSWER, **wrong}, 1)


def test_the_description_carries_the_approvals_there_and_back() -> None:
    assert split_note(description_of(DRAFT)) == (DRAFT.body, Note(2, HEAD))
    assert split_note("A person wrote this.") == ("A person wrote this.", Note())


def test_a_body_that_is_too_long_keeps_its_beginning_and_its_record() -> None:
    record = "<!-- promoter record\nPromoter-Rule: shop\n-->\n"
    lines = "| web | 1.0.0 |\n" * (LONGEST_DESCRIPTION // 10)

    description = description_of(replace(DRAFT, body=f"{lines}\n{record}"))

    assert len(description) <= LONGEST_DESCRIPTION
    assert description.startswith("| web | 1.0.0 |\n")
    body, note = split_note(description)
    assert body.endswith(record)
    assert note.approvals == 2
    assert "cut: it was longer" in body


def test_a_title_is_one_line_that_gitlab_takes() -> None:
    assert title_of(replace(DRAFT, title="Promote\nweb")) == "Promote web"
    assert len(title_of(replace(DRAFT, title="x" * 300))) == 255


@pytest.mark.parametrize("title", ["web", "Draft: web", "draft: [Draft] web", "(draft) web"])
def test_a_draft_is_one_by_one_word_before_its_title(title: str) -> None:
    assert title_of(replace(DRAFT, title=title, draft=True)) == "Draft: web"
    assert title_of(replace(DRAFT, title=title)) == "web"

    told = read_request({**ANSWER, "title": title}, None)
    assert (told.title, told.draft) == ("web", title != "web")


def test_labels_and_what_merges_by_itself_are_told() -> None:
    told = read_request({**ANSWER, "labels": ["a"], "merge_when_pipeline_succeeds": True}, None)

    assert (told.labels, told.armed) == (("a",), True)
    assert not read_request({**ANSWER, "state": "closed"}, None).armed


@given(st.text(alphabet="/ \n\r\tab`>-", max_size=40))
def test_no_line_is_a_command(text: str) -> None:
    assert not any(line.lstrip().startswith("/") for line in defused(text).split("\n"))
