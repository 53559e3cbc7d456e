"""Applications by environments: what runs, how long, what waits."""

from __future__ import annotations

from datetime import datetime

from promoter.model.hold import NO_HOLDS
from promoter.model.plan import Decision, Plan, State
from promoter.model.spell import spell_duration
from promoter.texts.columns import align
from promoter.texts.paint import Paint, printable
from promoter.texts.plan_text import ahead, reason, troubles_text

_QUIET = (State.CURRENT, State.NOT_FOLLOWED)


def status_text(plan: Plan, now: datetime, paint: Paint) -> str:
    """A table, a row an application; below it a line for each target that waits."""
    environments = list(dict.fromkeys(each.target.environment for each in plan.decisions))
    cells = {(each.target.application, each.target.environment): each for each in plan.decisions}
    applications = sorted({each.target.application for each in plan.decisions})
    rows = [("APPLICATION", *(name.upper() for name in environments))]
    for application in applications:
        found = (cells.get((application, environment)) for environment in environments)
        rows.append((application, *(_cell(each, now) for each in found)))
    lines = [printable(line) for line in align(rows, gap=3)]
    lines[0] = paint(lines[0], "bold")
    restless = [e for e in plan.decisions if e.state not in _QUIET or e.holds != NO_HOLDS]
    if restless:
        lines.append("")
        told = [(str(each.target), each.state.value, _reason(each)) for each in restless]
        lines += [printable(line) for line in align(told)]
    lines += troubles_text(plan.troubles, paint)
    return "\n".join(lines) + "\n"


def _reason(decision: Decision) -> str:
    """With the bans of the target: what stops it altogether is told by the reason itself."""
    said = reason(decision)
    bans = (each.told for each in decision.holds.bans)
    return "; ".join([said, *(each for each in bans if each not in said)])


def _cell(decision: Decision | None, now: datetime) -> str:
    if decision is None or decision.state is State.NOT_FOLLOWED:
        return "-"
    running = decision.running.label if decision.running else "?"
    age = f" ({spell_duration(now - decision.since)})" if decision.since else ""
    held = " held" if decision.holds.stops else ""
    return f"{running}{age}{ahead(decision)}{held}"
