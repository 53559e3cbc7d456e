"""Colour for a terminal, or none."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Paint:
    """`enabled` is for the caller to find out (a terminal, no NO_COLOR)."""

    enabled: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        if not self.enabled or not styles or not text:
            return text
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"


def printable(text: str) -> str:
    """Outside text without control characters: a manifest never drives somebody's terminal."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
