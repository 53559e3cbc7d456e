"""How times and durations are spelled, in reasons and evidence alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def spell_duration(duration: timedelta) -> str:
    """At most two units: `2d 3h`, `30m`, `45s`; less than a second is `0s`."""
    seconds = max(int(duration.total_seconds()), 0)
    parts: list[str] = []
    for unit, size in _UNITS:
        count, rest = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
            seconds = rest
        if len(parts) == 2 or (parts and not count):
            break
    return " ".join(parts) or "0s"


def spell_time(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second: `2026-11-20T14:30:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
