"""The plan and its outcome for a terminal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from promoter.model.outcome import Effect, Outcome
from promoter.model.plan import (
    Close,
    Decision,
    Disarm,
    LeaveAlone,
    Merge,
    Plan,
    Propose,
    State,
    Trouble,
)
from promoter.rules.wording import enumerate_words
from promoter.texts.columns import align
from promoter.texts.diff import painted_diff
from promoter.texts.paint import Paint, printable

STYLES = {
    State.CURRENT: "green",
    State.PROPOSED: "blue",
    State.PROMOTING: "blue",
    State.WAITING: "yellow",
    State.BLOCKED: "red",
    State.HELD_BACK: "yellow",
    State.REJECTED: "yellow",
    State.UNKNOWN: "red",
    State.NOT_FOLLOWED: "dim",
}

_COMMIT = re.compile(r"\b[0-9a-f]{40,64}\b")
ON_THEIR_WAY = (State.PROPOSED, State.PROMOTING, State.WAITING, State.BLOCKED)


def plan_text(plan: Plan, paint: Paint) -> str:
    """Every target with its state and reason, the diff of each proposal, and a summary."""
    lines = list(_decisions(plan.decisions, paint))
    for decision in plan.acting:
        if isinstance(decision.action, Propose):
            lines += ["", paint(printable(f"{decision.target}: {decision.why}"), "bold")]
            if skips := decision.action.record.skips:
                told = f"{enumerate_words(skips)}: {decision.action.record.reason}"
                lines.append(f"{paint('skips', 'yellow', 'bold')} {printable(told)}")
            lines += painted_diff(decision.action.changes, paint)
    for orphan in plan.orphans:
        why = printable(orphan.action.reason)
        lines.append(f"close merge request #{orphan.action.number}: {why}")
    lines += troubles_text(plan.troubles, paint)
    if plan.decisions or not plan.troubles:
        lines += ["", _summary(plan)]
    return "\n".join(lines).lstrip("\n") + "\n"


def outcome_text(outcome: Outcome, paint: Paint) -> str:
    """What was done, then where every target stands."""
    troubles = (*outcome.plan.troubles, *outcome.troubles)
    is_well = not troubles and not any(each.trouble for each in outcome.plan.decisions)
    lines = effects_text(outcome.effects) or ["nothing to do" if is_well else "nothing was done"]
    lines.append("")
    lines += _decisions(outcome.plan.decisions, paint)
    lines += troubles_text(troubles, paint)
    return "\n".join(lines).rstrip("\n") + "\n"


def effects_text(effects: Sequence[Effect]) -> list[str]:
    return [_effect(each) for each in effects]


def untold_warnings(outcome: Outcome) -> list[str]:
    """The warnings, without those whose reason stopped an effect as well: that is told there. One
    that came at each attempt, of another commit each time, is one."""
    reasons = [each.why for each in outcome.troubles]
    untold = [each for each in outcome.warnings if not any(why in each for why in reasons)]
    return list({_COMMIT.sub("", each): each for each in untold}.values())


def troubles_text(troubles: Sequence[Trouble], paint: Paint) -> list[str]:
    return [f"{paint('error:', 'red', 'bold')} {printable(str(each))}" for each in troubles]


def _decisions(decisions: Sequence[Decision], paint: Paint) -> Iterator[str]:
    ordered = sorted(decisions, key=lambda each: (each.rule, each.target.application))
    for (rule, application), group in groupby(
        ordered, key=lambda each: (each.rule, each.target.application)
    ):
        yield f"{paint(application, 'bold')}  {paint(rule, 'dim')}"
        members = list(group)
        rows = [
            (each.target.environment, each.state.value, move(each), reason(each))
            for each in members
        ]
        for decision, line in zip(members, align(rows, indent=2), strict=True):
            state = decision.state.value
            yield printable(line).replace(state, paint(state, STYLES[decision.state]), 1)


def reason(decision: Decision) -> str:
    return f"{decision.where}: {decision.why}" if decision.where else decision.why


def move(decision: Decision) -> str:
    """`1.0.0 -> 1.1.0`, or just what runs where nothing later is on its way."""
    running = decision.running.label if decision.running else "?"
    return f"{running}{ahead(decision)}"


def ahead(decision: Decision) -> str:
    """` -> 1.1.0`, or nothing."""
    if decision.offered is None or decision.state not in ON_THEIR_WAY:
        return ""
    return f" -> {decision.offered.label}"


def _summary(plan: Plan) -> str:
    kinds = Counter(type(action) for _, action in plan.actions)
    updates = sum(
        1 for _, action in plan.actions if isinstance(action, Propose) and action.number is not None
    )
    counts = [
        (kinds[Propose] - updates, "to open"),
        (updates, "to update"),
        (kinds[Merge], "to merge"),
        (kinds[Close], "to close"),
        (kinds[Disarm], "to take from the queue"),
        (kinds[LeaveAlone], "to leave alone"),
    ]
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    waiting = sum(1 for each in plan.decisions if each.state in (State.WAITING, State.BLOCKED))
    return f"merge requests: {said or 'nothing to do'}" + (
        f"; {waiting} waiting" if waiting else ""
    )


def _effect(effect: Effect) -> str:
    where = f"{effect.application} in {effect.environment}" if effect.application else ""
    detail = f": {effect.detail}" if effect.detail else ""
    words = (f"{effect.deed:<8}", where, effect.release, effect.url)
    return printable("  ".join(word for word in words if word) + detail)
