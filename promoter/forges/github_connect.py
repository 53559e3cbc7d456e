"""From a repository's address and a proof of who we are to its forge on GitHub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from promoter.access.credentials import Credentials
from promoter.forges.github import GitHubForge
from promoter.forges.github_login import TokenLogin
from promoter.forges.github_place import GitHubPlace
from promoter.forges.github_talk import WRITE_PAUSE, Conversation, Login


@dataclass(frozen=True)
class App:
    """A GitHub App: its id (or client id) and the file of its private key."""

    id: str
    key_file: Path


def connect(
    url: str,
    *,
    credentials: Credentials,
    now: Callable[[], datetime],
    app: App | None = None,
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
    talk = partial(Conversation, place, now=now, verify=verify, write_pause=write_pause)
    login: Login
    if app is None:
        login = TokenLogin(partial(credentials.for_host, place.host), place.host)
    else:
        from promoter.forges.github_app import AppKey, AppLogin  # brings PyJWT and cryptography

        login = AppLogin(talk(AppKey(app.id, app.key_file)), now)
    return GitHubForge(talk(login), now)
