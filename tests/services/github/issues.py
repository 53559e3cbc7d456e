"""What a pull request is as an issue: comments, labels, assignees, and who closed it."""

from __future__ import annotations

from tests.services.github.json import label
from tests.services.github.pulls import change_state
from tests.services.github.routes import REPOSITORY, Answer, Request, Routes
from tests.services.github.state import Comment, GitHubError


def list_issues(request: Request) -> Answer:
    """By state, labels, creator and time of the last change; the newest first."""
    query = request.query
    state, labels = (
        query.get("state", "open"),
        set(filter(None, query.get("labels", "").split(","))),
    )
    chosen = [
        each
        for each in request.pulls
        if state in ("all", each.state)
        and labels <= set(each.labels)
        and query.get("creator", each.login) == each.login
        and request.shapes.issue(each)["updated_at"] >= query.get("since", "")
    ]
    chosen.sort(key=lambda each: each.number, reverse=query.get("direction", "desc") == "desc")
    return request.page(chosen, request.shapes.issue)


def show_issue(request: Request) -> Answer:
    return Answer(request.shapes.issue(request.pull))


def edit_issue(request: Request) -> Answer:
    request.need_write()
    pull, body = request.pull, request.body
    if "state" in body and body["state"] != pull.state:
        change_state(request, pull, body["state"])
    if "title" in body:
        pull.title = request.text("title")
    if "body" in body:
        pull.body = request.text("body")
    if "labels" in body:
        _put_labels(request, _names(body["labels"]))
    if "assignees" in body:
        pull.assignees = _known(request, body["assignees"])
    pull.updated_at = request.world.now()
    return Answer(request.shapes.issue(pull))


def list_events(request: Request) -> Answer:
    """The oldest first."""
    number = request.pull.number
    found = [each for each in request.repository.events if each.number == number]
    return request.page(found, request.shapes.event)


def list_comments(request: Request) -> Answer:
    number = request.pull.number
    found = [each for each in request.repository.comments if each.number == number]
    return request.page(found, request.shapes.comment)


def add_comment(request: Request) -> Answer:
    pull, world = request.pull, request.world
    body = request.text("body")
    comment = Comment(world.next_id(), pull.number, request.login, body, world.now())
    request.repository.comments.append(comment)
    pull.updated_at = comment.at
    world.note("commented", pull.number, request.login, body)
    return Answer(request.shapes.comment(comment), 201)


def edit_comment(request: Request) -> Answer:
    comment = _comment(request)
    comment.body = request.text("body")
    request.world.note("comment edited", comment.number, request.login, comment.body)
    return Answer(request.shapes.comment(comment))


def delete_comment(request: Request) -> Answer:
    comment = _comment(request)
    request.repository.comments.remove(comment)
    request.world.note("comment deleted", comment.number, request.login)
    return Answer(status=204)


def _comment(request: Request) -> Comment:
    for each in request.repository.comments:
        if each.id == int(request.names["number"]):
            return each
    raise GitHubError(404, "Not Found")


def list_labels(request: Request) -> Answer:
    return request.page(request.pull.labels, lambda each: _label(request, each))


def add_labels(request: Request) -> Answer:
    """New ones beside those that are there; a label that does not exist yet is made."""
    request.need_write()
    old = request.pull.labels
    new = [each for each in _names(request.body) if each not in old]
    _put_labels(request, [*old, *new])
    return _labels(request)


def set_labels(request: Request) -> Answer:
    request.need_write()
    _put_labels(request, _names(request.body))
    return _labels(request)


def remove_label(request: Request) -> Answer:
    request.need_write()
    name, labels = request.names["name"], request.pull.labels
    if name not in labels:
        raise GitHubError(404, "Label does not exist")
    _put_labels(request, [each for each in labels if each != name])
    return _labels(request)


def _names(body: object) -> list[str]:
    """GitHub takes a list of names, of objects, or an object that holds such a list."""
    found = body.get("labels", []) if isinstance(body, dict) else body
    assert isinstance(found, list)
    return [each["name"] if isinstance(each, dict) else str(each) for each in found]


def _put_labels(request: Request, names: list[str]) -> None:
    pull, world = request.pull, request.world
    if names != pull.labels:
        pull.labels, pull.updated_at = names, world.now()
        world.note("labelled", pull.number, request.login, ",".join(names))


def _label(request: Request, name: str) -> object:
    return label(request.world, request.repository, name)


def _labels(request: Request) -> Answer:
    return Answer([_label(request, each) for each in request.pull.labels])


def _known(request: Request, logins: list[str]) -> list[str]:
    """Those that may be assigned; GitHub leaves out the others without a word."""
    known = request.repository.permissions
    return [each for each in logins if known.get(each, "none") != "none"]


def add_assignees(request: Request) -> Answer:
    request.need_write()
    pull, world = request.pull, request.world
    wanted = _known(request, request.body.get("assignees", []))
    new = [each for each in wanted if each not in pull.assignees]
    if new:
        pull.assignees += new
        pull.updated_at = world.now()
        world.note("assigned", pull.number, request.login, ",".join(new))
    return Answer(request.shapes.issue(pull), 201)


def remove_assignees(request: Request) -> Answer:
    request.need_write()
    pull = request.pull
    gone = request.body.get("assignees", [])
    pull.assignees = [each for each in pull.assignees if each not in gone]
    return Answer(request.shapes.issue(pull))


_ISSUE = f"{REPOSITORY}/issues/{{number}}"
_COMMENT = f"{REPOSITORY}/issues/comments/{{number}}"
ROUTES: Routes = (
    ("GET", f"{REPOSITORY}/issues", list_issues),
    ("GET", _ISSUE, show_issue),
    ("PATCH", _ISSUE, edit_issue),
    ("GET", f"{_ISSUE}/events", list_events),
    ("GET", f"{_ISSUE}/comments", list_comments),
    ("POST", f"{_ISSUE}/comments", add_comment),
    ("PATCH", _COMMENT, edit_comment),
    ("DELETE", _COMMENT, delete_comment),
    ("GET", f"{_ISSUE}/labels", list_labels),
    ("POST", f"{_ISSUE}/labels", add_labels),
    ("PUT", f"{_ISSUE}/labels", set_labels),
    ("DELETE", f"{_ISSUE}/labels/{{name*}}", remove_label),
    ("POST", f"{_ISSUE}/assignees", add_assignees),
    ("DELETE", f"{_ISSUE}/assignees", remove_assignees),
)
