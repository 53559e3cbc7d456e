"""Plans, outcomes and merge requests as JSON values, the same for every verb.

The shape is versioned by its `version` key; keys are added, never changed in meaning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from promoter.model.hold import BrokenHold, Hold
from promoter.model.outcome import Outcome
from promoter.model.plan import (
    Action,
    Close,
    Decision,
    Disarm,
    LeaveAlone,
    Merge,
    Plan,
    Propose,
    Selection,
    Trouble,
)
from promoter.model.ports import MergeRequest
from promoter.model.release import Release
from promoter.model.spell import spell_time
from promoter.model.verdict import Verdict
from promoter.texts.diff import diff_lines

VERSION = 1
Json = dict[str, Any]


# What JSON lets through and a terminal would obey; all of it can only stand in strings.
_CONTROL = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def dump(value: Json) -> str:
    text = json.dumps({"version": VERSION, **value}, indent=2, ensure_ascii=False)
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def plan_json(plan: Plan) -> Json:
    # Only where a rule groups an environment.
    groups = {"groups": [_group(each) for each in plan.groups]} if plan.groups else {}
    return {
        "decisions": [decision_json(each) for each in plan.decisions],
        "orphans": [
            {"rule": each.rule, "action": action_json(each.action)} for each in plan.orphans
        ],
        "troubles": [trouble_json(each) for each in plan.troubles],
        **groups,
    }


def outcome_json(outcome: Outcome) -> Json:
    return {
        "effects": [
            {
                "deed": each.deed,
                "application": each.application,
                "environment": each.environment,
                "release": each.release,
                "url": each.url,
                "detail": each.detail,
            }
            for each in outcome.effects
        ],
        **plan_json(outcome.plan),
        "troubles": [trouble_json(each) for each in (*outcome.plan.troubles, *outcome.troubles)],
        "warnings": list(outcome.warnings),
    }


def decision_json(decision: Decision) -> Json:
    return {
        "rule": decision.rule,
        "repository": decision.repository.url,
        "application": decision.target.application,
        "environment": decision.target.environment,
        "path": decision.target.path,
        "state": decision.state.value,
        "why": decision.why,
        "where": str(decision.where) if decision.where else None,
        "trouble": decision.trouble,
        "running": release_json(decision.running),
        "since": spell_time(decision.since) if decision.since else None,
        "offered": release_json(decision.offered),
        "origin": decision.origin,
        "gates": [_verdict(each) for each in decision.verdicts],
        "passed_over": [{"what": each.what, "why": each.why} for each in decision.passed_over],
        "selections": [_selection(each) for each in decision.selections],
        "merge_request": request_json(decision.merge_request) if decision.merge_request else None,
        "requested": [
            {
                "release": release_json(each.release),
                "by": each.by,
                "state": each.state.value,
                "why": each.why,
                "superseded_by": release_json(each.superseded_by),
            }
            for each in decision.requested
        ],
        "sources": [
            {
                "image": str(each.name),
                "source": each.source,
                "before": each.before,
                "after": each.after,
            }
            for each in decision.sources
        ],
        "holds": [hold_json(each) for each in decision.holds.standing]
        + [broken_hold_json(each) for each in decision.holds.broken],
        "action": action_json(decision.action) if decision.action else None,
    }


def _group(decision: Decision) -> Json:
    """The one merge request of an environment; each target's own answer is its decision."""
    request, action = decision.merge_request, decision.action
    return {
        "rule": decision.rule,
        "repository": decision.repository.url,
        "environment": decision.target.environment,
        "applications": [each.target.application for each in decision.members],
        "state": decision.state.value,
        "why": decision.why,
        "gates": [_verdict(each) for each in decision.verdicts],
        "merge_request": request_json(request) if request else None,
        "action": action_json(action) if action else None,
    }


def hold_json(hold: Hold) -> Json:
    return {
        "applications": list(hold.applications),
        "environments": list(hold.environments),
        "releases": list(hold.releases),
        "by": hold.by,
        "reason": hold.reason,
        "until": spell_time(hold.until) if hold.until else None,
        "file": hold.where.file,
        "line": hold.where.line,
        "problems": [],
        "release_with": hold.release_command,
    }


def broken_hold_json(hold: BrokenHold) -> Json:
    """The same keys: what a file that can't be read says is not known."""
    return {
        "applications": list(hold.applications),
        "environments": list(hold.environments),
        "releases": [],
        "by": None,
        "reason": None,
        "until": None,
        "file": hold.where.file,
        "line": hold.where.line,
        "problems": [str(each) for each in hold.problems],
        "release_with": None,
    }


def release_json(release: Release | None) -> Json | None:
    if release is None:
        return None
    return {
        "id": release.id,
        "label": release.label,
        "artifacts": [
            {"image": str(each.name), "tag": each.tag, "digest": each.digest}
            for each in release.artifacts
        ],
    }


def action_json(action: Action) -> Json:
    if isinstance(action, Propose):
        return {
            "kind": "propose",
            "branch": action.branch,
            "base": action.base,
            "files": [each.path for each in action.changes],
            "diff": "\n".join(diff_lines(action.changes)) + "\n",
            "merge_request": action.number,
            "skips": list(action.record.skips),
            "reason": action.record.reason or None,
        }
    if isinstance(action, Merge):
        return {"kind": "merge", "merge_request": action.number, "head": action.head}
    if isinstance(action, Close):
        return {"kind": "close", "merge_request": action.number, "reason": action.reason}
    if isinstance(action, Disarm):
        return {"kind": "disarm", "merge_request": action.number, "reason": action.reason}
    if isinstance(action, LeaveAlone):
        return {"kind": "leave-alone", "merge_request": action.number, "branch": action.branch}
    raise TypeError(f"no such action: {action!r}")


def request_json(request: MergeRequest) -> Json:
    return {
        "number": request.number,
        "state": request.state,
        "title": request.title,
        "branch": request.branch,
        "base": request.base,
        "head": request.head,
        "url": request.url,
        "closed_by": request.closed_by,
    }


def requests_json(requests: Iterable[MergeRequest]) -> Json:
    return {"merge_requests": [request_json(each) for each in requests]}


def trouble_json(trouble: Trouble) -> Json:
    return {
        "rule": trouble.rule,
        "kind": trouble.kind,
        "why": trouble.why,
        "where": str(trouble.where) if trouble.where else None,
    }


def _verdict(verdict: Verdict) -> Json:
    return {
        "gate": verdict.gate,
        "guards": verdict.guards,
        "judgement": verdict.judgement,
        "why": verdict.why,
        "evidence": dict(verdict.evidence),
        "opens_at": spell_time(verdict.opens_at) if verdict.opens_at else None,
        "opened_by": verdict.opened_by,
        "remedy": verdict.remedy or None,
        "skipped": verdict.skipped,
        "seen_at": spell_time(verdict.seen_at) if verdict.seen_at else None,
    }


def _selection(selection: Selection) -> Json:
    return {
        "image": str(selection.name),
        "policy": selection.policy,
        "chosen": selection.chosen,
        "passed_over": [{"what": each.what, "why": each.why} for each in selection.passed_over],
    }
