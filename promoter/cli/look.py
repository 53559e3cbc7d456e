"""What `plan`, `status` and `why` share: a plan of the world as it is, nothing applied."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from promoter.app import App
from promoter.cli.console import Progress, complain
from promoter.cli.flags import app_from
from promoter.cli.times import read_time_ahead
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.model.facts import Facts
from promoter.model.plan import Plan
from promoter.model.rule import Rule


@dataclass(frozen=True)
class Look:
    """`broken` tells whether some rule file could not be read; the others are planned."""

    app: App
    plan: Plan
    now: datetime
    broken: bool
    at: datetime | None = None
    """The time that it is judged for, where that is not now."""


def read_rules(app: App) -> tuple[Sequence[Rule], bool]:
    """The rules that are right; complains of the others on the error stream."""
    rules, errors = app.rules()
    for error in errors:
        complain(str(error))
    return rules, bool(errors)


def look(arguments: argparse.Namespace, when: str | None = None) -> Look:
    """Judged for another time, where that is given, by what is known now. Raises InputError where
    there is nothing to look at, and for what is no time to come."""
    app = app_from(arguments)
    rules, broken = read_rules(app)
    progress, now = Progress(), app.clock()
    at = read_time_ahead("--at", when, now) if when is not None else None
    try:
        scope, observer = Scope(rules), Observer(app.adapters)
        plan, facts = make_plan(scope, observer, Facts.none(), now, progress)
        if at is not None:
            plan, _ = make_plan(scope, observer, facts, at, progress)
    finally:
        progress.done()
    return Look(app, plan, now, broken, at)
