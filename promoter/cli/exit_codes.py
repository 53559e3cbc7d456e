"""The exit codes, documented in docs/exit-codes.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from promoter.errors import ConflictError, InputError, PromoterError, TransientError

if TYPE_CHECKING:  # `promoter edit` has no plan, and should not wait for its classes
    from promoter.model.plan import Plan, Trouble

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
