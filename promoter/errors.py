"""What went wrong, sorted by what to do about it.

Adapters translate every third-party exception into one of these; the command
line turns them into one line and an exit code (`EXIT_CODES` in `promoter.cli`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, order=True, slots=True)
class Where:
    """A place in a file: line and column count from 1; 0 means "the file as a whole"."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


class PromoterError(Exception):
    """The root of all errors that a user may see; `str()` is one line, free of secrets."""

    def __init__(self, message: str, *, where: Where | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class InputError(PromoterError):
    """A person must change something: a rule, a manifest, a setting, a permission."""


class TransientError(PromoterError):
    """The world did not answer; the same call may succeed later."""

    def __init__(
        self, message: str, *, where: Where | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, where=where)
        self.retry_after = retry_after


class ConflictError(PromoterError):
    """A compare-and-swap lost its race: read the world again and decide again."""
