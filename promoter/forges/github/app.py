"""A GitHub App's login: its key signs for a short token of the one installation that serves the
repository (docs.github.com, "Authenticating as a GitHub App installation")."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from github.Auth import AppAuth

from promoter.access.redaction import register_passing
from promoter.errors import InputError, Where
from promoter.forges.github.talk import Conversation, Json
from promoter.forges.github.trouble import RefusalError

_EARLY = timedelta(minutes=5)  # a push with it may take long


@dataclass(frozen=True)
class _Lease:
    token: str
    ends_at: datetime


class AppKey:
    """`promoter.forges.github_talk.Login` of the App itself: short assertions signed by its key.

    The file is read each time: keys are rotated while the process runs.
    """

    def __init__(self, app_id: str, file: Path) -> None:
        self._app_id = app_id
        self._file = file

    def __str__(self) -> str:
        return f"the key {self._file} of the GitHub App {self._app_id}"

    def token(self) -> str:
        where = Where(str(self._file))
        try:
            key = self._file.read_text("utf-8")
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", where=where) from None
        except UnicodeDecodeError:
            key = ""
        if "PRIVATE KEY-----" not in key:
            raise InputError(
                "holds no private key in PEM form; download one on the App's page at GitHub",
                where=where,
            )
        try:
            assertion = AppAuth(self._app_id, key).token
        except Exception:  # noqa: BLE001 - PyJWT and cryptography have a dozen, some with the key
            raise InputError(
                "holds a private key that can't be read: GitHub's are RSA without a password",
                where=where,
            ) from None
        register_passing(assertion)
        return assertion

    def renew(self) -> bool:
        return False

    def name(self, ask: Callable[[str, str], Json]) -> str:
        return f"{ask('/app', 'slug')['slug']}[bot]"

    def permissions(self) -> Mapping[str, str] | None:
        return None


class AppLogin:
    """`promoter.forges.github_talk.Login` of an installation; its tokens last an hour and are
    renewed before. They serve Git over HTTPS as well, as the password of `x-access-token`.

    `talk` is the App's own conversation: its login is an `AppKey`.

    Thread-safe: who needs a token while it is renewed waits for that one.
    """

    def __init__(self, talk: Conversation, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._now = now
        self._lock = threading.Lock()
        self._lease: _Lease | None = None
        self._slug = ""
        self._given: Mapping[str, str] = {}

    def __str__(self) -> str:
        return str(self._talk.login)

    def token(self) -> str:
        with self._lock:
            if self._lease is None or self._lease.ends_at - _EARLY <= self._now():
                self._lease = self._get()
            return self._lease.token

    def renew(self) -> bool:
        with self._lock:
            had, self._lease = self._lease, None
            return had is not None

    def name(self, ask: Callable[[str, str], Json]) -> str:  # noqa: ARG002 - the installation told it
        self.token()
        return f"{self._slug}[bot]"

    def permissions(self) -> Mapping[str, str] | None:
        """As of the last token: what it may is what the installation was given then."""
        self.token()
        return self._given

    def _get(self) -> _Lease:
        place = self._talk.place
        doing = f"log in by {self._talk.login}"
        try:
            found = self._talk.get(place.path("/installation"), doing, "id")
        except RefusalError as error:
            if error.status != 404:
                raise
            raise InputError(
                f"{place}: the GitHub App is not installed for this repository: install it there"
                " (App's page, Install App), with contents, pull requests, issues and commit"
                " statuses: write and checks: read; or the id is another App's"
            ) from None
        made = self._talk.send(
            "POST", f"/app/installations/{found['id']}/access_tokens", doing, holding="token"
        )
        self._slug = str(found.get("app_slug") or "")
        self._given = made.get("permissions") or found.get("permissions") or {}
        token = str(made["token"])
        register_passing(token)
        return _Lease(token, datetime.fromisoformat(made["expires_at"]))
