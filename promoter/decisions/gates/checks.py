"""`checks: [name, ...]`: each of them is a success on the request's present head; with
`{of: upstream, names: [...]}` on the commit that brought exactly this release to upstream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from promoter.decisions.gates.gate import Case
from promoter.decisions.gates.upstream import judge_upstreams, newest_run, not_run
from promoter.model.facts import ChecksOf, CommitChecksOf, Facts, Period
from promoter.model.ports import Check
from promoter.model.rule import GateRule
from promoter.model.verdict import Door, Verdict

_MOST_OTHERS = 5


def looks_upstream(rule: GateRule) -> bool:
    """Whether a `checks` gate is about the upstream commit, and not the request's head."""
    return ("of", "upstream") in rule.options


class ChecksGate:
    def door(self, rule: GateRule) -> Door:
        return "open" if looks_upstream(rule) else "merge"

    def judge(
        self,
        rule: GateRule,
        case: Case,
        facts: Facts,
        now: datetime,  # noqa: ARG002 - a check does not age
    ) -> Verdict:
        wanted = [str(value) for name, value in rule.options if name == "name"]
        if looks_upstream(rule):
            return judge_upstreams(
                rule,
                case,
                "that they ran on",
                lambda name, periods: _judge_upstream(rule, wanted, name, periods, case, facts),
            )
        request = case.merge_request
        if request is None or case.head is None:
            why = f"{_listed(wanted)} can't have run before there is a merge request"
            return Verdict(rule.text, "merge", "wait", why, opened_by=_listed(wanted))
        said = facts.need(ChecksOf(case.repository, request.number, case.head))
        evidence = (("head", case.head[:12]),)
        return _judge(Verdict(rule.text, "merge", "wait", "", evidence), wanted, said)


def _judge_upstream(
    rule: GateRule,
    wanted: Sequence[str],
    upstream: str,
    periods: Sequence[Period],
    case: Case,
    facts: Facts,
) -> Verdict:
    index = newest_run(periods, case.release)
    if index is None:
        return not_run(rule, upstream, case.release, case.looked_at)
    commit = periods[index].commit
    said = facts.need(CommitChecksOf(case.repository_of(upstream), commit))
    evidence = (("upstream", upstream), ("commit", commit[:12]))
    bare = Verdict(rule.text, "open", "wait", "", evidence, seen_at=case.looked_at)
    verdict = _judge(bare, wanted, said)
    return replace(verdict, why=f"{verdict.why} on {commit[:8]} of {upstream}")


def _judge(bare: Verdict, wanted: Sequence[str], said: Sequence[Check]) -> Verdict:
    """`bare` with the answer, and with what each check says as evidence."""
    found = {each.name: each for each in said}
    evidence = (*bare.evidence, *((name, _seen(found.get(name))) for name in wanted))
    bare = replace(bare, evidence=evidence)
    failed = [found[name] for name in wanted if name in found and found[name].state == "failure"]
    if failed:
        names = _listed(each.name for each in failed)
        return replace(
            bare,
            judgement="block",
            why="; ".join(f"{each.name} failed{_told(each)}" for each in failed),
            opened_by=f"a new run of {names}",
            remedy=_link(failed),
        )
    absent = [name for name in wanted if name not in found]
    pending = [found[name] for name in wanted if name in found and found[name].state == "pending"]
    if not absent and not pending:
        verb = "is a success" if len(wanted) == 1 else "are successes"
        return replace(bare, judgement="pass", why=f"{_listed(wanted)} {verb}")
    running = [each.name for each in pending]
    waits = [f"{_listed(running)} not finished"] if pending else []
    if absent:
        waits.append(f"{_listed(absent)} not reported yet")
        # A name that the forge spells otherwise would be waited for in vain.
        others = [each.name for each in said if each.name not in wanted][:_MOST_OTHERS]
        evidence += (("others", ", ".join(others)),) if others else ()
    return replace(
        bare,
        why=", ".join(waits),
        evidence=evidence,
        opened_by=_listed([*running, *absent]),
        remedy=_link(pending),
    )


def _link(checks: Sequence[Check]) -> str:
    """Where the first of them that says so can be looked at and run again."""
    return next((each.url for each in checks if each.url), "")


def _seen(check: Check | None) -> str:
    return f"{check.state}{_told(check)}" if check else "not reported"


def _told(check: Check) -> str:
    """What it says of itself, and where more of it stands."""
    text = f": {check.text}" if check.text else ""
    return f"{text} ({check.url})" if check.url else text


def _listed(names: Iterable[str]) -> str:
    *head, tail = names
    return f"{', '.join(head)} and {tail}" if head else tail
