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
from typing import Self

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from promoter.access import redaction
from promoter.errors import InputError, Where

_WAYS = ("password", "password-file", "password-env")


@dataclass(frozen=True)
class Credential:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """Credentials by `host` or `host:port`, lower case."""

    by_host: Mapping[str, Credential] = field(default_factory=dict)

    def for_host(self, host: str) -> Credential | None:
        """The credential of exactly this host (and port); never that of a parent domain."""
        return self.by_host.get(host.lower())

    @classmethod
    def load(cls, file: Path | None) -> Self:
        """Read the file (None: no credentials at all) and every secret that it points at.

        Raises InputError with file and line; the message never holds a value.
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
        found = {
            str(host).lower(): _credential(host, each, where) for host, each in content.items()
        }
        for each in found.values():
            redaction.register_pair(each.username, each.password)
        return cls(found)


def _credential(host: object, entry: object, where: Where) -> Credential:
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
    value = str(entry[ways[0]])
    if ways[0] == "password-file":
        try:
            value = Path(value).read_text("utf-8").rstrip("\r\n")
        except OSError as error:
            raise InputError(
                f"{host}: password-file {value} can't be read: {error.strerror}", where=where
            ) from None
    elif ways[0] == "password-env":
        name, value = value, os.environ.get(value, "")
        if not value:
            raise InputError(f"{host}: the environment variable {name} is not set", where=where)
    return Credential(str(entry.get("username", "promoter")), value)
