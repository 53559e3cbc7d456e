"""Who is who in a repository on GitHub: the bot, people whose word counts, and everybody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from promoter.forges.github_talk import Conversation, Json
from promoter.forges.github_trouble import RefusalError

_LIFETIME = timedelta(minutes=5)
_WRITERS = frozenset({"admin", "write"})  # `maintain` is told as write, `triage` as read
_DECISIVE = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})


class People:
    """Thread-safe. What GitHub said of a person's rights holds for five minutes."""

    def __init__(self, talk: Conversation, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._now = now
        self._lock = threading.Lock()
        self._me: str | None = None
        self._writers: dict[str, tuple[datetime, bool]] = {}
        self._closers: dict[tuple[int, str], str | None] = {}

    def me(self) -> str:
        """The login that the bot acts under."""
        if self._me is None:
            self._me = self._talk.login.name(
                lambda path, key: self._talk.get(path, "tell who it is", key)
            )
        return self._me

    def is_me(self, login: str) -> bool:
        return login.casefold() == self.me().casefold()

    def may_write(self, login: str) -> bool:
        key, now = login.casefold(), self._now()
        with self._lock:
            known = self._writers.get(key)
        if known is not None and now - known[0] < _LIFETIME:
            return known[1]
        path = self._talk.place.path(f"/collaborators/{quote(login, safe='')}/permission")
        try:
            answer = self._talk.get(path, f"tell the rights of {login}", "permission")
            may = answer["permission"] in _WRITERS
        except RefusalError as error:
            if error.status != 404:
                raise
            may = False
        with self._lock:
            self._writers[key] = (now, may)
        return may

    def closer(self, number: int, closed_at: str) -> str | None:
        """Who closed a merge request, where that is somebody's word: the bot, or a person with
        write access. None for other bots, people without that right, and deleted accounts."""
        key = (number, closed_at)
        with self._lock:
            if key in self._closers:
                return self._closers[key]
        issue = self._talk.get(
            self._talk.place.path(f"/issues/{number}"), f"tell who closed #{number}", "number"
        )
        who = self._word_of(issue.get("closed_by"))
        with self._lock:
            self._closers[key] = who
        return who

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
