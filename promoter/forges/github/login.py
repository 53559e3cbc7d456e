"""A token of GitHub from the credentials: a person's, a fine-grained one, or that of a job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from promoter.access.credentials import Credential
from promoter.errors import InputError
from promoter.forges.github.talk import Json
from promoter.forges.github.trouble import ForbiddenError


class TokenLogin:
    """`promoter.forges.github_talk.Login` by a token. `credential` is asked again once the token
    was refused: files are rotated while the process runs."""

    def __init__(self, credential: Callable[[], Credential | None], host: str) -> None:
        self._credential = credential
        self._host = host
        self._lock = threading.Lock()
        self._known: Credential | None = None

    def __str__(self) -> str:
        known = self._known
        return f"the token of {known.origin}" if known else "the token"

    def token(self) -> str:
        with self._lock:
            if self._known is None:
                self._known = self._credential()
            if self._known is None:
                raise InputError(
                    f"no token is known for {self._host}: add the entry '{self._host}' with a"
                    " password (the token) to the credentials file, or give a GitHub App"
                )
            return self._known.password

    def renew(self) -> bool:
        with self._lock:
            old, new = self._known, self._credential()
            if new is None or (old is not None and new.password == old.password):
                return False
            self._known = new
            return True

    def name(self, ask: Callable[[str, str], Json]) -> str | None:
        """None for the token of an installation, a workflow's among them: it is no user."""
        try:
            return str(ask("/user", "login")["login"])
        except ForbiddenError:
            return None

    def permissions(self) -> Mapping[str, str] | None:
        return None
