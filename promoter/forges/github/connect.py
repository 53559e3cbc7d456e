"""From a repository's address and a proof of who we are to its forge on GitHub."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from promoter.access.credentials import Credential, Credentials, GitHubApp
from promoter.forges.github.forge import GitHubForge
from promoter.forges.github.login import TokenLogin
from promoter.forges.github.place import GitHubPlace
from promoter.forges.github.talk import WRITE_PAUSE, Conversation

if TYPE_CHECKING:
    from promoter.forges.github.app import AppLogin


def connect(
    url: str,
    *,
    credentials: Credentials,
    now: Callable[[], datetime],
    app: AppLogin | None = None,
    api: str | None = None,
    verify: bool | str = True,
    write_pause: float = WRITE_PAUSE,
) -> GitHubForge:
    """The forge of the repository at `url`. Nothing is read or contacted before it is used.

    `app`: log in as that and not by a token; `api`: where the API is, None: as the address tells;
    `verify`: a file of CAs, or what requests trusts; `write_pause` in seconds. InputError where
    `url` names no repository of a GitHub.
    """
    place = GitHubPlace.of(url, api)
    login = app or TokenLogin(partial(credentials.for_host, place.host), place.host)
    talk = Conversation(place, login, now, verify=verify, write_pause=write_pause)
    return GitHubForge(talk, now)


def log_in(
    url: str,
    app: GitHubApp,
    *,
    now: Callable[[], datetime],
    api: str | None = None,
    verify: bool | str = True,
) -> AppLogin:
    """The login of the App's installation that serves the repository at `url`. Nothing is read or
    contacted before it is used."""
    from promoter.forges.github.app import AppKey, AppLogin  # brings PyJWT and cryptography

    place = GitHubPlace.of(url, api)
    return AppLogin(Conversation(place, AppKey(app.id, app.key_file), now, verify=verify), now)


def git_credential(app: AppLogin) -> Credential:
    """What the App shows to Git over HTTPS (docs.github.com, "Authenticating as a GitHub App
    installation", "HTTP-based Git access"). Raises InputError, TransientError."""
    return Credential("x-access-token", app.token(), origin=str(app))
