"""Who is who in a project of GitLab: the bot, people whose word counts, and everybody else."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitlab.exceptions import GitlabError

from promoter.access.redaction import redact
from promoter.forges.gitlab.server import GitLabServer
from promoter.forges.gitlab.values import Json, field, moment, user_id
from promoter.forges.memory import Memory

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40  # https://docs.gitlab.com/api/members/#roles
_AROUND = timedelta(days=2)
# GitLab writes the deletion down and closes the request side by side; nobody closes one by hand and
# deletes its branch that fast.
_AT_ONCE = timedelta(seconds=1)
# Of a push that deletes many branches GitLab does not tell which; the requests of those are closed
# in the moments that follow.
_SOON = timedelta(seconds=10)
_FOR_EVER = float("inf")
# https://docs.gitlab.com/user/project/settings/project_access_tokens/#bot-users-for-projects
_ACCESS_TOKEN_USER = re.compile(r"(?:project|group)_[0-9]+_bot(?:_?[0-9a-f]*)?|service_account_.+")


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
        self._levels: Memory[int, int | None] = Memory(clock)
        self._bots: Memory[int, bool] = Memory(clock, _FOR_EVER)
        self._users: Memory[str, tuple[int, str] | None] = Memory(clock)
        self._lock = threading.Lock()
        self._lost_branch: dict[tuple[int, str], bool] = {}

    def me(self) -> int:
        return field(self._server.whoami(), "id", int)

    def level(self, user: int) -> int:
        """The access level in the project, inherited ones too; 0: none, or not active."""
        return self._level_of_member(user) or 0

    def has_say(self, user: Json) -> bool:
        """Whether it is a person who may write; `user` as GitLab shows one."""
        return self.level(field(user, "id", int)) >= DEVELOPER and not self._is_bot(user)

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
        closer: Json = field(data, "closed_by", dict)
        if not self._may_close(closer, data) or self._is_bot(closer) or self._has_lost_branch(data):
            return None
        return field(closer, "username", str)

    def _may_close(self, closer: Json, data: Json) -> bool:
        """Whether it closed by a right to write: authors and assignees may close without one. Who
        is neither and no member is an administrator, or has left since."""
        who = field(closer, "id", int)
        level = self._level_of_member(who)
        if level is not None:
            return level >= DEVELOPER
        assignees = [field(each, "id", int) for each in data.get("assignees") or ()]
        return who not in {user_id(data, "author"), *assignees}

    def _has_lost_branch(self, data: Json) -> bool:
        at = moment(data, "closed_at")
        if at is None:
            return False
        key = (field(data, "iid", int), at.isoformat())
        with self._lock:
            known = self._lost_branch.get(key)
        if known is None:
            closer = field(field(data, "closed_by", dict), "id", int)
            known = self._ask_about_branch(field(data, "source_branch", str), at, closer)
            with self._lock:
                self._lost_branch[key] = known
        return known

    def _ask_about_branch(self, branch: str, closed_at: datetime, closer: int) -> bool:
        """Whether the branch was gone when the request was closed: GitLab tells of the deletion
        among the project's events, as of before the close that follows from it, by the same user.

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
                    lost = _is_loss(event.attributes, branch, closed_at, closer)
                    if lost is not None:
                        return lost
            except GitlabError as error:
                if error.response_code not in (403, 404):
                    raise
        return False

    def _level_of_member(self, user: int) -> int | None:
        return self._levels.get(user, lambda: self._ask_level(user))

    def _ask_level(self, user: int) -> int | None:
        with self._server.speaking("asking for the rights of a member"):
            try:
                member: Json = self._server.project.members_all.get(user).attributes
            except GitlabError as error:
                if error.response_code == 404:
                    return None
                raise
        # Blocked, banned, deactivated, waiting for a yes: GitLab lets none of them in.
        active = member.get("state", "active") == "active"
        return field(member, "access_level", int) if active else 0

    def _is_bot(self, user: Json) -> bool:
        """Of an access token, a service account, or GitLab's own."""
        return self._bots.get(field(user, "id", int), lambda: self._ask_whether_bot(user))

    def _ask_whether_bot(self, user: Json) -> bool:
        """GitLab tells; by the name only where it shows users to few, or is an old one: people may
        be called anything."""
        with self._server.speaking("asking whether a user is a bot"):
            try:
                told = self._server.api.users.get(field(user, "id", int)).attributes.get("bot")
            except GitlabError as error:
                if error.response_code not in (403, 404):
                    raise
                told = None
        if isinstance(told, bool):
            return told
        return _ACCESS_TOKEN_USER.fullmatch(field(user, "username", str)) is not None

    def _ask_user(self, name: str) -> tuple[int, str] | None:
        with self._server.speaking(f"looking for the user {name}"):
            found = self._server.api.users.list(username=name, get_all=True)
        for user in found:
            data: Json = user.attributes
            if field(data, "username", str).casefold() == name.casefold():
                return field(data, "id", int), field(data, "username", str)
        return None


def _is_loss(event: Json, branch: str, closed_at: datetime, closer: int) -> bool | None:
    """Whether a push took the branch away, so that its request was closed; None: it tells nothing.
    Events come the newest first. One push of more than three branches is one event, that names none
    of them and says how many: one that creates may have brought the branch back."""
    push: Any = event.get("push_data") or {}
    at = moment(event, "created_at")
    if at is None or at > closed_at + _AT_ONCE or push.get("ref_type", "branch") != "branch":
        return None
    removed = bool(push.get("action") == "removed")
    mine = bool(event.get("author_id", closer) == closer)
    if push.get("ref") == branch:
        return removed and mine
    if push.get("ref_count") is None:
        return None
    if removed:
        return True if mine and at >= closed_at - _SOON else None
    return False if push.get("action") == "created" and at <= closed_at else None
