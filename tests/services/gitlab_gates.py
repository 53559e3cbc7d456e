"""What guards a merge in GitLab's API: approvals and their rules, pipelines, outside statuses.

https://docs.gitlab.com/api/merge_request_approvals/, https://docs.gitlab.com/api/commits/
"""

from __future__ import annotations

from tests.services import gitlab_views as views
from tests.services.gitlab_api import MR, Answer, Call, Page, Refusal, operation
from tests.services.gitlab_requests import people
from tests.services.gitlab_world import (
    DEVELOPER,
    MAINTAINER,
    Approval,
    Outcome,
    Pipeline,
    Rule,
    Status,
)


@operation("GET", MR + "/approvals")
def show_approvals(call: Call) -> Answer:
    return 200, views.approvals(call.request, call.project, call.user, call.base)


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
    _need_premium(call)
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
        if call.asked("sha", run.sha) == run.sha and call.asked("ref", run.ref or "") == run.ref
    ]
    return 200, Page(found, lambda each: views.pipeline(each, call.project, call.base))


@operation("GET", "projects/{project}/repository/commits/{sha}/statuses")
def list_statuses(call: Call) -> Answer:
    """The newest of each name, or with `all` those before it as well."""
    found = [each for each in call.project.statuses if each.sha == call.path["sha"]]
    if call.asked("all") not in {"true", "True", "1"}:
        found = list({each.name: each for each in found}.values())
    if name := call.asked("name"):
        found = [each for each in found if each.name == name]
    return 200, Page(found, lambda each: views.status(each, call.base))


@operation("POST", "projects/{project}/statuses/{sha}")
def set_status(call: Call) -> Answer:
    """A status that is under way is changed, one that has ended is followed by another; the same
    word twice for one under way is refused (an often met surprise of GitLab)."""
    call.need(DEVELOPER)
    project, sha, state = call.project, call.path["sha"], call.body["state"]
    name = call.body.get("name") or call.body.get("context") or "default"
    same = [each for each in project.statuses if (each.sha, each.name) == (sha, name)]
    current = same[-1] if same and same[-1].state in {"pending", "running"} else None
    if current and state in {"pending", current.state}:
        event = "enqueue" if state == "pending" else "run"
        why = f'(Reason(s): Status cannot transition via "{event}")'
        raise Refusal(400, f"Cannot transition status via :{event} from :{current.state} {why}")
    if current is None:
        ref = call.body.get("ref")
        at, number = call.world.now(), call.world.next_id()
        current = Status(number, sha, ref, name, state, call.user, at)
        project.statuses.append(current)
        if project.pipeline(sha) is None:
            number = call.world.next_id()
            project.pipelines.append(Pipeline(number, sha, ref, state, at, "external"))
    current.state = state
    current.description = call.body.get("description", current.description)
    current.target_url = call.body.get("target_url", current.target_url)
    call.world.note_effect(call.user, "status", f"{name} {state} {sha}")
    _sum_up(call, sha)
    return 201, views.status(current, call.base)


def _sum_up(call: Call, sha: str) -> None:
    """A pipeline that consists of outside statuses is what its worst one is."""
    run = call.project.pipeline(sha)
    if run is None or run.source != "external":
        return
    states = {each.name: each.state for each in call.project.statuses if each.sha == sha}
    order: tuple[Outcome, ...] = ("failed", "canceled", "running", "pending")
    worst: Outcome = next((word for word in order if word in states.values()), "success")
    run.status = "running" if worst == "pending" else worst
