"""A person's hand on a merge request: the hold label, a push to its branch; and what is taken out
of the forge's queue because of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from promoter.decisions.situation import Situation
from promoter.model.ledger import Queued
from promoter.model.plan import Decision, Disarm, Hand, LeaveAlone, State
from promoter.model.ports import Branch, MergeRequest

HOLD = "promoter/hold"
"""A label by which anybody holds a merge request, at once."""
LEFT_ALONE = "promoter/left-alone"
"""The bot's own label of a request whose branch is a person's now: it was told there."""


def is_held(request: MergeRequest) -> bool:
    return _has_label(request, HOLD)


def stop_by_person(this: Situation, decided: Decision) -> Decision | None:
    """The answer where a person has a hand on the branch or the request; None: nobody has."""
    branch, request = this.branch, this.opened
    if branch is not None and not branch.own and not _is_over(this, branch):
        why = f"a person pushed to {branch.name}; it is left alone until it is merged or deleted"
        if request is None:
            why += ": no merge request is open from it"
        return replace(decided, state=State.REJECTED, why=why)
    if request is not None and is_held(request):
        why = f"held by the label {HOLD} on {request.url}; take it off to go on"
        return replace(decided, state=State.BLOCKED, why=why)
    return None


def hand_of(this: Situation) -> Hand | None:
    """What a person has a hand on, of the open request."""
    if this.opened is None:
        return None
    if this.branch is not None and not this.branch.own:
        return "branch"
    return "hold" if is_held(this.opened) else None


def tell(this: Situation, decided: Decision) -> Decision:
    """Say it once where a person pushed to the branch of an open request."""
    request, branch = this.opened, this.branch
    if request is None or branch is None or branch.own or _has_label(request, LEFT_ALONE):
        return decided
    return replace(decided, action=LeaveAlone(request.number, branch.name, branch.head))


def _is_over(this: Situation, branch: Branch) -> bool:
    """Whether it is the leftover of a request that ended, with whatever people pushed to it: the
    forge keeps the commits with the request, and the branch is used again."""
    return this.opened is None and any(
        each.state != "open" and each.head == branch.head for each in this.requests
    )


def take_off(this: Situation, decided: Decision) -> Decision:
    """What is in the forge's queue is taken out of it before anything else is done about it, and
    where it may not be merged now. What a person put there stays, unless it is held."""
    request, action = this.opened, decided.action
    if request is None or not request.armed or isinstance(action, LeaveAlone):
        return decided
    if not is_held(request) and this.holds.keeper_of(this.opened_release) is None:
        if action is None and decided.state in (State.PROMOTING, State.PROPOSED, State.UNKNOWN):
            return decided  # a registry that does not answer closes no gate
        is_the_bots = this.branch is None or this.branch.own
        if not is_the_bots or (this.environment.merge == "manual" and action is None):
            return decided
    return replace(decided, action=Disarm(request.number, request.branch, decided.why))


def note_queued(this: Situation, decided: Decision, queued: Sequence[Queued]) -> Decision:
    """What is seen in the queue is noted: where it is out again later and did not land, that was
    somebody's word. Not so once a gate closed or it is held: then the bot itself takes it out."""
    request, head = this.opened, this.head
    if request is None or head is None:
        return decided
    note: Queued | None = None
    known = [each for each in queued if each.branch == request.branch]
    held = is_held(request) or this.holds.keeper_of(this.opened_release) is not None
    if held or not all(each.passes for each in decided.verdicts):
        note = Queued(request.branch, "", "") if known else None
    elif request.armed and decided.action is None and head not in (each.head for each in known):
        note = Queued(request.branch, head, this.base.tip.commit)
    return replace(decided, notes=(*decided.notes, note)) if note else decided


def _has_label(request: MergeRequest, name: str) -> bool:
    return any(each.casefold() == name for each in request.labels)
