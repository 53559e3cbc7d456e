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
# C0 and C1 but the tab, line ends, and what turns the order of characters around or is not to be
# seen (Unicode's bidirectional controls, soft hyphens and joiners: a line must not read other than
# it is). The space without a width is our own, in titles; emoji are made with U+200D.
_CONTROL = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069]"
)


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
    """One line of outside text without control characters: a manifest never drives somebody's
    terminal, nor does it make lines of its own."""
    return _CONTROL.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
