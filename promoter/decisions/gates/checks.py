"""`checks: [name, ...]`: each of them is a success on the request's present head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from promoter.decisions.gates.gate import Case
from promoter.model.facts import ChecksOf, Facts
from promoter.model.ports import Check
from promoter.model.rule import GateRule
from promoter.model.verdict import Door, Verdict

_MOST_OTHERS = 5


class ChecksGate:
    guards: Door = "merge"

    def judge(
        self,
        rule: GateRule,
        case: Case,
        facts: Facts,
        now: datetime,  # noqa: ARG002 - a check does not age
    ) -> Verdict:
        wanted = [str(value) for _, value in rule.options]
        request = case.merge_request
        if request is None or case.head is None:
            why = f"{_listed(wanted)} can't have run before there is a merge request"
            return Verdict(rule.text, "merge", "wait", why, opened_by=_listed(wanted))
        said = facts.need(ChecksOf(case.repository, request.number, case.head))
        return _judge(rule.text, wanted, said, case.head)


def _judge(gate: str, wanted: Sequence[str], said: Sequence[Check], head: str) -> Verdict:
    found = {each.name: each for each in said}
    evidence = (("head", head[:12]), *((name, _seen(found.get(name))) for name in wanted))
    failed = [found[name] for name in wanted if name in found and found[name].state == "failure"]
    if failed:
        names = _listed(each.name for each in failed)
        why = "; ".join(f"{each.name} failed{_told(each)}" for each in failed)
        return Verdict(gate, "merge", "block", why, evidence, opened_by=f"a new run of {names}")
    absent = [name for name in wanted if name not in found]
    pending = [name for name in wanted if name in found and found[name].state == "pending"]
    if not absent and not pending:
        verb = "is a success" if len(wanted) == 1 else "are successes"
        return Verdict(gate, "merge", "pass", f"{_listed(wanted)} {verb}", evidence)
    waits = [f"{_listed(pending)} not finished"] if pending else []
    if absent:
        waits.append(f"{_listed(absent)} not reported yet")
        # A name that the forge spells otherwise would be waited for in vain.
        others = [each.name for each in said if each.name not in wanted][:_MOST_OTHERS]
        evidence += (("others", ", ".join(others)),) if others else ()
    opened_by = _listed([*pending, *absent])
    return Verdict(gate, "merge", "wait", ", ".join(waits), evidence, opened_by=opened_by)


def _seen(check: Check | None) -> str:
    return f"{check.state}{_told(check)}" if check else "not reported"


def _told(check: Check) -> str:
    """What it says of itself, and where more of it stands."""
    text = f": {check.text}" if check.text else ""
    return f"{text} ({check.url})" if check.url else text


def _listed(names: Iterable[str]) -> str:
    *head, tail = names
    return f"{', '.join(head)} and {tail}" if head else tail
