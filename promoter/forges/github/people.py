"""Who is who in a repository on GitHub: the bot, people whose word counts, and everybody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from promoter.forges.github.talk import Conversation, Json
from promoter.forges.github.trouble import RefusalError
from promoter.forges.memory import Memory, seconds_of

WORKFLOW = "github-actions[bot]"
"""Who acts by the token that a workflow is given."""
_VIEWER = "query { viewer { login } }"
_AT_ONCE = timedelta(seconds=1)  # GitHub's times are whole seconds
_BRANCH_EVENTS = frozenset({"head_ref_deleted", "head_ref_force_pushed"})
_WRITERS = frozenset({"admin", "write"})  # `maintain` is told as write, `triage` as read
_DECISIVE = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})


class People:
    """Thread-safe. What GitHub said of a person's rights holds for five minutes."""

    def __init__(self, talk: Conversation, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._lock = threading.Lock()
        self._me: str | None = None
        self._writers: Memory[str, bool] = Memory(seconds_of(now))
        self._closers: dict[tuple[int, str], str | None] = {}

    def me(self) -> str:
        """The login that the bot acts under."""
        if self._me is None:
            doing = "tell who it is"
            name = self._talk.login.name(lambda path, key: self._talk.get(path, doing, key))
            self._me = name or self._viewer(doing)
        return self._me

    def _viewer(self, doing: str) -> str:
        """An installation's token may not ask for its user; here it is told its bot."""
        try:
            return str(self._talk.graphql(_VIEWER, {}, doing)["viewer"]["login"])
        except (RefusalError, KeyError, TypeError):
            return WORKFLOW

    def is_me(self, login: str) -> bool:
        return login.casefold() == self.me().casefold()

    def may_write(self, login: str) -> bool:
        return self._writers.get(login.casefold(), lambda: self._ask_rights(login))

    def _ask_rights(self, login: str) -> bool:
        path = self._talk.place.path(f"/collaborators/{quote(login, safe='')}/permission")
        try:
            answer = self._talk.get(path, f"tell the rights of {login}", "permission")
        except RefusalError as error:
            if error.status != 404:
                raise
            return False
        return answer["permission"] in _WRITERS

    def closer(self, number: int, closed_at: str) -> str | None:
        """Who closed a merge request, where that is somebody's word: the bot, or a person with
        write access. None for other bots, people without that right, deleted accounts, and where
        a branch that was deleted or reset took its request along. One call, once."""
        key = (number, closed_at)
        with self._lock:
            if key in self._closers:
                return self._closers[key]
        path = self._talk.place.path(f"/issues/{number}/events")
        events = list(self._talk.pages(path, f"tell who closed #{number}", {}))
        who = self._closer_of(events)
        with self._lock:
            self._closers[key] = who
        return who

    def _closer_of(self, events: Sequence[Json]) -> str | None:
        closed = [each for each in events if each["event"] == "closed"]
        if not closed:
            return None
        who = self._word_of(closed[-1].get("actor"))
        if who is None or self.is_me(who) or not _by_its_branch(closed[-1], events):
            return who
        return None

    def _word_of(self, user: Any) -> str | None:
        if not user:
            return None
        login = str(user["login"])
        if self.is_me(login):
            return login
        return login if is_person(user) and self.may_write(login) else None

    def approvers(self, reviews: Iterable[Json], head: str, author: str) -> Sequence[str]:
        """Whose latest decisive review approves exactly `head`. Nobody, while somebody with write
        access asks for changes: that word stands, on any head, until it is taken back."""
        latest = latest_decisions(reviews)
        for login, review in latest.items():
            if review["state"] == "CHANGES_REQUESTED" and self.may_write(login):
                return ()
        return tuple(
            login
            for login, review in latest.items()
            if review["state"] == "APPROVED"
            and review["commit_id"] == head
            and login.casefold() != author.casefold()
            and not self.is_me(login)
            and self.may_write(login)
        )


def is_person(user: Json) -> bool:
    return user.get("type") != "Bot" and not str(user["login"]).endswith("[bot]")


def latest_decisions(reviews: Iterable[Json]) -> dict[str, Json]:
    """The last review of each person that approves, asks for changes or was dismissed; a comment
    takes nothing back. GitHub lists them oldest first."""
    latest: dict[str, Json] = {}
    for review in reviews:
        user = review.get("user")
        if user and is_person(user) and review["state"] in _DECISIVE:
            latest[str(user["login"])] = review
    return latest


def _by_its_branch(closed: Json, events: Iterable[Json]) -> bool:
    """Whether a push closed it. GitHub names its pusher as who closed it; the one trace is that
    the branch went away, or was moved by force, in the same second and by the same hand: from a
    click on "Close" to one on "Delete branch" it takes longer."""
    return any(
        each["event"] in _BRANCH_EVENTS
        and (each.get("actor") or {}).get("login") == (closed.get("actor") or {}).get("login")
        and abs(_moment(each) - _moment(closed)) <= _AT_ONCE
        for each in events
    )


def _moment(event: Json) -> datetime:
    return datetime.fromisoformat(str(event["created_at"]))
