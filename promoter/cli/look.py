"""What `plan`, `status` and `why` share: a plan of the world as it is, nothing applied."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from promoter.app import App
from promoter.cli.console import Progress, complain
from promoter.cli.flags import app_from
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


def read_rules(app: App) -> tuple[Sequence[Rule], bool]:
    """The rules that are right; complains of the others on the error stream."""
    rules, errors = app.rules()
    for error in errors:
        complain(str(error))
    return rules, bool(errors)


def look(arguments: argparse.Namespace) -> Look:
    """Raises InputError where there is nothing to look at."""
    app = app_from(arguments)
    rules, broken = read_rules(app)
    progress, now = Progress(), app.clock()
    try:
        plan, _ = make_plan(Scope(rules), Observer(app.adapters), Facts.none(), now, progress)
    finally:
        progress.done()
    return Look(app, plan, now, broken)
