"""The operations of GitLab's API that a promotion needs: (method, path) -> what is answered.

Here are the frame and what is about a project; the modules that `fake_gitlab` names add theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.services.gitlab import git as gitlab_git
from tests.services.gitlab import views
from tests.services.gitlab.nouns import MAINTAINER, Request, Token, User
from tests.services.gitlab.project import Project
from tests.services.gitlab.world import World


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
    token: Token
    base: str
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: Mapping[str, Any]
    conflict_status: int
    _project: list[Project] = field(default_factory=list)

    @property
    def user(self) -> User:
        return self.token.user

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
MR = "projects/{project}/merge_requests/{iid}"


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


@operation("GET", "projects/{project}")
def show_project(call: Call) -> Answer:
    return 200, views.project(call.project, call.user, call.base)


@operation("GET", "projects/{project}/members/all")
def list_members(call: Call) -> Answer:
    found = [call.world.users[number] for number in call.project.members]
    return 200, Page(found, lambda each: views.member(each, call.project, call.base))


@operation("GET", "projects/{project}/members/all/{user}")
def show_member(call: Call) -> Answer:
    number = int(call.path["user"])
    if number not in call.project.members:
        raise Refusal(404, "404 Not found")
    return 200, views.member(call.world.users[number], call.project, call.base)


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
