"""Who is who in a project of GitLab: the bot, people whose word counts, and everybody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitlab.exceptions import GitlabError

from promoter.access.redaction import redact
from promoter.forges.gitlab.memory import Memory
from promoter.forges.gitlab.server import GitLabServer
from promoter.forges.gitlab.values import Json, field, moment

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40  # https://docs.gitlab.com/api/members/#roles
_AROUND = timedelta(days=2)
# GitLab writes the deletion down and closes the request side by side; nobody closes one by hand and
# deletes its branch that fast.
_AT_ONCE = timedelta(seconds=1)


@dataclass(frozen=True)
class Named:
    """Members that were looked for: user id -> name; `warnings` tells who is none."""

    members: dict[int, str]
    warnings: tuple[str, ...] = ()


class People:
    """Thread-safe. What GitLab said of a person holds for five minutes; how a request came to be
    closed is asked once."""

    def __init__(self, server: GitLabServer, clock: Callable[[], float]) -> None:
        self._server = server
        self._levels: Memory[int, int] = Memory(clock)
        self._users: Memory[str, tuple[int, str] | None] = Memory(clock)
        self._lock = threading.Lock()
        self._lost_branch: dict[tuple[int, str], bool] = {}

    def me(self) -> int:
        return field(self._server.whoami(), "id", int)

    def level(self, user: int) -> int:
        """The access level in the project, inherited ones too; 0: none, or blocked."""
        return self._levels.get(user, lambda: self._ask_level(user))

    def may_write(self, user: int) -> bool:
        return self.level(user) >= DEVELOPER

    def find(self, names: Sequence[str], role: str) -> Named:
        """The members of these user names; `role` is what they were wanted as."""
        members: dict[int, str] = {}
        warnings = []
        for name in names:
            user = self._users.get(name.casefold(), lambda name=name: self._ask_user(name))  # type: ignore[misc]
            if user is None or not self.level(user[0]):
                why = "no member of" if user else "not known to"
                where = self._server.place if user else self._server.place.host
                warnings.append(redact(f"{role} {name} is {why} {where}: left out"))
            else:
                members[user[0]] = user[1]
        return Named(members, tuple(warnings))

    def closer(self, data: Json) -> str | None:
        """The user name of who closed a request, where that is somebody's word: of a person with
        write access, by hand. GitLab also closes what lost its branch, in the name of whoever
        deleted that."""
        closer = field(data, "closed_by", dict)
        if not self.may_write(field(closer, "id", int)) or self._has_lost_branch(data):
            return None
        return field(closer, "username", str)

    def _has_lost_branch(self, data: Json) -> bool:
        at = moment(data, "closed_at")
        if at is None:
            return False
        key = (field(data, "iid", int), at.isoformat())
        with self._lock:
            known = self._lost_branch.get(key)
        if known is None:
            known = self._ask_about_branch(field(data, "source_branch", str), at)
            with self._lock:
                self._lost_branch[key] = known
        return known

    def _ask_about_branch(self, branch: str, closed_at: datetime) -> bool:
        """Whether the branch was gone when the request was closed: GitLab tells of the deletion
        among the project's events, as of before the close that follows from it.

        https://docs.gitlab.com/api/events/#list-all-visible-events-for-a-project; the days there
        are left out themselves. What nobody tells counts as a close by hand.
        """
        wanted = {
            "action": "pushed",
            "after": (closed_at - _AROUND).date().isoformat(),
            "before": (closed_at + _AROUND).date().isoformat(),
        }
        with self._server.speaking(f"asking what became of the branch {branch}"):
            try:
                for event in self._server.project.events.list(iterator=True, **wanted):
                    push: Any = event.attributes.get("push_data") or {}
                    at = moment(event.attributes, "created_at")
                    if push.get("ref") == branch and at is not None and at <= closed_at + _AT_ONCE:
                        return bool(push.get("action") == "removed")
            except GitlabError as error:
                if error.response_code not in (403, 404):
                    raise
        return False

    def _ask_level(self, user: int) -> int:
        with self._server.speaking("asking for the rights of a member"):
            try:
                member: Json = self._server.project.members_all.get(user).attributes
            except GitlabError as error:
                if error.response_code == 404:
                    return 0
                raise
        return 0 if member.get("state") == "blocked" else field(member, "access_level", int)

    def _ask_user(self, name: str) -> tuple[int, str] | None:
        with self._server.speaking(f"looking for the user {name}"):
            found = self._server.api.users.list(username=name, get_all=True)
        for user in found:
            data: Json = user.attributes
            if field(data, "username", str).casefold() == name.casefold():
                return field(data, "id", int), field(data, "username", str)
        return None
