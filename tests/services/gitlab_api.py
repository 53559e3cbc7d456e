"""The operations of GitLab's API that a promotion needs: (method, path) -> what is answered.

Statuses and their order are GitLab's (https://docs.gitlab.com/api/merge_requests/): a merge is
refused with 401 for want of access, then 405 where the request waits for something, then 422 (406
before GitLab 16) where files or history do not fit, and only then 409 for another head.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from tests.services import gitlab_git
from tests.services import gitlab_views as views
from tests.services.gitlab_world import (
    DEVELOPER,
    MAINTAINER,
    Accept,
    Approval,
    Pipeline,
    Project,
    Request,
    Rule,
    Status,
    User,
    World,
)


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A status and what GitLab says with it."""

    def __init__(self, status: int, message: object) -> None:
        super().__init__(status, message)
        self.status = status
        self.body = {"message": message}


@dataclass(frozen=True)
class Page:
    """A list that is served in pages."""

    items: Sequence[Any]
    show: Callable[[Any], object]


@dataclass(frozen=True)
class Call:
    """One request, by someone who may see `project`; `path` holds the parts of the address."""

    world: World
    user: User
    base: str
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: Mapping[str, Any]
    conflict_status: int
    _project: list[Project] = field(default_factory=list)

    @property
    def project(self) -> Project:
        """The one that the address names; what one may not see is not there."""
        if not self._project:
            name = unquote(self.path["project"])
            for each in self.world.projects.values():
                if name in {str(each.id), each.path} and (
                    not each.private or each.access(self.user)
                ):
                    self.world.sync(each)
                    self._project.append(each)
                    return each
            raise Refusal(404, "404 Project Not Found")
        return self._project[0]

    @property
    def request(self) -> Request:
        found = self.project.requests.get(int(self.path["iid"]))
        if found is None:
            raise Refusal(404, "404 Not found")
        return found

    def need(self, level: int, status: int = 403) -> None:
        if self.project.access(self.user) < level:
            raise Refusal(status, "401 Unauthorized" if status == 401 else "403 Forbidden")

    def asked(self, name: str, otherwise: str = "") -> str:
        return self.query.get(name, (otherwise,))[-1]


Answer = tuple[int, object]
Operation = Callable[[Call], Answer]
_OPERATIONS: list[tuple[str, re.Pattern[str], Operation]] = []
_MR = "projects/{project}/merge_requests/{iid}"


def operation(method: str, path: str) -> Callable[[Operation], Operation]:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)

    def add(function: Operation) -> Operation:
        _OPERATIONS.append((method, re.compile(pattern), function))
        return function

    return add


def find_operation(method: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
    """What serves a path below `/api/v4/`, with the parts that it names (still encoded)."""
    for served, pattern, function in _OPERATIONS:
        if served == method and (found := pattern.fullmatch(path)):
            return function, found.groupdict()
    return None


@operation("GET", "user")
def show_user(call: Call) -> Answer:
    return 200, {**views.user(call.user, call.base), "bot": call.user.bot}


@operation("GET", "projects/{project}")
def show_project(call: Call) -> Answer:
    return 200, views.project(call.project, call.user, call.base)


@operation("GET", "projects/{project}/members/all")
def list_members(call: Call) -> Answer:
    members = [(call.world.users[number], level) for number, level in call.project.members.items()]
    return 200, Page(members, lambda each: views.member(each[0], each[1], call.base))


@operation("GET", "projects/{project}/members/all/{user}")
def show_member(call: Call) -> Answer:
    number = int(call.path["user"])
    if number not in call.project.members:
        raise Refusal(404, "404 Not found")
    found = call.world.users[number]
    return 200, views.member(found, call.project.members[number], call.base)


@operation("GET", "projects/{project}/repository/branches")
def list_branches(call: Call) -> Answer:
    found = sorted(gitlab_git.branches(call.project.repository).items())
    return 200, Page(
        found, lambda each: views.branch(each[0], each[1], call.project, call.user, call.base)
    )


@operation("GET", "projects/{project}/repository/branches/{branch}")
def show_branch(call: Call) -> Answer:
    name = unquote(call.path["branch"])
    commit = call.project.tip(name)
    if commit is None:
        raise Refusal(404, "404 Branch Not Found")
    return 200, views.branch(name, commit, call.project, call.user, call.base)


@operation("DELETE", "projects/{project}/repository/branches/{branch}")
def delete_branch(call: Call) -> Answer:
    name = unquote(call.path["branch"])
    commit = call.project.tip(name)
    if commit is None:
        raise Refusal(404, "404 Branch Not Found")
    if name in call.project.protections or not call.project.may_push(call.user, name):
        raise Refusal(403, "403 Forbidden")
    gitlab_git.move(call.project.repository, name, None, commit)
    call.project.pusher = call.user
    call.world.note_effect(call.user, "delete branch", name)
    call.world.sync(call.project)
    return 204, None


@operation("GET", "projects/{project}/protected_branches")
def list_protections(call: Call) -> Answer:
    call.need(MAINTAINER)
    found = sorted(call.project.protections.items())
    return 200, Page(found, lambda each: views.protection(each[0], each[1], found.index(each) + 1))


@operation("GET", "projects/{project}/protected_branches/{branch}")
def show_protection(call: Call) -> Answer:
    call.need(MAINTAINER)
    name = unquote(call.path["branch"])
    if name not in call.project.protections:
        raise Refusal(404, "404 Not found")
    return 200, views.protection(name, call.project.protections[name], 1)


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
    return 201, views.request(made, call.project, call.base, full=True)


def _refuse_second(call: Call, source: str) -> None:
    other = call.world.open_from(call.project, source)
    if other:
        text = f"Another open merge request already exists for this source branch: !{other.iid}"
        raise Refusal(409, [text])


@operation("GET", _MR)
def show_request(call: Call) -> Answer:
    return 200, views.request(call.request, call.project, call.base, full=True)


@operation("PUT", _MR)
def update_request(call: Call) -> Answer:
    request = call.request
    if call.user != request.author:
        call.need(DEVELOPER)
    event = call.body.get("state_event")
    if event == "reopen" and request.state == "closed":
        _refuse_second(call, request.source)
        call.world.reopen(call.project, request.iid, call.user)
    elif event == "close":
        call.world.close(call.project, request.iid, call.user)
    if set(call.body) - {"state_event"}:
        call.world.note_effect(call.user, "update", f"!{request.iid}")
        _set_fields(call, request)
    return 200, views.request(request, call.project, call.base, full=True)


def _set_fields(call: Call, request: Request) -> None:
    body, world = call.body, call.world
    request.title = body.get("title", request.title)
    request.description = body.get("description", request.description) or ""
    request.target = body.get("target_branch", request.target)
    request.squash = body.get("squash", request.squash)
    request.remove_source = body.get("remove_source_branch", request.remove_source)
    if "assignee_ids" in body:
        request.assignees = _people(call, body["assignee_ids"])
    if "reviewer_ids" in body:
        request.reviewers = _people(call, body["reviewer_ids"])
    labels = tuple(body.get("labels", request.labels))
    gone = body.get("remove_labels", ())
    wanted = (*(each for each in labels if each not in gone), *body.get("add_labels", ()))
    world.label(request, call.user, wanted)
    request.updated_at = world.now()


def _people(call: Call, numbers: Sequence[int]) -> tuple[User, ...]:
    """Whoever is not a member is passed over in silence, as GitLab does."""
    return tuple(call.world.users[each] for each in numbers if each in call.project.members)


@operation("PUT", _MR + "/merge")
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
    return 200, views.request(request, project, call.base, full=True)


@operation("POST", _MR + "/cancel_merge_when_pipeline_succeeds")
def disarm_request(call: Call) -> Answer:
    call.need(DEVELOPER, 401)
    if call.request.armed is None:
        raise Refusal(406, "406 Not Acceptable")
    call.request.armed = None
    call.world.note_effect(call.user, "disarm", f"!{call.request.iid}")
    return 201, {"status": "success"}


@operation("PUT", _MR + "/rebase")
def rebase_request(call: Call) -> Answer:
    if not call.project.may_push(call.user, call.request.source):
        raise Refusal(403, "Cannot push to source branch")
    call.world.rebase(call.project, call.request, call.user)
    return 202, {"rebase_in_progress": True}


@operation("GET", _MR + "/approvals")
def show_approvals(call: Call) -> Answer:
    return 200, views.approvals(call.request, call.project, call.user, call.base)


@operation("GET", _MR + "/approval_state")
def show_approval_state(call: Call) -> Answer:
    _need_premium(call)
    rules = [
        views.rule_state(each, call.request, call.project, call.base) for each in call.project.rules
    ]
    return 200, {"approval_rules_overwritten": False, "rules": rules}


@operation("POST", _MR + "/approve")
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


@operation("POST", _MR + "/unapprove")
def unapprove_request(call: Call) -> Answer:
    if call.user not in [each.user for each in call.request.approvals]:
        raise Refusal(404, "404 Not found")
    call.world.unapprove(call.project, call.request.iid, call.user)
    return 201, views.approvals(call.request, call.project, call.user, call.base)


@operation("PUT", _MR + "/reset_approvals")
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
    people = _people(call, call.body.get("user_ids", ()))
    number, required = call.world.next_id(), int(call.body["approvals_required"])
    made = Rule(number, call.body["name"], required, people)
    call.project.rules.append(made)
    return 201, views.rule(made, call.project, call.base)


@operation("GET", _MR + "/approval_rules")
def list_request_rules(call: Call) -> Answer:
    assert call.request
    return list_rules(call)


def _need_premium(call: Call) -> None:
    if not call.project.premium:
        raise Refusal(404, "404 Not Found")


@operation("GET", _MR + "/notes")
def list_notes(call: Call) -> Answer:
    request = call.request
    found = list(request.notes)
    if call.asked("sort", "desc") == "desc":
        found.reverse()
    return 200, Page(found, lambda each: views.note(each, request, call.base))


@operation("POST", _MR + "/notes")
def add_note(call: Call) -> Answer:
    if not call.body.get("body"):
        raise Refusal(400, {"note": ["can't be blank"]})
    made = call.world.comment(call.request, call.user, call.body["body"])
    return 201, views.note(made, call.request, call.base)


@operation("GET", _MR + "/resource_label_events")
def list_label_events(call: Call) -> Answer:
    request = call.request
    return 200, Page(request.label_events, lambda each: views.label_event(each, request, call.base))


@operation("GET", _MR + "/resource_state_events")
def list_state_events(call: Call) -> Answer:
    request = call.request
    return 200, Page(request.state_events, lambda each: views.state_event(each, request, call.base))


@operation("GET", _MR + "/pipelines")
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
    worst = next(
        (word for word in ("failed", "canceled", "running", "pending") if word in states.values()),
        "success",
    )
    run.status = "running" if worst == "pending" else worst  # type: ignore[assignment]
