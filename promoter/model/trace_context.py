"""Where a trace stands: what a `traceparent` says (W3C Trace Context, Level 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Section 3.2: lower case only. What a later version adds stands behind a further dash.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.DOTALL,
)
_SAMPLED = 0x01
_KNOWN_FLAGS = 0x03
"""Sampled, and that the id was made at random; the others are handed on as zero."""


@dataclass(frozen=True)
class TraceContext:
    """A span of a trace: `trace_id` of 32, `span_id` of 16 lower-case hexadecimal digits."""

    trace_id: str
    span_id: str
    flags: int = _SAMPLED

    @classmethod
    def parse(cls, traceparent: str) -> TraceContext | None:
        """None for what is no `traceparent`: it is then as if none had come (section 4.3)."""
        match = _TRACEPARENT.fullmatch(traceparent)
        if match is None or (match[1] == "00" and match[5] is not None):
            return None
        return cls(match[2], match[3], int(match[4], 16) & _KNOWN_FLAGS)

    @property
    def sampled(self) -> bool:
        """Whether whoever came before may have recorded it."""
        return bool(self.flags & _SAMPLED)

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"
