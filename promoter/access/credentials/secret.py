"""The ways to a secret in the credentials file: as it is, from the environment, from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from promoter.access.credentials.watched import Watched
from promoter.errors import InputError

Secret = Callable[[], str]
"""Gives the secret as it is now; raises InputError where it can't be had."""


def written(value: str) -> Secret:
    return lambda: value


def from_environment(name: str, environment: Mapping[str, str]) -> Secret:
    def read() -> str:
        value = environment.get(name, "")
        if not value:
            raise InputError(f"the environment variable {name} is not set")
        return value

    return read


def from_file(path: str, key: str) -> Secret:
    """`key` is what the credentials file calls it, for messages."""
    watched = Watched(Path(path), lambda data: data.decode("utf-8").rstrip("\r\n"))

    def read() -> str:
        try:
            value = watched.get()
        except OSError as error:
            raise InputError(f"{key} {path} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise InputError(f"{key} {path} is not UTF-8 text") from None
        if not value:
            raise InputError(f"{key} {path} is empty")
        return value

    return read
