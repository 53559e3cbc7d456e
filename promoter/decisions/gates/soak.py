"""`soak: DURATION`: upstream has run exactly this release that long, without a break."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from promoter.decisions.gates.gate import Case
from promoter.decisions.gates.upstream import judge_upstreams, newest_run, not_run
from promoter.model.facts import Facts, Period
from promoter.model.rule import GateRule
from promoter.model.spell import spell_duration, spell_time
from promoter.model.verdict import Door, Verdict


class SoakGate:
    def door(self, rule: GateRule) -> Door:  # noqa: ARG002 - always the same
        return "open"

    def judge(
        self,
        rule: GateRule,
        case: Case,
        facts: Facts,  # noqa: ARG002 - all it needs is in the case
        now: datetime,
    ) -> Verdict:
        wanted = rule.option("duration")
        if not isinstance(wanted, timedelta):
            raise TypeError(f"soak needs a duration, not {wanted!r}")
        return judge_upstreams(
            rule,
            case,
            "to soak in",
            lambda name, periods: _judge(rule, wanted, name, periods, case, now),
        )


def _judge(
    rule: GateRule,
    wanted: timedelta,
    upstream: str,
    periods: Sequence[Period],
    case: Case,
    now: datetime,
) -> Verdict:
    gate, label, seen_at = rule.text, case.release.label, case.looked_at
    index = newest_run(periods, case.release)
    if index is None:
        return not_run(rule, upstream, case.release, seen_at)
    period = periods[index]
    # A commit from a clock that runs ahead does not make the time before it longer.
    until = min(periods[index - 1].since, now) if index else now
    ran = max(until - period.since, timedelta(0))
    evidence = (
        ("upstream", upstream),
        ("since", spell_time(period.since)),
        ("until", spell_time(until) if index else "now"),
        ("ran", spell_duration(ran)),
        ("commit", period.commit[:12]),
    )
    if ran >= wanted:
        why = f"{upstream} ran {label} for {spell_duration(ran)}"
        return Verdict(gate, "open", "pass", why, evidence, seen_at=seen_at)
    if index:
        why = (
            f"{upstream} ran {label} for only {spell_duration(ran)}"
            f" before it was replaced; a newer release has to soak"
        )
        opened_by = "a newer release"
        return Verdict(gate, "open", "block", why, evidence, None, opened_by, seen_at=seen_at)
    opens_at = period.since + wanted
    why = f"{upstream} has run {label} for {spell_duration(ran)} of {spell_duration(wanted)}"
    return Verdict(gate, "open", "wait", why, evidence, opens_at, "time", seen_at=seen_at)
