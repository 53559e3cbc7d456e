"""The exit codes, documented in docs/exit-codes.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from promoter.errors import ConflictError, InputError, PromoterError, TransientError

if TYPE_CHECKING:  # `promoter edit` has no plan, and should not wait for its classes
    from promoter.model.plan import Plan, State, Trouble
    from promoter.model.trouble import TroubleKind

DONE = 0
BUG = 1
CHANGES = 2
WAITING = 3
INPUT = 64
LATER = 75

_ERRORS: dict[type[PromoterError], int] = {
    InputError: INPUT,
    TransientError: LATER,
    ConflictError: LATER,
}
_TROUBLES = {"bug": BUG, "input": INPUT, "transient": LATER}
_WORST_FIRST = (BUG, INPUT, LATER)
_ORDER = (*_WORST_FIRST, WAITING, CHANGES, DONE)
_STATES = {
    "current": DONE,
    "proposed": DONE,
    "promoting": DONE,
    "held-back": DONE,
    "waiting": WAITING,
    "blocked": WAITING,
    "rejected": WAITING,
    "unknown": LATER,
    "not-followed": INPUT,
}


def of_error(error: PromoterError) -> int:
    return next((code for kind, code in _ERRORS.items() if isinstance(error, kind)), BUG)


def of_troubles(plan: Plan, more: Iterable[Trouble], broken_rules: bool) -> int:
    """The worst of what went wrong: a bug, wrong input, try again later; DONE where nothing did."""
    kinds: set[str] = {each.kind for each in (*plan.troubles, *more)}
    kinds |= {each.trouble for each in plan.decisions if each.trouble}
    codes = {_TROUBLES[kind] for kind in kinds} | ({INPUT} if broken_rules else set())
    return next((code for code in _WORST_FIRST if code in codes), DONE)


def waits(plan: Plan) -> bool:
    """Whether a gate or a block keeps some target; a request that a person may merge does not."""
    from promoter.model.plan import State

    return any(each.state in (State.WAITING, State.BLOCKED) for each in plan.decisions)


def worst(*codes: int) -> int:
    """The one that needs somebody first."""
    return min(codes, key=_ORDER.index)


def of_state(state: State, trouble: TroubleKind | None) -> int:
    """For the verbs that ask of one release in one target; `trouble` is who can mend what keeps
    it from being known or done."""
    return _TROUBLES[trouble] if trouble else _STATES[state.value]
