"""How the bot stands in a repository on GitHub: what it may do, and what protects the base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from promoter.forges.github.people import WORKFLOW, People
from promoter.forges.github.protection import ProtectionReader
from promoter.forges.github.queue import Queue
from promoter.forges.github.settings import Settings
from promoter.forges.github.talk import Conversation
from promoter.forges.memory import Memory, seconds_of
from promoter.model.ports import Footing, Rights


class FootingReader:
    """Thread-safe. What it learns holds for five minutes."""

    def __init__(
        self,
        talk: Conversation,
        now: Callable[[], datetime],
        people: People,
        settings: Settings,
        queue: Queue,
    ) -> None:
        self._talk = talk
        self._people = people
        self._settings = settings
        self._protection = ProtectionReader(talk, queue)
        self._known: Memory[str, Footing] = Memory(seconds_of(now))

    def of(self, base: str) -> Footing:
        return self._known.get(base, lambda: self._look(base))

    def _look(self, base: str) -> Footing:
        me = self._people.me()
        rights, problems = self._rights(me)
        given = self._talk.login.permissions()
        is_admin = given is None and bool(self._settings.permissions().get("admin"))
        administers = is_admin or "administration" in (given or {})
        seen = self._protection.look(base, me, administers=administers, is_admin=is_admin)
        rights = replace(rights, bypass=seen.bypass)
        return Footing(rights, seen.protection(), problems=(*problems, *seen.problems))

    def _rights(self, me: str) -> tuple[Rights, tuple[str, ...]]:
        given = self._talk.login.permissions()
        if given is not None:
            return _of_installation(me, given), ()
        if me.endswith("[bot]"):
            return self._of_lent_token(me)
        # The person's own: a fine-grained token may be given less, and GitHub does not tell that.
        may = bool(self._settings.permissions().get("push"))
        rights = Rights(
            me,
            push=may,
            open=may,
            merge=may,
            see_approvals=may,
            publish=may,
            starts_pipelines=True,
        )
        return rights, ()

    def _of_lent_token(self, me: str) -> tuple[Rights, tuple[str, ...]]:
        """A token that a workflow got: GitHub starts no workflow for what is done with the one
        that every workflow has (docs.github.com, "Triggering a workflow")."""
        what = "the token of a workflow" if me == WORKFLOW else f"a token of {me}"
        problem = (
            f"{self._talk.place}: GitHub does not tell what {what} may do; give it contents: write,"
            " pull-requests: write, statuses: write and checks: read"
        )
        return Rights(me, starts_pipelines=me != WORKFLOW), (problem,)


def _of_installation(me: str, given: Mapping[str, str]) -> Rights:
    """docs.github.com, "Permissions required for GitHub Apps"."""
    return Rights(
        me,
        push=given.get("contents") == "write",
        open=given.get("pull_requests") == "write",
        merge=given.get("contents") == "write",
        see_approvals="pull_requests" in given,
        publish=given.get("statuses") == "write",
        starts_pipelines=True,
    )
