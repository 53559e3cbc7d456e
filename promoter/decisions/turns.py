"""Many merge requests that touch one file: the bot merges them one after another, and builds only
the next one again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from promoter.model.plan import Decision, Merge, Propose, State
from promoter.model.rule import RepositoryAddress

_EVERYWHERE = ("",)
"""In place of the files where a request must stand on the tip: any landing moves them all."""


def take_turns(
    decisions: Sequence[Decision], one_by_one: Collection[RepositoryAddress]
) -> tuple[Decision, ...]:
    """The same decisions, of which those wait that another one goes before: in a repository of
    `one_by_one` all that is merged, elsewhere what touches the same files.

    What can be merged goes first, then what must be built again; the oldest request first. Nobody
    waits for what waits itself: for a person, a check, a window. One that a person merges is never
    waited for, and waits only for the landing of this very round.
    """
    ahead_of: dict[tuple[RepositoryAddress, str], Decision] = {}
    waits: dict[int, Decision] = {}
    in_line = [at for at, each in enumerate(decisions) if _rank(each) is not None]
    for at in sorted(in_line, key=lambda at: _rank(decisions[at]) or (0, 0)):
        decision = decisions[at]
        files = _EVERYWHERE if decision.repository in one_by_one else _files(decision)
        places = [(decision.repository, each) for each in files]
        ahead = next((ahead_of[place] for place in places if place in ahead_of), None)
        if ahead is None:
            if decision.lands_in:
                ahead_of.update(dict.fromkeys(places, decision))
        elif decision.action and (decision.lands_in or isinstance(ahead.action, Merge)):
            waits[at] = _wait(decision, ahead)
    return tuple(waits.get(at, each) for at, each in enumerate(decisions))


def _rank(decision: Decision) -> tuple[int, int] | None:
    """None: it stands in no line."""
    request, action = decision.merge_request, decision.action
    if request is None:
        return None
    if isinstance(action, Merge):
        return 0, request.number
    if isinstance(action, Propose) and action.rebuilds:
        return 2, request.number
    if action is None and decision.state is State.PROMOTING and decision.lands_in:
        return 1, request.number  # it is in the forge's queue
    return None


def _files(decision: Decision) -> tuple[str, ...]:
    if isinstance(decision.action, Propose):
        return tuple(change.path for change in decision.action.changes)
    return decision.lands_in


def _wait(decision: Decision, ahead: Decision) -> Decision:
    before = ahead.merge_request.url if ahead.merge_request else str(ahead.target)
    why = f"waits its turn: {before} goes before it, and moves what it stands on"
    if isinstance(decision.action, Merge):
        return replace(decision, why=why, action=None)
    # As it stands it brings something else by now, or nothing.
    return replace(decision, state=State.WAITING, why=why, action=None, lands_in=())
