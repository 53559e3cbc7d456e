"""Merge trains and armed merges in GitLab's API (trains are Premium's).

https://docs.gitlab.com/api/merge_trains/. A request is put off a train by the call that also ends
an automatic merge.
"""

from __future__ import annotations

from urllib.parse import unquote

from tests.services.gitlab import views
from tests.services.gitlab.api import MR, Answer, Call, Page, Refusal, operation
from tests.services.gitlab.nouns import Accept

_CAR = "projects/{project}/merge_trains/merge_requests/{iid}"


@operation("GET", _CAR)
def show_car(call: Call) -> Answer:
    _need_trains(call)
    if not call.request.on_train:
        raise Refusal(404, "404 Merge Train Merge Request Not Found")
    return 200, views.car(call.request, call.project, call.base)


@operation("GET", "projects/{project}/merge_trains/{branch}")
def show_train(call: Call) -> Answer:
    _need_trains(call)
    found = call.project.train(unquote(call.path["branch"]))
    return 200, Page(found, lambda each: views.car(each, call.project, call.base))


@operation("POST", _CAR)
def board(call: Call) -> Answer:
    _need_trains(call)
    project, request, body = call.project, call.request, call.body
    if not project.may_merge(call.user, request.target):
        raise Refusal(401, "401 Unauthorized")
    if body.get("sha") not in {None, request.head}:
        raise Refusal(409, f"SHA does not match HEAD of source branch: {request.head}")
    if request.armed or project.waits_for(request) or project.misfits(request):
        raise Refusal(400, "Failed to merge")
    call.world.board(
        project, request, Accept(call.user, request.head, squash=bool(body.get("squash")))
    )
    found = project.train(request.target)
    return 201, Page(found, lambda each: views.car(each, project, call.base))


@operation("POST", MR + "/cancel_merge_when_pipeline_succeeds")
def disarm_request(call: Call) -> Answer:
    if not call.project.may_merge(call.user, call.request.target):
        raise Refusal(401, "401 Unauthorized")
    if call.request.armed is None:
        raise Refusal(406, "406 Not Acceptable")
    call.request.armed, call.request.on_train = None, False
    call.world.note_effect(call.user, "disarm", f"!{call.request.iid}")
    return 201, {"status": "success"}


def _need_trains(call: Call) -> None:
    if not (call.project.premium and call.project.trains):
        raise Refusal(403, "403 Forbidden")
