"""The conditions of a promotion: one module each, one line in this table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from promoter.decisions.gates.approvals import ApprovalsGate
from promoter.decisions.gates.checks import ChecksGate
from promoter.decisions.gates.gate import Case, Gate
from promoter.decisions.gates.soak import SoakGate
from promoter.model.facts import Facts, NotKnown
from promoter.model.rule import GateRule
from promoter.model.verdict import Door, Verdict

GATES: Mapping[str, Gate] = {
    "soak": SoakGate(),
    "approvals": ApprovalsGate(),
    "checks": ChecksGate(),
}


def judge_all(
    rules: Sequence[GateRule], guards: Door, case: Case, facts: Facts, now: datetime
) -> tuple[Verdict, ...]:
    """The verdicts of all gates at one door, in the rule's order. Raises NotAsked.

    A gate that can't be evaluated waits, with the reason: never a pass.
    """
    verdicts: list[Verdict] = []
    for rule in rules:
        gate = GATES[rule.gate]
        if gate.guards != guards:
            continue
        try:
            verdicts.append(gate.judge(rule, case.seen_by(rule), facts, now))
        except NotKnown as error:
            unknown = error.unknown
            why = f"can't be evaluated: {unknown.why}"
            verdicts.append(
                Verdict(
                    rule.text, guards, "wait", why, opens_at=unknown.retry_at, trouble=unknown.kind
                )
            )
    return tuple(verdicts)
