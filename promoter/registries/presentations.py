"""How often a credential is shown to a registry that does not accept it: servers lock an account
after a few logins that failed, and a wrong password would be tried for every repository."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from promoter.access.credentials import Credential
from promoter.access.http import Response
from promoter.access.origin import origin_of
from promoter.access.recent import Recent
from promoter.registries.place import Place

_MOST_CREDENTIALS = 1000
_FIRST_TRIES = 3  # repositories: some registries say 401 of those that one may not read
_REST = 60.0  # seconds; then one may try


@dataclass
class _Record:
    """What became of one credential; everything but `trusted` is read under `changed`."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    trusted: bool = False
    opened: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    tries: int = _FIRST_TRIES
    trying: int = 0
    rests_until: float = 0.0
    others_wait: bool = False

    def may_try(self, repository: str, now: float) -> bool:
        """In each round somebody else, as long as there is somebody: a repository that may not be
        read must not stand before those that may."""
        if self.refused and now >= self.rests_until:
            self.rests_until = now + _REST
            self.tries = max(self.tries, 1)
            if not self.others_wait:
                self.refused.clear()
            self.others_wait = False
        new = repository not in self.refused
        if new and self.tries > self.trying:
            return True
        self.others_wait |= new
        return False

    def met_401(self, repository: str, now: float) -> None:
        if self.trusted and repository not in self.opened:
            return  # it opened others, so that it is a matter of this one
        if self.trusted:
            self.trusted = False
            self.tries = _FIRST_TRIES
        self.tries = max(self.tries - 1, 0)
        self.refused.add(repository)
        self.rests_until = now + _REST

    def accepted(self, repository: str) -> None:
        self.opened.add(repository)
        self.refused.clear()
        self.others_wait = False
        self.trusted = True


class Presentations:
    """The credentials that one registry and its realms were shown; thread-safe.

    Until it is accepted once, a few repositories show one and the others wait for what becomes of
    them. After a few that met a 401 it rests, and then one may try after each rest. Another secret
    is another credential.
    """

    def __init__(self, place: Place, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._clock = clock
        self._lock = threading.Lock()
        self._records: Recent[Credential, _Record] = Recent(_MOST_CREDENTIALS)

    def show(
        self, credential: Credential, repository: str, url: str, ask: Callable[[], Response]
    ) -> Response | str:
        """What `ask` gives, which sends the credential to `url`; a text, for people, says why it
        is not to be sent now."""
        with self._lock:  # two records of one credential would let it be tried twice as often
            record = self._records.get_or_make(credential, _Record)
        if record.trusted:
            return self._note(record, repository, url, ask())
        with record.changed:
            while not record.trusted and not record.may_try(repository, self._clock()):
                if not record.trying:
                    return self._put_off(credential)
                record.changed.wait()
            record.trying += 1
        try:
            return self._note(record, repository, url, ask())
        finally:
            with record.changed:
                record.trying -= 1
                record.changed.notify_all()

    def _put_off(self, credential: Credential) -> str:
        return (
            f"the credential of {owner_of(credential)} was refused a moment ago (401) and is tried"
            " again in a minute, so that its account is not locked;"
            f" {what_to_check(credential, self._place)}"
        )

    def _note(self, record: _Record, repository: str, url: str, response: Response) -> Response:
        # Where a redirect led, it was not sent: so it was good enough for the redirect.
        refused = response.status == 401 and origin_of(response.url) == origin_of(url)
        with record.changed:
            if refused:
                record.met_401(repository, self._clock())
            else:
                record.accepted(repository)
        return response


def owner_of(credential: Credential) -> str:
    """`user 'ci'`, or what a token without a user is."""
    if credential.kind == "password" and credential.username:
        return f"user '{credential.username}'"
    return f"the {credential.kind.replace('-', ' ')}"


def what_to_check(credential: Credential, place: Place) -> str:
    what = "username, password" if credential.kind == "password" else "whether it is still valid"
    return f"check {what} and the right to pull of the entry {place.entry} in {credential.origin}"
