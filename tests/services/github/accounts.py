"""Who asks: tokens, Apps and their installations, users and their permissions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt

from tests.services.github.json import (
    BEGAN,
    integration,
    moment,
    public_user,
    repository,
    user,
)
from tests.services.github.routes import REPOSITORY, Answer, Request, Routes
from tests.services.github.state import App, GitHubError, Permission, World

_TOKEN_LIFE = timedelta(hours=1)
_LONGEST_PROOF_S = 660
"""An App's own token may last ten minutes; a minute more for clocks that differ."""


def identify(world: World, header: str | None) -> tuple[str, int | None]:
    """The login behind an Authorization header, or the App that proves itself with a JWT (its
    login is then its bot's). GitHubError 401 for anything else."""
    kind, _, token = (header or "").partition(" ")
    if kind.lower() not in ("token", "bearer"):
        raise GitHubError(401, "Requires authentication")
    if token.count(".") == 2:
        app = _prove(world, token)
        return f"{app.slug}[bot]", app.id
    return login_of(world, token), None


def login_of(world: World, token: str) -> str:
    """Whose token it is; GitHubError 401 where it is nobody's, or ended."""
    login = world.tokens.get(token)
    ends = world.token_ends.get(token)
    if login is None or (ends is not None and ends <= world.clock()):
        raise GitHubError(401, "Bad credentials")
    return login


def _prove(world: World, token: str) -> App:
    """The App that signed a JWT with its private key (RS256; `iss`, `iat`, `exp`)."""
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
        app = next(each for each in world.apps.values() if str(each.id) == issuer)
        options: Any = {"require": ["exp", "iat", "iss"]}
        told = jwt.decode(token, app.public_key, algorithms=["RS256"], options=options)
    except StopIteration:
        raise GitHubError(404, "Integration not found") from None
    except jwt.InvalidTokenError:
        raise GitHubError(401, "A JSON web token could not be decoded") from None
    if told["exp"] - told["iat"] > _LONGEST_PROOF_S:
        message = "'Expiration time' claim ('exp') is too far in the future"
        raise GitHubError(401, message)
    return app


def _app(request: Request) -> App:
    if request.app is None:
        raise GitHubError(401, "A JSON web token could not be decoded")
    return request.world.apps[request.app]


def show_app(request: Request) -> Answer:
    app, world = _app(request), request.world
    return Answer(integration(world, app.id, app.slug))


def _installation(world: World, app: App, full_name: str) -> dict[str, Any]:
    number, owner = app.installed[full_name], full_name.partition("/")[0]
    api = world.api
    return {
        "id": number,
        "account": user(world, owner),
        "repository_selection": "selected",
        "access_tokens_url": f"{api}/app/installations/{number}/access_tokens",
        "repositories_url": f"{api}/installation/repositories",
        "html_url": f"{world.web}/settings/installations/{number}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": world.account(owner).id,
        "target_type": "Organization",
        "permissions": app.permissions,
        "events": [],
        "created_at": BEGAN,
        "updated_at": BEGAN,
        "single_file_name": None,
        "suspended_by": None,
        "suspended_at": None,
    }


def installation_of_repository(request: Request) -> Answer:
    app = _app(request)
    name = f"{request.names['owner']}/{request.names['repo']}"
    if name not in app.installed:
        raise GitHubError(404, "Not Found")
    return Answer(_installation(request.world, app, name))


def list_installations(request: Request) -> Answer:
    app = _app(request)
    return request.page(list(app.installed), lambda each: _installation(request.world, app, each))


def give_token(request: Request) -> Answer:
    """A token of an installation; it ends after an hour."""
    app, world = _app(request), request.world
    if int(request.names["number"]) not in app.installed.values():
        raise GitHubError(404, "Not Found")
    token = f"ghs_{secrets.token_hex(18)}"
    ends = world.clock() + _TOKEN_LIFE
    world.tokens[token], world.token_ends[token] = f"{app.slug}[bot]", ends
    world.note("token given", None, f"{app.slug}[bot]")
    told = {"token": token, "expires_at": moment(ends), "permissions": app.permissions}
    return Answer(told, 201)


def list_installed(request: Request) -> Answer:
    found = [
        each for each in request.world.repositories.values() if request.login in each.permissions
    ]
    return request.page_within("repositories", found, lambda each: repository(request.world, each))


def show_me(request: Request) -> Answer:
    """An installation is nobody."""
    if request.login.endswith("[bot]"):
        raise GitHubError(403, "Resource not accessible by integration")
    return Answer(public_user(request.world, request.login))


def show_user(request: Request) -> Answer:
    login = request.names["login"]
    if login not in request.world.accounts:
        raise GitHubError(404, "Not Found")
    return Answer(public_user(request.world, login))


# What `permission` says of a role: the API folds the five into three and "none".
_FOLDED: Mapping[Permission, str] = {"maintain": "write", "triage": "read"}


def show_permission(request: Request) -> Answer:
    login = request.names["login"]
    if login not in request.world.accounts:
        raise GitHubError(404, "Not Found")
    request.need_write()
    role = request.repository.permissions.get(login, "none")
    return Answer(
        {
            "permission": _FOLDED.get(role, role),
            "role_name": role,
            "user": {**user(request.world, login), "role_name": role},
        }
    )


def list_collaborators(request: Request) -> Answer:
    request.need_write()
    known = list(request.repository.permissions.items())
    return request.page(known, lambda each: {**user(request.world, each[0]), "role_name": each[1]})


def is_collaborator(request: Request) -> Answer:
    if request.repository.permissions.get(request.names["login"], "none") == "none":
        raise GitHubError(404, "Not Found")
    return Answer(status=204)


_COLLABORATORS = f"{REPOSITORY}/collaborators"
ROUTES: Routes = (
    ("GET", "/app", show_app),
    ("GET", "/app/installations", list_installations),
    ("POST", "/app/installations/{number}/access_tokens", give_token),
    ("GET", "/installation/repositories", list_installed),
    ("GET", f"{REPOSITORY}/installation", installation_of_repository),
    ("GET", "/user", show_me),
    ("GET", "/users/{login}", show_user),
    ("GET", _COLLABORATORS, list_collaborators),
    ("GET", f"{_COLLABORATORS}/{{login}}", is_collaborator),
    ("GET", f"{_COLLABORATORS}/{{login}}/permission", show_permission),
)
