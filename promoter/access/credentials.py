"""Credentials by host, in one place for registries, Git over HTTPS and forges.

The file is YAML, one host (with its port, where it has one) a key:

    harbor.example.com: {username: robot$promoter, password-file: /run/secrets/harbor}
    git.example.com: {username: promoter, password-env: GIT_TOKEN}
    localhost:5000: {username: ci, password: "..."}
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, Self

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from promoter.access import redaction
from promoter.errors import InputError, Where

_WAYS = ("password", "password-file", "password-env")


@dataclass(frozen=True)
class Credential:
    """`password` is what `kind` says: a password (also a cloud's short-lived one), an identity
    (refresh) token that a realm trades for a bearer token, or a bearer token itself. `origin`
    tells people where it came from: `the credentials file`, `docker-credential-gcloud`."""

    username: str
    password: str = field(repr=False)
    kind: Literal["password", "identity-token", "registry-token"] = "password"
    origin: str = "the credentials file"


class CredentialsOf(Protocol):
    """The credentials of one registry host."""

    def __call__(self, repository: str, refused: Credential | None = None) -> Credential | None:
        """What to prove oneself with for a repository (`shop/web`); None: nothing is known.

        `refused`: the registry did not accept this one, so that a source of short-lived ones
        gives another where it can. Raises InputError, TransientError.
        """


@dataclass(frozen=True)
class Credentials:
    """Credentials by `host` or `host:port`, lower case. `broken`: hosts whose password can't be
    had now, and why; they must not stop those who ask for another host."""

    by_host: Mapping[str, Credential] = field(default_factory=dict)
    broken: Mapping[str, InputError] = field(default_factory=dict)

    def for_host(self, host: str) -> Credential | None:
        """The credential of exactly this host (and port); never that of a parent domain.

        Raises InputError where the file has one whose password can't be had.
        """
        error = self.broken.get(host.lower())
        if error is not None:
            raise InputError(error.message, where=error.where)
        return self.by_host.get(host.lower())

    @classmethod
    def load(cls, file: Path | None) -> Self:
        """Read the file (None: no credentials at all) and every secret that it points at.

        Raises InputError with file and line where the file itself is wrong; the message never
        holds a value.
        """
        if file is None:
            return cls()
        where = Where(str(file))
        try:
            content = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", where=where) from None
        except (YAMLError, UnicodeDecodeError) as error:
            mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
            line = mark.line + 1 if mark else 0
            raise InputError("is not YAML", where=Where(str(file), line)) from None
        if content is None:
            return cls()
        if not isinstance(content, dict):
            raise InputError("must be a mapping of hosts to {username, password-file}", where=where)
        found: dict[str, Credential] = {}
        broken: dict[str, InputError] = {}
        for host, entry in content.items():
            username, way, value = _check_entry(host, entry, where)
            try:
                password = _read_password(way, value)
            except InputError as error:
                broken[str(host).lower()] = InputError(f"{host}: {error.message}", where=where)
                continue
            redaction.register_pair(username, password)
            found[str(host).lower()] = Credential(username, password)
        return cls(found, broken)


def _check_entry(host: object, entry: object, where: Where) -> tuple[str, str, str]:
    """The user, the way to the password and what the file says for it."""
    if not isinstance(entry, dict):
        raise InputError(f"{host}: must be a mapping with username and password-file", where=where)
    unknown = sorted(str(key) for key in entry if key not in ("username", *_WAYS))
    if unknown:
        raise InputError(
            f"{host}: unknown key '{unknown[0]}'; known are username, {', '.join(_WAYS)}",
            where=where,
        )
    ways = [key for key in _WAYS if key in entry]
    if len(ways) != 1:
        raise InputError(f"{host}: give exactly one of {', '.join(_WAYS)}", where=where)
    for key, value in entry.items():
        # YAML reads 0123 as the number 123, and nothing as null.
        if not isinstance(value, str) or not value:
            raise InputError(
                f"{host}: {key} must be a text that is not empty: put it in quotes", where=where
            )
    return entry.get("username", "promoter"), ways[0], entry[ways[0]]


def _read_password(way: str, value: str) -> str:
    """The password itself. Raises InputError where it can't be had."""
    if way == "password-env":
        password = os.environ.get(value, "")
        if not password:
            raise InputError(f"the environment variable {value} is not set")
        return password
    if way == "password":
        return value
    try:
        password = Path(value).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise InputError(f"password-file {value} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"password-file {value} is not UTF-8 text") from None
    if not password:
        raise InputError(f"password-file {value} is empty")
    return password
