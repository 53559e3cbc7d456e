"""`window: {allow: ..., deny: ...}`: the time is one at which it may happen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from promoter.decisions.gates.gate import Case
from promoter.model.facts import Facts
from promoter.model.rule import GateRule
from promoter.model.spell import spell_time
from promoter.model.verdict import Door, Verdict

if TYPE_CHECKING:
    from promoter.model.window import Look, Window


class WindowGate:
    def door(self, rule: GateRule) -> Door:  # noqa: ARG002 - always the same
        return "merge"

    def judge(
        self,
        rule: GateRule,
        case: Case,  # noqa: ARG002 - it is the same for all
        facts: Facts,  # noqa: ARG002 - the time is all it needs
        now: datetime,
    ) -> Verdict:
        # Slow to import, and needed only where a rule asks for it.
        from promoter.model.window import Window, look_at

        window = rule.option("window")
        if not isinstance(window, Window):
            raise TypeError(f"window needs a window, not {window!r}")
        return _judge(rule, window, look_at(window, now), now)


def _judge(rule: GateRule, window: Window, look: Look, now: datetime) -> Verdict:
    from promoter.model.window import find_zone

    shown = look.entry or (*window.allow, *window.deny)[0]
    zone = find_zone(shown.timezone)

    def local(at: datetime) -> str:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")

    evidence = [
        ("entry", str(look.entry) if look.entry else "none"),
        ("time zone", shown.timezone),
        ("local time", now.astimezone(zone).strftime("%a %Y-%m-%d %H:%M")),
    ]
    changes = look.changes_at
    until = f" until {local(changes)} ({shown.timezone})" if changes else ""
    if look.is_open:
        evidence += [("closes at", spell_time(changes))] if changes else []
        why = f"open{until}" if window.allow else f"nothing denies it{until}"
        return Verdict(rule.text, "merge", "pass", why, tuple(evidence))
    why = f"{look.entry} denies it" if look.entry else "closed"
    if changes is None:
        # The year only: a status that tells it is not to be written anew at each look.
        why = f"{why}, and no later opening is found (looked ahead until {look.looked_until.year})"
        opened_by = "a change of the rule file"
        return Verdict(rule.text, "merge", "block", why, tuple(evidence), opened_by=opened_by)
    if look.cover:
        evidence.append(("holds until", spell_time(look.cover.end)))
    if look.cover and changes > look.cover.run_end:
        why = f"{why} until {local(look.cover.run_end)}; open from {local(changes)} on"
        why = f"{why} ({shown.timezone})"
    else:
        why = f"{why}{until}"
    return Verdict(rule.text, "merge", "wait", why, tuple(evidence), changes, "time")
