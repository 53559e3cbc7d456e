"""A person's hand on a merge request: the hold label, a push to its branch; and what is taken out
of the forge's queue because of it."""

from __future__ import annotations

from dataclasses import replace

from promoter.decisions.situation import Situation
from promoter.model.plan import Decision, Disarm, LeaveAlone, State
from promoter.model.ports import MergeRequest

HOLD = "promoter/hold"
"""A label by which anybody holds a merge request, at once."""
LEFT_ALONE = "promoter/left-alone"
"""The bot's own label of a request whose branch is a person's now: it was told there."""


def is_held(request: MergeRequest) -> bool:
    return _has_label(request, HOLD)


def stop_by_person(this: Situation, decided: Decision) -> Decision | None:
    """The answer where a person has a hand on the branch or the request; None: nobody has."""
    branch, request = this.branch, this.opened
    if branch is not None and not branch.own:
        why = f"a person pushed to {branch.name}; it is left alone until it is merged or deleted"
        action = None
        if request is not None and not _has_label(request, LEFT_ALONE):
            action = LeaveAlone(request.number, branch.name, branch.head)
        return replace(decided, state=State.REJECTED, why=why, action=action)
    if request is not None and is_held(request):
        why = f"held by the label {HOLD} on {request.url}; take it off to go on"
        return replace(decided, state=State.BLOCKED, why=why)
    return None


def take_off(this: Situation, decided: Decision) -> Decision:
    """What is in the forge's queue is taken out of it before anything else is done about it, and
    where it may not be merged now. What a person put there stays, unless it is held."""
    request, action = this.opened, decided.action
    if request is None or not request.armed or isinstance(action, LeaveAlone):
        return decided
    if decided.state in (State.PROMOTING, State.PROPOSED) and action is None:
        return decided
    is_the_bots = this.environment.merge == "automatic" or action is not None
    if not is_the_bots and not is_held(request):
        return decided
    return replace(decided, action=Disarm(request.number, request.branch, decided.why))


def _has_label(request: MergeRequest, name: str) -> bool:
    return any(each.casefold() == name for each in request.labels)
