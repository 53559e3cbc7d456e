"""Path patterns: `apps/{application}/overlays/{environment}`.

`{application}` and `{environment}` stand for a path component or a part of one, never for
more. Everything else is literal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from promoter.rules.wording import guess, quote

APPLICATION = "application"
ENVIRONMENT = "environment"
PLACEHOLDERS = (APPLICATION, ENVIRONMENT)
_PIECE = re.compile(r"\{(?P<name>[^{}]*)\}|(?P<literal>[^{}]+)")
_FILE_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Pattern:
    """A checked pattern; `text` has no slash at its end."""

    text: str
    pieces: tuple[tuple[str, bool], ...]
    """Literal text, or the name of a placeholder (True)."""

    @classmethod
    def parse(cls, text: str, more: Collection[str] = ()) -> Self:
        """Read a pattern, in which `more` placeholders may stand for what is filled in before it
        is used; ValueError says what is wrong with it and what to write."""
        known = (*PLACEHOLDERS, *more)
        text = text.rstrip("/") if text.strip("/") else text
        _check_path(text)
        pieces: list[tuple[str, bool]] = []
        end = 0
        for match in _PIECE.finditer(text):
            if match.start() != end:
                break
            end = match.end()
            name = match["name"]
            if name is None:
                pieces.append((match["literal"], False))
            elif name in known:
                pieces.append((name, True))
            else:
                raise ValueError(f"{quote(text)}: {{{name}}} is not known{guess(name, known)}")
        if end != len(text):
            raise ValueError(f"{quote(text)}: a brace without its partner")
        return cls(text, tuple(pieces))

    @staticmethod
    def names_in(text: str) -> tuple[str, ...]:
        """What stands in braces."""
        return tuple(match["name"] for match in _PIECE.finditer(text) if match["name"])

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(piece for piece, is_placeholder in self.pieces if is_placeholder)

    @cached_property
    def prefix(self) -> str:
        """What every path that matches begins with."""
        piece, is_placeholder = self.pieces[0]
        return "" if is_placeholder else piece

    @property
    def takes_files(self) -> bool:
        """Whether a file can be a target: only where the pattern spells a manifest's ending,
        else `apps/{application}` would take `apps/README.md` for an application."""
        piece, is_placeholder = self.pieces[-1]
        return not is_placeholder and piece.endswith(_FILE_ENDINGS)

    def expression(self, environments: Sequence[str]) -> re.Pattern[str]:
        """Matches the target's part at the beginning of a file's path.

        `{environment}` is one of `environments`; where two fit, the longest does (of `dev`
        and `eu-dev` in `web-eu-dev`, `eu-dev`). `{application}` never begins with a dot, so
        that `.git` or `.promoter` is no application. A placeholder that stands twice is the
        same name twice.
        """
        longest_first = sorted(environments, key=len, reverse=True)
        choices = {
            APPLICATION: r"[^/.][^/]*?",
            ENVIRONMENT: "|".join(re.escape(each) for each in longest_first),
        }
        parts: list[str] = []
        seen: set[str] = set()
        for piece, is_placeholder in self.pieces:
            if not is_placeholder:
                parts.append(re.escape(piece))
            elif piece in seen:
                parts.append(f"(?P={piece})")
            else:
                seen.add(piece)
                parts.append(f"(?P<{piece}>{choices[piece]})")
        return re.compile(f"{''.join(parts)}(?=/|\\Z)")


def _check_path(text: str) -> None:
    if text.startswith("/"):
        raise ValueError(f"{quote(text)}: write it from the repository's root, without '/' first")
    if "\\" in text:
        raise ValueError(f"{quote(text)}: write '/' between folders, not '\\'")
    if not text.isprintable():
        raise ValueError(f"{quote(text)}: a path holds printable characters only")
    wildcard = next((char for char in text if char in "*?[]"), None)
    if wildcard:
        raise ValueError(
            f"{quote(text)}: '{wildcard}' is no wildcard here; use {{application}} and"
            " {environment}"
        )
    if text.endswith(".json"):
        raise ValueError(
            f"{quote(text)}: JSON files are not read as manifests: write .yaml or .yml, or the"
            " directory"
        )
    for component in text.split("/"):
        if component in ("", ".", ".."):
            shown = quote(component) if component else "an empty component"
            raise ValueError(f"{quote(text)}: {shown} can't be a part of it")
