"""How long something lasts, as servers write it."""

from __future__ import annotations

import math


def seconds_from(value: object) -> float | None:
    """A number of JSON, also one in quotes as Azure writes it; None where it is none, or none that
    a clock could show: JSON has NaN, endless numbers and such of any length."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
