"""Who asked for a release."""

from __future__ import annotations

from promoter.model.plan import Decision
from promoter.model.release import Release


def holds(release: Release, asked: Release) -> bool:
    """Whether it has every artifact that was asked for, which may be fewer than its own."""
    return all(
        (there := release.get(each.name)) is not None and there.agrees(each)
        for each in asked.artifacts
    )


def asked_by(decision: Decision, release: Release) -> tuple[str, ...]:
    """Who asked for this release in a target; empty where nobody did."""
    found = (each.by for each in decision.requested if holds(release, each.release))
    return tuple(dict.fromkeys(found))
