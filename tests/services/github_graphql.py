"""The few mutations of GitHub's GraphQL API that have no REST call: a draft and its end."""

from __future__ import annotations

import re

from tests.services.github_json import node
from tests.services.github_routes import Answer, Request
from tests.services.github_state import Pull, Repository

_DRAFT = {"convertPullRequestToDraft": True, "markPullRequestReadyForReview": False}


def answer(request: Request) -> Answer:
    """GraphQL says 200 to everything that it could read, and what is wrong in `errors`."""
    found = re.search(r"\{\s*(\w+)\s*\(\s*input", request.body["query"])
    name = found[1] if found else ""
    given = request.body.get("variables", {}).get("input", {})
    if name not in _DRAFT:
        return _wrong("undefinedField", f"Field '{name}' doesn't exist on type 'Mutation'")
    for repository in request.world.repositories.values():
        for pull in repository.pulls.values():
            if node("PR", pull.id) == given.get("pullRequestId"):
                return _set_draft(request, repository, pull, name)
    told = "Could not resolve to a node with the global id of '{}'"
    return _wrong("NOT_FOUND", told.format(given.get("pullRequestId")))


def _set_draft(request: Request, repository: Repository, pull: Pull, name: str) -> Answer:
    if not repository.may_write(request.login):
        return _wrong("FORBIDDEN", "Resource not accessible by personal access token")
    if pull.draft != _DRAFT[name]:
        pull.draft, pull.updated_at = _DRAFT[name], request.world.now()
        request.world.note("draft" if pull.draft else "ready", pull.number, request.login)
    told = {"clientMutationId": None, "pullRequest": {"isDraft": pull.draft}}
    return Answer({"data": {name: told}})


def _wrong(kind: str, message: str) -> Answer:
    return Answer({"data": None, "errors": [{"type": kind, "message": message}]})
