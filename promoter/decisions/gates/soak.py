"""`soak: DURATION`: upstream has run exactly this release that long, without a break."""

from __future__ import annotations

from datetime import datetime, timedelta

from promoter.decisions.gates.gate import Case
from promoter.model.facts import Facts, Period
from promoter.model.release import Release
from promoter.model.rule import GateRule
from promoter.model.spell import spell_duration, spell_time
from promoter.model.verdict import Door, Verdict


class SoakGate:
    guards: Door = "open"

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
        gate = rule.text
        verdicts = [
            _judge_upstream(rule, wanted, name, periods, case.release, now)
            for name, periods in case.upstreams.items()
        ]
        if not verdicts:
            return Verdict(
                gate, "open", "block", "there is no upstream environment to soak in; remove it"
            )
        rank = {"pass": 0, "wait": 1, "block": 2}
        worst_first = sorted(verdicts, key=lambda each: rank[each.judgement], reverse=True)
        return worst_first[-1] if case.any_upstream else worst_first[0]


def _judge_upstream(
    rule: GateRule,
    wanted: timedelta,
    upstream: str,
    periods: tuple[Period, ...],
    release: Release,
    now: datetime,
) -> Verdict:
    gate, label = rule.text, release.label
    for index, period in enumerate(periods):
        if period.release is None or not period.release.agrees(release):
            continue
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
            return Verdict(gate, "open", "pass", why, evidence)
        if index:
            why = (
                f"{upstream} ran {label} for only {spell_duration(ran)}"
                f" before it was replaced; a newer release has to soak"
            )
            return Verdict(gate, "open", "block", why, evidence, opened_by="a newer release")
        opens_at = period.since + wanted
        why = f"{upstream} has run {label} for {spell_duration(ran)} of {spell_duration(wanted)}"
        return Verdict(gate, "open", "wait", why, evidence, opens_at, "time")
    why = f"{upstream} has not run {label}"
    return Verdict(gate, "open", "wait", why, (("upstream", upstream),), opened_by=upstream)
