"""The secrets of sources: a directory with a file for each, named as the source.

Each line is one valid secret; there are two while one is rotated. A file is read again when it
changed.
"""

from __future__ import annotations

from pathlib import Path

from promoter.access import redaction
from promoter.access.credentials.watched import Watched
from promoter.errors import InputError

_SHORTEST = 8


class SecretFiles:
    """Thread-safe. Without a directory no source has secrets."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._files: dict[str, Watched[tuple[bytes, ...]]] = {}

    def of(self, source: str) -> tuple[bytes, ...] | None:
        """The secrets of one of our sources, None where it is off. InputError says why the file
        can't be used, without anything of it."""
        if self._directory is None:
            return None
        path = self._directory / source
        file = self._files.setdefault(source, Watched(path, _parse))
        try:
            return file.get()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InputError(f"{path} can't be read: {error.strerror}") from None
        except ValueError as error:
            raise InputError(f"{path} {error}") from None


def _parse(data: bytes) -> tuple[bytes, ...]:
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    secrets = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()}
    if not secrets:
        raise ValueError("is empty: write a secret of at least 8 characters into it")
    for number, secret in secrets.items():
        redaction.register(secret)
        if len(secret) < _SHORTEST:
            raise ValueError(
                f"has a secret of less than {_SHORTEST} characters in line {number}: write a longer"
                " one, and into the product, too"
            )
    return tuple(secret.encode() for secret in secrets.values())
