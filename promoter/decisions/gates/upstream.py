"""What gates that look at upstream environments share: all of them count, or any one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from promoter.decisions.gates.gate import Case, wait_for_answer
from promoter.model.facts import NotKnown, Period, ask_together
from promoter.model.release import Release
from promoter.model.rule import GateRule
from promoter.model.verdict import Verdict

_RANK = {"pass": 0, "wait": 1, "block": 2}

JudgeOne = Callable[[str, Sequence[Period]], Verdict]
"""The verdict over one upstream environment, by its name and what ran there, newest first."""


def judge_upstreams(rule: GateRule, case: Case, purpose: str, judge: JudgeOne) -> Verdict:
    """The worst verdict of all upstreams, or the best where any of them is enough; the first of
    equals. One that is not known waits, and keeps no other from being enough. Raises NotAsked.
    """
    if not case.upstreams:
        why = f"there is no upstream environment {purpose}; remove it"
        return Verdict(rule.text, "open", "block", why, opened_by="a change of the rule file")
    verdicts = ask_together(
        partial(_judge_one, rule, judge, name, periods) for name, periods in case.upstreams.items()
    )
    choose = min if case.any_upstream else max
    return choose(verdicts, key=lambda each: _RANK[each.judgement])


def newest_run(periods: Sequence[Period], release: Release) -> int | None:
    """The index of the newest period that ran exactly this release; None: none did."""
    for index, period in enumerate(periods):
        if period.release is not None and period.release.agrees(release):
            return index
    return None


def not_run(rule: GateRule, upstream: str, release: Release, seen_at: datetime | None) -> Verdict:
    """It waits for a release to come to an upstream environment."""
    return Verdict(
        rule.text,
        "open",
        "wait",
        f"{upstream} has not run {release.label}",
        (("upstream", upstream),),
        opened_by=upstream,
        seen_at=seen_at,
    )


def _judge_one(rule: GateRule, judge: JudgeOne, name: str, periods: Sequence[Period]) -> Verdict:
    try:
        return judge(name, periods)
    except NotKnown as error:
        return wait_for_answer(rule, "open", error.unknown)
