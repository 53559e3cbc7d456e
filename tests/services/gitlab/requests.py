"""The life of a merge request in GitLab's API: lists, opening, changes, merging, what is said.

Statuses and their order are GitLab's (https://docs.gitlab.com/api/merge_requests/): a merge is
refused with 401 for want of access, then 405 where the request waits for something, then 422 (406
before GitLab 16) where files or history do not fit, and only then 409 for another head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tests.services.gitlab import views
from tests.services.gitlab.api import MR, Answer, Call, Page, Refusal, operation
from tests.services.gitlab.nouns import DEVELOPER, Accept, Request, User


@operation("GET", "projects/{project}/merge_requests")
def list_requests(call: Call) -> Answer:
    found = [each for each in call.project.requests.values() if _is_asked_for(call, each)]
    key = {"updated_at": "updated_at", "title": "title"}.get(call.asked("order_by"), "created_at")
    found.sort(key=lambda each: (getattr(each, key), each.iid))
    if call.asked("sort", "desc") == "desc":
        found.reverse()
    return 200, Page(found, lambda r: views.request(r, call.project, call.base, full=False))


def _is_asked_for(call: Call, each: Request) -> bool:
    labels = [name for name in call.asked("labels").split(",") if name]
    iids = call.query.get("iids[]", call.query.get("iids", ()))
    return (
        call.asked("state", "all") in {"all", each.state}
        and call.asked("target_branch", each.target) == each.target
        and call.asked("source_branch", each.source) == each.source
        and call.asked("author_username", each.author.username) == each.author.username
        and set(labels) <= set(each.labels)
        and (not iids or str(each.iid) in iids)
        and _since(call, "updated_after", each.updated_at)
        and _since(call, "created_after", each.created_at)
    )


def _since(call: Call, name: str, at: datetime) -> bool:
    asked = call.asked(name)
    return not asked or at >= datetime.fromisoformat(asked)


@operation("POST", "projects/{project}/merge_requests")
def open_request(call: Call) -> Answer:
    call.need(DEVELOPER)
    source, target = call.body["source_branch"], call.body["target_branch"]
    for name, branch in {"source_branch": source, "target_branch": target}.items():
        if call.project.tip(branch) is None:
            raise Refusal(400, {name: ["does not exist"]})
    _refuse_second(call, source)
    made = call.world.open(call.project, call.user, source, target, call.body["title"])
    _set_fields(call, made)
    return 201, views.request(made, call.project, call.base, full=True, viewer=call.user)


def _refuse_second(call: Call, source: str) -> None:
    other = call.world.open_from(call.project, source)
    if other:
        text = f"Another open merge request already exists for this source branch: !{other.iid}"
        raise Refusal(409, [text])


@operation("GET", MR)
def show_request(call: Call) -> Answer:
    return 200, views.request(call.request, call.project, call.base, full=True, viewer=call.user)


@operation("PUT", MR)
def update_request(call: Call) -> Answer:
    request = call.request
    if not call.project.may_close(call.user, request):
        raise Refusal(403, "403 Forbidden")
    event = call.body.get("state_event")
    if event == "reopen" and request.state == "closed":
        _refuse_second(call, request.source)
        call.world.reopen(call.project, request.iid, call.user)
    elif event == "close":
        call.world.close(call.project, request.iid, call.user)
    if set(call.body) - {"state_event"}:
        call.world.note_effect(call.user, "update", f"!{request.iid}")
        _set_fields(call, request)
    return 200, views.request(request, call.project, call.base, full=True, viewer=call.user)


def _set_fields(call: Call, request: Request) -> None:
    body, world = call.body, call.world
    request.title = body.get("title", request.title)
    request.description = body.get("description", request.description) or ""
    request.target = body.get("target_branch", request.target)
    request.squash = body.get("squash", request.squash)
    request.remove_source = body.get("remove_source_branch", request.remove_source)
    if "assignee_ids" in body:
        request.assignees = _as_many_as_allowed(call, body["assignee_ids"])
    if "reviewer_ids" in body:
        request.reviewers = _as_many_as_allowed(call, body["reviewer_ids"])
    labels = tuple(body.get("labels", request.labels))
    gone = body.get("remove_labels", ())
    wanted = (*(each for each in labels if each not in gone), *body.get("add_labels", ()))
    world.label(request, call.user, wanted)
    request.updated_at = world.now()


def _as_many_as_allowed(call: Call, numbers: Sequence[int]) -> tuple[User, ...]:
    """The Free edition takes the first one and says nothing of the others."""
    found = people(call, numbers)
    return found if call.project.premium else found[:1]


def people(call: Call, numbers: Sequence[int]) -> tuple[User, ...]:
    """Whoever is not a member is passed over in silence, as GitLab does."""
    return tuple(call.world.users[each] for each in numbers if each in call.project.members)


@operation("PUT", MR + "/merge")
def merge_request(call: Call) -> Answer:
    project, request, body = call.project, call.request, call.body
    if not project.may_merge(call.user, request.target):
        raise Refusal(401, "401 Unauthorized")
    later = bool(body.get("auto_merge") or body.get("merge_when_pipeline_succeeds"))
    run = project.pipeline(request.head)
    later = later and run is not None and run.status in {"created", "pending", "running"}
    if project.waits_for(request, pipeline=not later):
        raise Refusal(405, "405 Method Not Allowed")
    if project.misfits(request):
        raise Refusal(call.conflict_status, "Branch cannot be merged")
    if body.get("sha") not in {None, request.head}:
        text = f"SHA does not match HEAD of source branch: {request.head}"
        raise Refusal(409, text)
    how = Accept(
        user=call.user,
        sha=body.get("sha"),
        squash=bool(body.get("squash")),
        message=body.get("merge_commit_message"),
        squash_message=body.get("squash_commit_message"),
        remove_source=bool(body.get("should_remove_source_branch")),
    )
    if later:
        request.armed = how
        call.world.note_effect(call.user, "arm", f"!{request.iid}")
    else:
        call.world.merge(project, request, how)
    return 200, views.request(request, project, call.base, full=True, viewer=call.user)


@operation("PUT", MR + "/rebase")
def rebase_request(call: Call) -> Answer:
    if not call.project.may_push(call.user, call.request.source):
        raise Refusal(403, "Cannot push to source branch")
    call.world.rebase(call.project, call.request, call.user)
    return 202, {"rebase_in_progress": True}


@operation("GET", MR + "/notes")
def list_notes(call: Call) -> Answer:
    request = call.request
    found = list(request.notes)
    if call.asked("sort", "desc") == "desc":
        found.reverse()
    return 200, Page(found, lambda each: views.note(each, request, call.base))


@operation("POST", MR + "/notes")
def add_note(call: Call) -> Answer:
    if not call.body.get("body"):
        raise Refusal(400, {"note": ["can't be blank"]})
    made = call.world.comment(call.request, call.user, call.body["body"])
    return 201, views.note(made, call.request, call.base)


@operation("GET", MR + "/resource_label_events")
def list_label_events(call: Call) -> Answer:
    request = call.request
    return 200, Page(request.label_events, lambda each: views.label_event(each, request, call.base))


@operation("GET", MR + "/resource_state_events")
def list_state_events(call: Call) -> Answer:
    request = call.request
    return 200, Page(request.state_events, lambda each: views.state_event(each, request, call.base))


@operation("GET", MR + "/versions")
def list_versions(call: Call) -> Answer:
    """The newest; its time is that of the note on the last push."""
    request = call.request
    pushes = [note for note in request.notes if note.system and note.body.startswith("added ")]
    shown = {
        "id": len(pushes) + 1,
        "head_commit_sha": request.lags_at or request.head,
        "created_at": views.moment(pushes[-1].at if pushes else request.created_at),
        "merge_request_id": request.id,
        "state": "collected",
    }
    return 200, Page([shown], lambda each: each)
