"""Who asked for a release."""

from __future__ import annotations

from promoter.model.plan import Decision
from promoter.model.release import Release


def asked_by(decision: Decision, release: Release) -> tuple[str, ...]:
    """Who asked for this release in a target; empty where nobody did."""
    found = (each.by for each in decision.requested if release.holds(each.release))
    return tuple(dict.fromkeys(found))
