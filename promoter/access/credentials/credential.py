"""What one proves oneself with, and who is asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from promoter.access import redaction

Kind = Literal["password", "identity-token", "registry-token"]


@dataclass(frozen=True)
class Credential:
    """`password` is what `kind` says: a password (also a cloud's short-lived one), an identity
    (refresh) token that a realm trades for a bearer token, or a bearer token itself. `origin`
    tells people where it came from: `the credentials file promoter.yaml:3`,
    `docker-credential-gcloud`."""

    username: str
    password: str = field(repr=False)
    kind: Kind = "password"
    origin: str = field(default="the credentials file", compare=False)


class CredentialsOf(Protocol):
    """The credentials of one registry host."""

    def __call__(self, repository: str, refused: Credential | None = None) -> Credential | None:
        """What to prove oneself with for a repository (`shop/web`); None: nothing is known.

        `refused`: the registry did not accept this one, so that a source of short-lived ones
        gives another where it can. Raises InputError, TransientError.
        """


@runtime_checkable
class ToldCredentialsOf(CredentialsOf, Protocol):
    """Credentials that can tell why there are none."""

    def why_none(self, repository: str) -> str:
        """Who was asked for a repository in vain, and what to do; empty where nobody was."""


def why_none(credentials: CredentialsOf, host: str, repository: str) -> str:
    """What to do where a host refuses us and no credential is known for it."""
    told = credentials.why_none(repository) if isinstance(credentials, ToldCredentialsOf) else ""
    add = f"add the entry '{host}' in the credentials file, or check that the repository exists"
    return told or add


def mask(credential: Credential, *, passing: bool) -> Credential:
    """The credential itself, its secret masked from now on in whatever is shown.

    `passing`: it is replaced by another one before long, and masked for a bounded time only.
    """
    import base64  # here, because most commands have no secret and start faster without

    pair = f"{credential.username}:{credential.password}".encode()
    for secret in (credential.password, base64.b64encode(pair).decode()):
        hide(secret, passing=passing)
    return credential


def hide(secret: str, *, passing: bool = True) -> str:
    """The secret itself, masked from now on."""
    (redaction.register_passing if passing else redaction.register)(secret)
    return secret
