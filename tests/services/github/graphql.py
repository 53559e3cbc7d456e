"""The little of GitHub's GraphQL API that has no REST call: drafts and the merge queue.

Not GraphQL at large: one field at the root, `pullRequestId` and its like as variables or within
`$input`, and of an answer all that is known rather than what was selected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.services.github import rules
from tests.services.github.json import Json, node, user
from tests.services.github.pulls import NO_DRAFTS
from tests.services.github.routes import Answer, Request
from tests.services.github.state import GitHubError, Pull, Repository

_ROOT = re.compile(r"\{\s*(\w+)\s*(?:\(\s*(input\s*:\s*)?([^)]*)\))?")
_MOST_NODES = 100
_ARGUMENT = re.compile(r"(\w+)\s*:\s*\$(\w+)")


@dataclass(frozen=True)
class _Asked:
    """What a field is asked for: the pull request, and its other arguments."""

    request: Request
    repository: Repository
    pull: Pull
    given: Mapping[str, Any]


def answer(request: Request) -> Answer:
    """GraphQL says 200 to everything that it could read, and what is wrong in `errors`."""
    variables = request.body.get("variables") or {}
    query = request.body["query"]
    found = _ROOT.search(query)
    name = found[1] if found else ""
    if name == "viewer":
        return Answer({"data": {"viewer": {"login": request.login}}})
    if name == "repository":
        given = {key: variables.get(value) for key, value in _ARGUMENT.findall(query)}
        return _repository(request, given)
    if found is None or name not in _FIELDS:
        return _wrong("undefinedField", f"Field '{name}' doesn't exist on type 'Query'")
    arguments = (found[3] or "").strip()
    if arguments.startswith("$"):
        given = variables.get(arguments.removeprefix("$"), {})
    else:
        given = {key: variables.get(value) for key, value in _ARGUMENT.findall(arguments)}
    wanted = given.get("pullRequestId") or given.get("id")
    for repository in request.world.repositories.values():
        for pull in repository.pulls.values():
            if node("PR", pull.id) == wanted:
                return _tell(name, _Asked(request, repository, pull, given))
    return _wrong("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")


def _repository(request: Request, given: Mapping[str, Any]) -> Answer:
    """A page of the merge queue of a branch; null where the branch has none."""
    name = f"{given['owner']}/{given['name']}"
    found = request.world.repositories.get(name)
    if found is None or found.permissions.get(request.login, "none") == "none":
        return _wrong("NOT_FOUND", f"Could not resolve to a Repository with the name '{name}'.")
    asked = re.findall(r"(\w+): pullRequest\(number: (\d+)\)", request.body["query"])
    if asked:
        told = {alias: _merger(request, found, int(number)) for alias, number in asked}
        return Answer({"data": {"repository": told}})
    if not found.shows_queue:
        return _wrong("FORBIDDEN", "Resource not accessible by integration")
    if not found.protection(given["branch"]).queue:
        return Answer({"data": {"repository": {"mergeQueue": None}}})
    queued = [each for each in found.queue if found.pulls[each].base == given["branch"]]
    start = int(given.get("after") or 0)
    end = start + _MOST_NODES
    page = {"hasNextPage": end < len(queued), "endCursor": str(min(end, len(queued)))}
    nodes = [
        {"position": number, "state": "QUEUED", "pullRequest": {"number": each}}
        for number, each in enumerate(queued[start:end], start + 1)
    ]
    entries = {"totalCount": len(queued), "nodes": nodes, "pageInfo": page}
    return Answer({"data": {"repository": {"mergeQueue": {"entries": entries}}}})


def _merger(request: Request, repository: Repository, number: int) -> Json | None:
    """An App's login has no `[bot]` here: `Bot` is its type."""
    pull = repository.pulls.get(number)
    if pull is None:
        return None
    who = pull.merged_by
    shown = user(request.world, who) if who else None
    kind = shown["type"] if shown else None
    login = (who or "").removesuffix("[bot]")
    return {"mergedBy": {"__typename": kind, "login": login} if shown else None}


def _tell(name: str, asked: _Asked) -> Answer:
    login = asked.request.login
    if name != "node" and not asked.repository.may_write(login):
        return _wrong("FORBIDDEN", "Resource not accessible by personal access token")
    try:
        return Answer({"data": {name: _FIELDS[name](asked)}})
    except GitHubError as error:
        return _wrong("UNPROCESSABLE", error.message)


def _show(asked: _Asked) -> Json:
    pull, queue = asked.pull, asked.repository.queue
    return {
        "id": node("PR", pull.id),
        "number": pull.number,
        "isDraft": pull.draft,
        "headRefOid": pull.head,
        "isInMergeQueue": pull.number in queue,
        "mergeQueueEntry": _entry(asked) if pull.number in queue else None,
    }


def _entry(asked: _Asked) -> Json:
    position = asked.repository.queue.index(asked.pull.number) + 1
    return {"position": position, "state": "QUEUED"}


def _enqueue(asked: _Asked) -> Json:
    request, head = asked.request, asked.given.get("expectedHeadOid")
    rules.enter_queue(request.world, asked.repository, asked.pull, request.login, head)
    return {"clientMutationId": None, "mergeQueueEntry": _entry(asked)}


def _dequeue(asked: _Asked) -> Json:
    if asked.pull.number not in asked.repository.queue:
        raise GitHubError(422, "Pull request is not in the queue")
    entry = _entry(asked)
    rules.leave_queue(asked.request.world, asked.repository, asked.pull, asked.request.login)
    return {"clientMutationId": None, "mergeQueueEntry": entry}


def _drafter(draft: bool) -> Callable[[_Asked], Json]:
    def change(asked: _Asked) -> Json:
        pull, world = asked.pull, asked.request.world
        if draft and not asked.repository.drafts:
            raise GitHubError(422, NO_DRAFTS)
        if pull.draft != draft:
            pull.draft, pull.updated_at = draft, world.now()
            world.note("draft" if draft else "ready", pull.number, asked.request.login)
        return {"clientMutationId": None, "pullRequest": {"isDraft": pull.draft}}

    return change


_FIELDS: Mapping[str, Callable[[_Asked], Json]] = {
    "node": _show,
    "convertPullRequestToDraft": _drafter(True),
    "markPullRequestReadyForReview": _drafter(False),
    "enqueuePullRequest": _enqueue,
    "dequeuePullRequest": _dequeue,
}


def _wrong(kind: str, message: str) -> Answer:
    return Answer({"data": None, "errors": [{"type": kind, "message": message}]})
