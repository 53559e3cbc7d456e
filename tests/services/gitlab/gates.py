"""What guards a merge in GitLab's API: approvals and their rules, pipelines, outside statuses.

https://docs.gitlab.com/api/merge_request_approvals/, https://docs.gitlab.com/api/commits/
"""

from __future__ import annotations

from tests.services.gitlab import views
from tests.services.gitlab.api import MR, Answer, Call, Page, Refusal, operation
from tests.services.gitlab.nouns import (
    MAINTAINER,
    Approval,
    Rule,
)
from tests.services.gitlab.requests import people


@operation("GET", MR + "/approvals")
def show_approvals(call: Call) -> Answer:
    return 200, views.approvals(call.request, call.project, call.user, call.base)


@operation("GET", MR + "/reviewers")
def list_reviewers(call: Call) -> Answer:
    request = call.request
    return 200, Page(request.reviewers, lambda each: views.reviewer(each, request, call.base))


@operation("GET", MR + "/approval_state")
def show_approval_state(call: Call) -> Answer:
    _need_premium(call)
    rules = [
        views.rule_state(each, call.request, call.project, call.base) for each in call.project.rules
    ]
    return 200, {"approval_rules_overwritten": False, "rules": rules}


@operation("POST", MR + "/approve")
def approve_request(call: Call) -> Answer:
    request = call.request
    if call.body.get("sha") not in {None, request.head}:
        raise Refusal(409, f"SHA does not match HEAD of source branch: {request.head}")
    voted = call.user in [each.user for each in request.approvals]
    if voted or not call.project.may_approve(call.user, request):
        raise Refusal(401, "401 Unauthorized")
    request.approvals.append(Approval(call.user, call.world.now()))
    call.world.note_effect(call.user, "approve", f"!{request.iid}")
    return 201, views.approvals(request, call.project, call.user, call.base)


@operation("POST", MR + "/unapprove")
def unapprove_request(call: Call) -> Answer:
    if call.user not in [each.user for each in call.request.approvals]:
        raise Refusal(404, "404 Not found")
    call.world.unapprove(call.project, call.request.iid, call.user)
    return 201, views.approvals(call.request, call.project, call.user, call.base)


@operation("PUT", MR + "/reset_approvals")
def reset_approvals(call: Call) -> Answer:
    """Only a bot (a project or group token) may."""
    if not call.user.bot:
        raise Refusal(401, "401 Unauthorized")
    call.request.approvals.clear()
    call.world.note_effect(call.user, "reset approvals", f"!{call.request.iid}")
    return 202, None


@operation("GET", "projects/{project}/approvals")
def show_approval_settings(call: Call) -> Answer:
    """Servers before 16 tell those only who may change it."""
    _need_premium(call)
    call.need(MAINTAINER)
    return 200, {
        "reset_approvals_on_push": call.project.reset_approvals_on_push,
        "merge_requests_author_approval": call.project.authors_may_approve,
        "merge_requests_disable_committers_approval": False,
        "disable_overriding_approvers_per_merge_request": False,
    }


@operation("GET", "projects/{project}/approval_rules")
def list_rules(call: Call) -> Answer:
    _need_premium(call)
    return 200, Page(call.project.rules, lambda each: views.rule(each, call.project, call.base))


@operation("POST", "projects/{project}/approval_rules")
def add_rule(call: Call) -> Answer:
    _need_premium(call)
    call.need(MAINTAINER)
    users = people(call, call.body.get("user_ids", ()))
    number, required = call.world.next_id(), int(call.body["approvals_required"])
    made = Rule(number, call.body["name"], required, users)
    call.project.rules.append(made)
    return 201, views.rule(made, call.project, call.base)


@operation("GET", MR + "/approval_rules")
def list_request_rules(call: Call) -> Answer:
    assert call.request
    return list_rules(call)


def _need_premium(call: Call) -> None:
    if not call.project.premium:
        raise Refusal(404, "404 Not Found")


@operation("GET", MR + "/pipelines")
def list_request_pipelines(call: Call) -> Answer:
    found = [run for run in reversed(call.project.pipelines) if run.sha == call.request.head]
    return 200, Page(found, lambda each: views.pipeline(each, call.project, call.base))


@operation("GET", "projects/{project}/pipelines")
def list_pipelines(call: Call) -> Answer:
    found = [
        run
        for run in reversed(call.project.pipelines)
        if call.asked("sha", run.sha) == run.sha
        and call.asked("ref", run.ref or "") == (run.ref or "")
    ]
    return 200, Page(found, lambda each: views.pipeline(each, call.project, call.base))


@operation("GET", MR + "/status_checks")
def list_external_checks(call: Call) -> Answer:
    """Ultimate's: https://docs.gitlab.com/api/status_checks/."""
    found = call.project.external_checks
    if found is None:
        raise Refusal(404, "404 Not Found")
    return 200, Page(
        list(found.items()),
        lambda each: {
            "id": 1,
            "name": each[0],
            "external_url": "https://checks.example.com",
            "status": each[1],
        },
    )
