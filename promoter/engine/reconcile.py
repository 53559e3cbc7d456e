"""The loop body: look at the world, decide from scratch, apply, and look again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promoter import telemetry
from promoter.decisions.memory import Memory
from promoter.decisions.plan import decide
from promoter.decisions.scene import Names
from promoter.engine.adapters import Adapters
from promoter.engine.apply import apply
from promoter.engine.observe import Observer
from promoter.model.facts import (
    ApprovalsOf,
    BranchOf,
    ChecksOf,
    CommitChecksOf,
    Facts,
    JourneysOf,
    ListedOf,
    MergeRequestsOf,
    PublishedOf,
    QueuedOf,
    ReadinessOf,
    SightingsOf,
    TipOf,
    WishesOf,
)
from promoter.model.ledger import Wish
from promoter.model.outcome import Effect, Outcome
from promoter.model.plan import Plan, Trouble
from promoter.model.rollback import Rollback
from promoter.model.rule import Rule

_MOST_ASKS = 100
_ROUNDS_A_ENVIRONMENT = 4  # commit and open, merge, and as many again for lost races
_SPARE_ROUNDS = 20
_MOST_RACES = 5
"""In a row that nothing else came of: a list that lags shows the same for minutes."""
_VOLATILE = (
    *(TipOf, MergeRequestsOf, BranchOf, SightingsOf, WishesOf),
    *(ApprovalsOf, ChecksOf, CommitChecksOf, ReadinessOf, PublishedOf, QueuedOf, ListedOf),
    JourneysOf,
)
"""What an effect may have changed. Registry answers hold for one reconcile, so that every
environment is decided on the same view; the rest is addressed by commit."""

Clock = Callable[[], datetime]
Report = Callable[[str], None]
"""Told before each step of a reconcile. What it raises ends the reconcile there: nothing is half
done between two steps."""


def silent(message: str) -> None:
    """Reports no progress."""


@dataclass(frozen=True)
class Scope:
    """What a reconcile is asked to look at: all targets of the rules, or `only` some of them, and
    what somebody wishes, or wants back. Not `limited`: `limits.open` holds nothing of it up."""

    rules: Sequence[Rule]
    wishes: Sequence[Wish] = ()
    only: frozenset[Names] | None = None
    rollbacks: Sequence[Rollback] = ()
    limited: bool = True

    def decide(self, facts: Facts, now: datetime, memory: Memory | None = None) -> Plan:
        return decide(
            *(self.rules, self.wishes, facts, now, self.only, self.rollbacks),
            limited=self.limited,
            memory=memory,
        )


def make_plan(
    scope: Scope,
    observer: Observer,
    facts: Facts,
    now: datetime,
    report: Report = silent,
    memory: Memory | None = None,
) -> tuple[Plan, Facts]:
    """Decide, answer what is asked, and decide again until nothing is asked. `memory`: of what was
    decided at earlier looks."""
    memory = memory or Memory()
    plan = scope.decide(facts, now, memory)
    for _ in range(_MOST_ASKS):
        if not plan.asks:
            return plan, facts
        count = len(plan.asks)
        report(f"looking up {count} fact{'' if count == 1 else 's'}")
        facts = facts.plus(observer.answer(plan.asks, now))
        plan = scope.decide(facts, now, memory)
    why = f"a bug in promoter: some decisions still ask after {_MOST_ASKS} rounds; the others stand"
    trouble = Trouble("promoter", why, "bug")
    return replace(plan, troubles=(*plan.troubles, trouble), asks=frozenset()), facts


def reconcile(
    scope: Scope,
    adapters: Adapters,
    clock: Clock,
    report: Report = silent,
    observer: Observer | None = None,
) -> Outcome:
    """Plan and apply until there is nothing left to do.

    Each effect changes the world, so the plan is made anew after each batch: what was merged
    into one environment is offered to the next in the same run. `observer`: that of an earlier
    look, which knows what is addressed by content.
    """
    with telemetry.span("reconcile", rules=len(scope.rules)):
        return _reconcile(scope, adapters, clock, report, observer or Observer(adapters))


def _reconcile(
    scope: Scope, adapters: Adapters, clock: Clock, report: Report, observer: Observer
) -> Outcome:
    facts = Facts.none()
    effects: list[Effect] = []
    warnings: dict[str, None] = {}
    done: set[object] = set()
    environments = max((len(rule.environments) for rule in scope.rules), default=1)
    plan = Plan(())
    left, races = environments * _ROUNDS_A_ENVIRONMENT + _SPARE_ROUNDS, 0
    while races < _MOST_RACES:
        plan, facts = make_plan(scope, observer, facts, clock(), report, observer.memory)
        plan = _without(plan, done)
        if not plan.actions and not plan.notes and not plan.statuses:
            return Outcome(plan, tuple(effects), (), tuple(warnings), facts.unanswered)
        if not left:
            break  # the last round looks only: what was done in the one before may be all
        report(f"carrying out {len(plan.actions)} actions")
        applied = apply(plan, adapters)
        effects.extend(applied.effects)
        # Many that touch one file land one a round: that is no quarrel with anybody.
        left -= not any(each.deed == "merged" for each in applied.effects)
        races = 0 if applied.effects else races + applied.raced
        warnings.update(dict.fromkeys(applied.warnings))
        done.update(applied.done)
        if not applied.effects and not applied.raced and not applied.published:
            troubles = tuple(applied.troubles)
            return Outcome(plan, tuple(effects), troubles, tuple(warnings), facts.unanswered)
        facts = _forget(facts)
    why = "others keep changing the repository; what is left is done by the next run"
    troubles = (Trouble("promoter", why, "transient"),)
    return Outcome(plan, tuple(effects), troubles, tuple(warnings), facts.unanswered)


def _without(plan: Plan, done: set[object]) -> Plan:
    """The plan without what was done in this reconcile and can't be seen yet, as lists of a forge
    may lag behind: a status whose note the ledger did not take, a request that is merged or closed
    and listed as open."""
    statuses = tuple(each for each in plan.statuses if each not in done)
    decisions, groups = (
        tuple(
            replace(each, action=None)
            if each.action and (each.repository, each.action) in done
            else each
            for each in some
        )
        for some in (plan.decisions, plan.groups)
    )
    orphans = tuple(each for each in plan.orphans if (each.repository, each.action) not in done)
    return replace(plan, statuses=statuses, decisions=decisions, groups=groups, orphans=orphans)


def _forget(facts: Facts) -> Facts:
    kept = {
        question: answer
        for question, answer in facts.answers.items()
        if not isinstance(question, _VOLATILE)
    }
    return replace(facts, answers=kept)
