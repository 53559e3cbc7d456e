"""Who can mend what went wrong."""

from __future__ import annotations

from typing import Literal

TroubleKind = Literal["input", "transient", "bug"]
"""`input` a person, `transient` time, `bug` we."""
