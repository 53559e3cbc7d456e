"""Runs one pure step of a decision until the world has answered all that it asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from promoter.engine.observe import Observer
from promoter.errors import PromoterError
from promoter.model.facts import Facts, NotAsked

T = TypeVar("T")

_MOST_ROUNDS = 100


def ask(
    step: Callable[[Facts], T],
    observer: Observer,
    now: datetime,
    report: Callable[[str], None],
) -> T:
    """The result of `step`, from answers that were given from now on.

    Raises NotKnown as the step does, PromoterError where it asks on and on: a bug.
    """
    facts = Facts.none()
    for _ in range(_MOST_ROUNDS):
        try:
            return step(facts)
        except NotAsked as more:
            count = len(more.questions)
            report(f"looking up {count} fact{'' if count == 1 else 's'}")
            facts = facts.plus(observer.answer(more.questions, now))
    raise PromoterError(f"a bug in promoter: a policy still asks after {_MOST_ROUNDS} rounds")
