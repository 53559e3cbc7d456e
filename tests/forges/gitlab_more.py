"""What the GitLab for tests does not serve by itself: versions of a diff, the job of a token, and
merge trains (a Premium edition's).

https://docs.gitlab.com/api/merge_requests/#get-merge-request-diff-versions
https://docs.gitlab.com/api/jobs/#get-job-tokens-job
https://docs.gitlab.com/api/merge_trains/
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services import fake_gitlab
from tests.services import gitlab_views as views
from tests.services.gitlab_api import Answer, Call, Page, Refusal, operation
from tests.services.gitlab_world import Accept

_TRAIN = "projects/{project}/merge_trains/merge_requests/{iid}"


def serve_more(monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    """Serve also what the published file lacks; `settings` are added to those of every project."""
    known = fake_gitlab._UNPUBLISHED.pattern
    more = re.compile(rf"{known}|job|.*/merge_trains/.*")
    monkeypatch.setattr(fake_gitlab, "_UNPUBLISHED", more)
    show = views.project
    monkeypatch.setattr(views, "project", lambda *of: {**show(*of), **settings})


def hide_approval_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """As GitLab did before it told `approved_at`."""
    show = views.approvals

    def without(*of: Any) -> dict[str, Any]:
        shown = show(*of)
        return {**shown, "approved_by": [{"user": each["user"]} for each in shown["approved_by"]]}

    monkeypatch.setattr(views, "approvals", without)


@contextlib.contextmanager
def lagging(monkeypatch: pytest.MonkeyPatch, head: str) -> Iterator[None]:
    """In here requests are told at `head`, as GitLab does until its workers took in a push."""
    show = views.request
    with monkeypatch.context() as patch:
        patch.setattr(views, "request", lambda *of, **how: {**show(*of, **how), "sha": head})
        yield


@operation("GET", "projects/{project}/merge_requests/{iid}/versions")
def list_versions(call: Call) -> Answer:
    """The newest; its time is that of the note on the last push."""
    request = call.request
    pushes = [note for note in request.notes if note.system and note.body.startswith("added ")]
    shown = {
        "id": len(pushes) + 1,
        "head_commit_sha": request.head,
        "created_at": views.moment(pushes[-1].at if pushes else request.created_at),
        "merge_request_id": request.id,
        "state": "collected",
    }
    return 200, Page([shown], lambda each: each)


@operation("GET", "job")
def show_job(call: Call) -> Answer:
    return 200, {"id": 1, "status": "running", "user": views.user(call.user, call.base)}


@operation("GET", _TRAIN)
def show_car(call: Call) -> Answer:
    if call.request.armed is None:
        raise Refusal(404, "404 Not Found")
    return 200, {"id": 1, "status": "fresh"}


@operation("POST", _TRAIN)
def board(call: Call) -> Answer:
    request = call.request
    if request.armed is not None or call.body.get("sha") != request.head:
        raise Refusal(409, "SHA does not match HEAD of source branch")
    request.armed = Accept(call.user, request.head, bool(call.body.get("squash")))
    call.world.note_effect(call.user, "board", f"!{request.iid}")
    return 201, [{"id": 1, "status": "fresh"}]
