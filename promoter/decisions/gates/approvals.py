"""`approvals: N`: so many people, the bot left out, approved the request's present head."""

from __future__ import annotations

from datetime import datetime

from promoter.decisions.gates.gate import Case
from promoter.model.facts import ApprovalsOf, Facts
from promoter.model.rule import GateRule
from promoter.model.verdict import Door, Verdict


class ApprovalsGate:
    def door(self, rule: GateRule) -> Door:  # noqa: ARG002 - always the same
        return "merge"

    def judge(
        self,
        rule: GateRule,
        case: Case,
        facts: Facts,
        now: datetime,  # noqa: ARG002 - an approval does not age
    ) -> Verdict:
        wanted = int(str(rule.option("count")))
        gate = rule.text
        request = case.merge_request
        if request is None or case.head is None:
            return Verdict(
                gate,
                "merge",
                "wait",
                f"0 of {wanted}: nobody could approve this head yet",
                opened_by=_people(wanted),
            )
        people = facts.need(ApprovalsOf(case.repository, request.number, case.head))
        evidence = (("head", case.head[:12]), ("approved by", ", ".join(people) or "nobody"))
        why = f"{len(people)} of {wanted}" + (f": {', '.join(people)}" if people else "")
        if len(people) >= wanted:
            return Verdict(gate, "merge", "pass", why, evidence)
        return Verdict(
            gate,
            "merge",
            "wait",
            f"{why} on merge request {request.url}",
            evidence,
            opened_by=_people(wanted - len(people)),
            remedy=request.url,
        )


def _people(count: int) -> str:
    return "1 more person" if count == 1 else f"{count} more people"
