"""From a chosen release to the branch, the merge request and its merge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from promoter.decisions.background import read_sources, read_stays
from promoter.decisions.branches import branch_name
from promoter.decisions.gates import judge_all
from promoter.decisions.search import Judged, case_of
from promoter.decisions.situation import Situation
from promoter.model.facts import EditOf, Facts
from promoter.model.plan import Decision, Merge, Propose, State
from promoter.model.ports import Branch, MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rule import GateRule
from promoter.model.target import Edit
from promoter.model.verdict import Verdict


def propose(
    this: Situation, chosen: Judged, decided: Decision, facts: Facts, now: datetime
) -> Decision:
    """The decision with its action. Raises NotAsked, NotKnown."""
    release = chosen.release
    decided = replace(decided, offered=release, verdicts=chosen.verdicts)
    branch, request = this.branch, this.opened
    if branch is not None and not branch.own:
        why = f"a person pushed to {branch.name}; it is left alone until it is merged or deleted"
        return replace(decided, state=State.REJECTED, why=why)
    edit = facts.need(_edit_question(this, release))
    if edit.refused:
        return _refuse(decided, edit)
    if not edit.changes:
        return replace(decided, state=State.CURRENT, why=f"runs {release.label}")
    target, origin = this.target, decided.origin or "registry"
    asked_by = (each.by for each in this.wishes if release.holds(each.release))
    record = Record(
        this.rule.name,
        target.application,
        target.environment,
        release,
        origin,
        ", ".join(dict.fromkeys(asked_by)),
    )
    branch_is_right = branch is not None and _holds(branch, record, edit)
    approvals = _approvals(this.environment.require)
    if branch and request and branch_is_right and _is_right(request, branch, record, approvals):
        return _judge_merge(this, request, branch, record, decided, facts, now)
    action = Propose(
        record,
        branch_name(target),
        this.scene.tip.branch,
        this.scene.tip.commit,
        edit.changes,
        approvals,
        expected=branch.head if branch else None,
        head=branch.head if branch and branch_is_right else None,
        number=request.number if request else None,
    )
    case = replace(case_of(this, release), merge_request=None, head=None)
    verdicts = judge_all(this.environment.require, "merge", case, facts, now)
    automatic = this.environment.merge == "automatic"
    verb = f"update {request.url} to" if request else "open a merge request for"
    return replace(
        decided,
        state=State.PROMOTING if automatic else State.PROPOSED,
        why=f"{verb} {release.label} from {origin}",
        verdicts=(*decided.verdicts, *verdicts),
        sources=read_sources(this.reading.release, release, facts),
        stays=read_stays(this.histories, release, now),
        action=action,
    )


def _edit_question(this: Situation, release: Release) -> EditOf:
    pins = tuple((name, artifact.pin) for name, artifact in this.artifacts.items())
    return EditOf(this.repository, this.scene.tip.commit, this.target, release, pins)


def _refuse(decided: Decision, edit: Edit) -> Decision:
    first = edit.refused[0]
    why = f"the edit is refused: {first.message}"
    return replace(decided, state=State.BLOCKED, why=why, where=first.where, trouble="input")


def _holds(branch: Branch, record: Record, edit: Edit) -> bool:
    """Whether the branch holds exactly this promotion: an approval is not thrown away for a
    commit that would say the same again on a newer base."""
    wanted = {change.path: change.after for change in edit.changes}
    return dict(branch.files) == wanted and Record.parse(branch.message) == record


def _is_right(request: MergeRequest, branch: Branch, record: Record, approvals: int) -> bool:
    says_so = request.approvals == approvals and Record.parse(request.body) == record
    return says_so and request.head == branch.head


def _approvals(require: Iterable[GateRule]) -> int:
    """How many approvals the gates ask for, so that a forge that can will insist as well."""
    counts = (int(str(each.option("count"))) for each in require if each.gate == "approvals")
    return max(counts, default=0)


def _judge_merge(
    this: Situation,
    request: MergeRequest,
    branch: Branch,
    record: Record,
    decided: Decision,
    facts: Facts,
    now: datetime,
) -> Decision:
    """The request is as it should be: it is merged, or waits for its gates or a person."""
    if decided.offered is None:
        raise ValueError("there is no merge without a release")
    case = case_of(this, decided.offered)
    verdicts = judge_all(this.environment.require, "merge", case, facts, now)
    decided = replace(decided, verdicts=(*decided.verdicts, *verdicts))
    if not all(each.passes for each in verdicts):
        return keep_out(decided, verdicts)
    if this.environment.merge == "manual":
        why = f"merge request {request.url} waits for a person to merge it"
        return replace(decided, state=State.PROPOSED, why=why)
    action = Merge(request.number, request.branch, branch.head, record, this.rule.request)
    why = f"merge {request.url}: all gates pass"
    return replace(decided, state=State.PROMOTING, why=why, action=action)


def keep_out(decided: Decision, verdicts: Sequence[Verdict]) -> Decision:
    """The answer where a gate does not pass: the first that blocks, else the first that waits."""
    failing = [each for each in verdicts if not each.passes]
    worst = next((each for each in failing if each.judgement == "block"), failing[0])
    state = State.BLOCKED if worst.judgement == "block" else State.WAITING
    why = f"{worst.why} ({worst.gate})"
    return replace(decided, state=state, why=why, trouble=worst.trouble)
