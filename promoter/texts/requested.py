"""Who asked for a release, and what to say where nobody did."""

from __future__ import annotations

from promoter.model.plan import Decision
from promoter.model.release import Release


def asked_by(decision: Decision, release: Release) -> tuple[str, ...]:
    """Who asked for this release in a target; empty where nobody did."""
    found = (each.by for each in decision.requested if release.holds(each.release))
    return tuple(dict.fromkeys(found))


def unasked_text(decision: Decision, release: Release) -> str:
    """What to tell somebody who waits for a release that nothing brings here."""
    target, offered = decision.target, decision.offered
    if offered is not None and not offered.holds(release):
        instead = f"the rule offers {offered.label}"
    else:
        instead = "the rule does not offer it"
    return (
        f"nobody asked for {release.label} here, and {instead}; `promoter promote"
        f" {target.application} --to {target.environment} --image ...` asks for it"
    )
