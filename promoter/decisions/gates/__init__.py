"""The conditions of a promotion: one module each, one line in this table."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from promoter.decisions.gates.approvals import ApprovalsGate
from promoter.decisions.gates.checks import ChecksGate
from promoter.decisions.gates.checks import looks_upstream as checks_upstream
from promoter.decisions.gates.gate import Case, Gate, wait_for_answer
from promoter.decisions.gates.minimum_age import MinimumAgeGate
from promoter.decisions.gates.registries import RegistriesGate
from promoter.decisions.gates.soak import SoakGate
from promoter.decisions.gates.window import WindowGate
from promoter.model.facts import Facts, Known, NotAsked, NotKnown, Question, Unknown, ask_together
from promoter.model.rule import GateRule
from promoter.model.verdict import Door, Verdict

GATES: Mapping[str, Gate] = {
    "soak": SoakGate(),
    "approvals": ApprovalsGate(),
    "checks": ChecksGate(),
    "window": WindowGate(),
    "registries": RegistriesGate(),
    "minimum-age": MinimumAgeGate(),
}


SKIPPABLE = ("soak", "window", "minimum-age")
"""What asks for time only: somebody may say that there is none, with a reason. People, checks and
registries are never skipped."""


def door_of(rule: GateRule) -> Door:
    return GATES[rule.gate].door(rule)


def looks_upstream(rule: GateRule) -> bool:
    """Whether a gate is about what ran upstream."""
    return rule.gate == "soak" or (rule.gate == "checks" and checks_upstream(rule))


def judge_all(
    rules: Sequence[GateRule], guards: Door, case: Case, facts: Facts, now: datetime
) -> tuple[Verdict, ...]:
    """The verdicts of all gates at one door, in the rule's order.

    A gate that can't be evaluated waits, with the reason, and stops no other: never a pass. Raises
    NotAsked with what all of them are missing.
    """
    here = (rule for rule in rules if door_of(rule) == guards)
    return tuple(ask_together(partial(_judge, rule, guards, case, facts, now) for rule in here))


def _judge(rule: GateRule, guards: Door, case: Case, facts: Facts, now: datetime) -> Verdict:
    if _is_skipped(rule, case):
        skips = case.skips
        why = f"skipped by {skips.by}: {skips.reason}"
        evidence = (("skipped", ", ".join(skips.names)), ("by", skips.by))
        return Verdict(rule.text, guards, "pass", why, evidence, skipped=True)
    looked = _Looked(facts)
    try:
        verdict = GATES[rule.gate].judge(rule, case.seen_by(rule), Facts(looked), now)
    except NotAsked:
        raise
    except NotKnown as error:
        verdict = wait_for_answer(rule, guards, error.unknown)
    except Exception as error:  # noqa: BLE001 - a bug in one gate never stops the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        module = place.filename.rpartition("/")[2]
        why = f"a bug in promoter: {type(error).__name__} at {module}:{place.lineno}"
        verdict = wait_for_answer(rule, guards, Unknown(why, "bug"))
    times = (at for at in (looked.oldest, verdict.seen_at) if at is not None)
    return replace(verdict, seen_at=min(times, default=None))


def _is_skipped(rule: GateRule, case: Case) -> bool:
    """Its own name is, or an environment is that it is about: that never ran the release."""
    names = case.skips.names
    if rule.gate in SKIPPABLE and rule.gate in names:
        return True
    return looks_upstream(rule) and not set(case.seen_by(rule).upstreams).isdisjoint(names)


class _Looked(Mapping[Question[Any], Known[Any] | Unknown]):
    """Answers, and when the oldest of those that were looked at was found."""

    def __init__(self, facts: Facts) -> None:
        self._answers = facts.answers
        self.oldest: datetime | None = None

    def __getitem__(self, question: Question[Any]) -> Known[Any] | Unknown:
        answer = self._answers[question]
        if isinstance(answer, Known) and (self.oldest is None or answer.seen_at < self.oldest):
            self.oldest = answer.seen_at
        return answer

    def __contains__(self, question: object) -> bool:
        return question in self._answers

    def __iter__(self) -> Iterator[Question[Any]]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)
