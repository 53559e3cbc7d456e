"""Whose yes counts for a merge request of GitLab.

https://docs.gitlab.com/api/merge_request_approvals/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gitlab.exceptions import GitlabError
from gitlab.v4.objects import ProjectMergeRequest

from promoter.forges.gitlab.people import People
from promoter.forges.gitlab.values import Json, field, moment, user_id

_APPROVED = "approved this merge request"


def approvers(people: People, request: ProjectMergeRequest, head: str) -> Sequence[str]:
    """User names, in the order of their word, of those who approved exactly `head`: without the
    author, bots, whoever may not write here, and what was approved before this head was; nobody
    while a person who may write asks for changes."""
    data = request.attributes
    if data.get("sha") != head:
        return ()
    found: list[Json] = field(request.approvals.get().attributes, "approved_by", list)
    if not found:
        return ()
    since = _seen_since(request, head)
    if since is None:
        return ()
    untimed = any(moment(each, "approved_at") is None for each in found)
    noted = _noted(request) if untimed else {}
    left_out = {user_id(data, "author"), people.me()}
    counted: dict[int, tuple[datetime, str]] = {}
    for each in found:
        user = field(each, "user", dict)
        who = field(user, "id", int)
        at = moment(each, "approved_at") or noted.get(who)
        if who not in left_out and at is not None and at >= since and people.has_say(user):
            counted[who] = at, field(user, "username", str)
    if counted and any(people.has_say(user) for user in _asking_for_changes(request)):
        return ()
    return tuple(name for _, name in sorted(counted.values()))


def _asking_for_changes(request: ProjectMergeRequest) -> Sequence[Json]:
    """https://docs.gitlab.com/api/merge_requests/#get-single-merge-request-reviewers; whoever
    reviews is a reviewer. Servers before 13.8 have none, and no such request."""
    try:
        found = [each.attributes for each in request.reviewer_details.list(iterator=True)]
    except GitlabError as error:
        if error.response_code == 404:
            return ()
        raise
    return [field(each, "user", dict) for each in found if each.get("state") == "requested_changes"]


def _seen_since(request: ProjectMergeRequest, head: str) -> datetime | None:
    """When the head came to be what the request shows; None while that is being prepared."""
    versions = [each.attributes for each in request.diffs.list(iterator=True)]
    newest = max(versions, key=lambda each: field(each, "id", int), default=None)
    if newest is None or newest.get("head_commit_sha") != head:
        return None
    return moment(newest, "created_at")


def _noted(request: ProjectMergeRequest) -> Mapping[int, datetime]:
    """When each user approved last, for servers that do not tell with the approval: they do note
    it. Who is not there is not known to have approved this head."""
    times: dict[int, datetime] = {}
    for note in request.notes.list(iterator=True, order_by="created_at", sort="asc"):
        data: Any = note.attributes
        at, who = moment(data, "created_at"), user_id(data, "author")
        if data.get("system") is True and data.get("body") == _APPROVED and at and who is not None:
            times[who] = at
    return times
