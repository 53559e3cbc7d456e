"""Whether GitHub would merge a request now, and what it waits for where it would not."""

from __future__ import annotations

from collections.abc import Iterator

from promoter.forges.github.checks import Checks
from promoter.forges.github.talk import Json
from promoter.model.ports import Protection, Readiness

_MERGEABLE = frozenset({"clean", "unstable", "has_hooks"})
"""`unstable`: a check failed that is not required."""


def judge(pull: Json, head: str) -> Readiness | None:
    """By what the request itself tells; None where it is blocked, and by what must be looked for.

    The words are GraphQL's `MergeStateStatus` in lower case.
    """
    base = pull["base"]["ref"]
    if pull["state"] != "open":
        return Readiness("ready")  # it ended meanwhile: the merge tells
    if pull["head"]["sha"] != head:
        return Readiness("wait", f"its branch is at {pull['head']['sha'][:8]}, not at {head[:8]}")
    state = str(pull.get("mergeable_state"))
    if state == "dirty":
        return Readiness("conflict", f"it conflicts with {base}")
    if pull.get("draft") or state == "draft":
        return Readiness("wait", "it is a draft")
    if state in _MERGEABLE:
        return Readiness("ready")
    if state == "behind":
        return Readiness("behind", f"it must be built on the tip of {base} first")
    if state == "blocked":
        return None
    return Readiness("wait", "GitHub has not found out yet whether it can be merged")


def judge_blocked(
    number: int, head: str, protection: Protection, approvals: int, checks: Checks
) -> Readiness:
    """Name what is missing. Before a merge queue `blocked` is how GitHub tells that nothing is
    merged by hand there: where nothing is missing, it may enter."""
    missing = list(_missing(number, head, protection, approvals, checks))
    if missing:
        return Readiness("wait", "; ".join(missing))
    if protection.queue:
        return Readiness("ready")
    return Readiness(
        "wait",
        "GitHub says that it is blocked: by a review, a conversation, a deployment or another rule"
        " of the branch",
    )


def _missing(
    number: int, head: str, protection: Protection, approvals: int, checks: Checks
) -> Iterator[str]:
    wanted = protection.approvals or 0
    if approvals < wanted:
        yield f"it has {approvals} of {wanted} approving reviews that the branch requires"
    if protection.checks:
        told = {each.name: each.state for each in checks.read(head, f"#{number}")}
        words = [
            f"{name} ({told.get(name, 'not reported')})"
            for name in protection.checks
            if told.get(name) != "success"
        ]
        if words:
            yield f"required checks: {', '.join(words)}"
