"""A release on its way to a target, noted as it goes: later neither Git nor the forge can tell when
it was first offered, nor when each gate opened for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from promoter.model.facts import Facts, JourneysOf, Known, NotAsked
from promoter.model.ledger import Journey
from promoter.model.plan import Decision, State

_ON_ITS_WAY = (State.PROPOSED, State.PROMOTING, State.WAITING, State.BLOCKED)


def note_journey(decided: Decision, facts: Facts, now: datetime) -> Decision:
    """With a note of what the ledger does not know yet of the release that is on its way; where
    the ledger can't be read, or nothing is new, as it was.

    Raises NotAsked; where nothing is on its way nothing is asked.
    """
    release, target = decided.offered, decided.target
    if release is None or decided.state not in _ON_ITS_WAY:
        return decided
    question = JourneysOf(decided.repository, target)
    answer = facts.get(question)
    if answer is None:
        raise NotAsked((question,))
    if not isinstance(answer, Known):
        return decided
    here = next((each for each in answer.value if each.release == release), None)
    passed = tuple((gate, now) for gate in {e.gate: None for e in decided.verdicts if e.passes})
    seen = Journey(target.application, target.environment, release, now, passed)
    if here is not None and here.plus(seen) == here:
        return decided
    return replace(decided, notes=(*decided.notes, seen))
