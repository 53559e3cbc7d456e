"""From a chosen release to the branch, the merge request and its merge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from promoter.decisions.background import read_sources, read_stays
from promoter.decisions.branches import branch_name
from promoter.decisions.gates import judge_all
from promoter.decisions.groups.joining import leave_group, may_share, offer_to_group
from promoter.decisions.limits import exceeded_by
from promoter.decisions.person import stop_by_person
from promoter.decisions.search import Judged, case_of
from promoter.decisions.situation import Situation
from promoter.model.facts import EditOf, Facts, FootingOf, MergedOf, QueuedOf, ReadinessOf
from promoter.model.ledger import Queued
from promoter.model.plan import Decision, Merge, Propose, State
from promoter.model.ports import Branch, MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rule import GateRule, RequestTexts
from promoter.model.target import Edit, FileChange
from promoter.model.verdict import Verdict


@dataclass(frozen=True)
class Intent:
    """What a merge request is to bring: the release as it was judged, its record and bytes, and the
    gates that guard the merge."""

    chosen: Judged
    record: Record
    edit: Edit
    require: tuple[GateRule, ...]

    @property
    def what(self) -> str:
        """What follows "open a merge request"."""
        label, record = self.chosen.release.label, self.record
        if record.rolls_back:
            return f"{label}, which ran in {record.environment} before"
        return f"{label} from {record.origin}"


def propose(
    this: Situation, chosen: Judged, decided: Decision, facts: Facts, now: datetime
) -> Decision:
    """The decision with its action. Raises NotAsked, NotKnown."""
    release = chosen.release
    record = _record(this, chosen, decided.origin or "registry")
    if this.group and not may_share(record):
        this, decided = leave_group(this, decided, facts)
    origin = chosen.skips.origin or decided.origin
    decided = replace(decided, offered=release, verdicts=chosen.verdicts, origin=origin)
    if not this.group and (stopped := stop_by_person(this, decided)):
        return stopped
    edit = facts.need(edit_question(this, release))
    if edit.refused:
        return refuse(decided, edit)
    if not edit.changes:
        return replace(decided, state=State.CURRENT, why=f"runs {release.label}")
    if why := exceeded_by(this.rule.limits, edit.changes):
        return replace(decided, state=State.BLOCKED, why=why)
    if this.group:
        return offer_to_group(this, record, edit, decided)
    intent = Intent(chosen, record, edit, this.environment.require)
    return bring(this, intent, decided, facts, now)


def bring(
    this: Situation, intent: Intent, decided: Decision, facts: Facts, now: datetime
) -> Decision:
    """The decision with the next step on the way of an intent: branch and request are made what
    they should be, then the request is merged, or waits. Raises NotAsked, NotKnown."""
    branch, request = this.branch, this.opened
    chosen, record, edit = intent.chosen, intent.record, intent.edit
    release = chosen.release
    automatic = this.environment.merge == "automatic"
    kept = branch if branch and brings(this, branch, (record,), edit.changes, facts) else None
    action = Propose(
        record,
        branch_name(this.target),
        this.base.tip.branch,
        this.base.tip.commit,
        edit.changes,
        count_approvals(intent.require),
        expected=branch.head if branch else None,
        head=kept.head if kept else None,
        number=request.number if request else None,
        draft=_draft(this, chosen),
        replaces=_replaced(request, release),
        request=texts_of(this),
        commit=this.rule.commit,
    )
    if request and automatic:
        decided = replace(decided, lands_in=tuple(each.path for each in edit.changes))
    if kept and request and is_right(request, kept, action):
        return judge_merge(this, intent, request, kept, action, decided, facts, now)
    case = replace(case_of(this, release, chosen.skips), merge_request=None, head=None)
    verdicts = judge_all(intent.require, "merge", case, facts, now)
    if request and not action.replaces:
        verb = f"build {request.url} again for" if kept is None else f"complete {request.url} for"
    else:
        verb = f"update {request.url} to" if request else "open a merge request for"
    return replace(
        decided,
        state=State.PROMOTING if automatic else State.PROPOSED,
        why=f"{verb} {intent.what}",
        verdicts=(*decided.verdicts, *verdicts),
        **_background(this, release, facts, now),
        action=replace(action, rebuilds=bool(request) and not action.replaces and kept is None),
    )


def _record(this: Situation, chosen: Judged, origin: str) -> Record:
    target, release, skips = this.target, chosen.release, chosen.skips
    asked_by = (each.by for each in this.wishes if release.holds(each.release))
    return Record(
        this.rule.name,
        target.application,
        target.environment,
        release,
        skips.origin or origin,
        ", ".join(dict.fromkeys((*asked_by, *([skips.by] if skips.by else [])))),
        skips=skips.names,
        reason=skips.reason,
    )


def texts_of(this: Situation) -> RequestTexts:
    """Nobody is asked to review what needs nobody."""
    texts, gates = this.rule.request, (each.gate for each in this.environment.require)
    if this.environment.merge == "automatic" and "approvals" not in gates:
        return replace(texts, reviewers=(), assignees=())
    return texts


def _draft(this: Situation, chosen: Judged) -> bool:
    """Whether it is to be a draft: with `open: early` until its gates pass; else as a person has
    it."""
    if this.environment.open == "early":
        return not all(each.passes for each in chosen.verdicts)
    return this.opened is not None and this.opened.draft


def _replaced(request: MergeRequest | None, release: Release) -> Release | None:
    record = Record.parse(request.body) if request else None
    return record.release if record and record.release != release else None


def edit_question(this: Situation, release: Release) -> EditOf:
    pins = tuple((name, artifact.pin) for name, artifact in this.artifacts.items())
    return EditOf(this.repository, this.base.tip.commit, this.target, release, pins)


def refuse(decided: Decision, edit: Edit) -> Decision:
    first = edit.refused[0]
    why = f"the edit is refused: {first.message}"
    return replace(decided, state=State.BLOCKED, why=why, where=first.where, trouble="input")


def brings(
    this: Situation,
    branch: Branch,
    records: tuple[Record, ...],
    changes: Sequence[FileChange],
    facts: Facts,
) -> bool:
    """Whether merging the branch brings exactly this promotion, or these: an approval is not thrown
    away for a commit that would say the same again on a newer base."""
    if Record.parse_all(branch.message) != records:
        return False
    wanted = {change.path: change.after for change in changes}
    if dict(branch.files) == wanted:
        return True
    if not _is_behind(this, branch):
        return False
    # Its files changed on the base, in other places perhaps.
    merged = facts.need(MergedOf(this.repository, this.base.tip.commit, branch.head))
    return merged is not None and dict(merged) == wanted


def _is_behind(this: Situation, branch: Branch) -> bool:
    return branch.fork not in (None, this.base.tip.commit)


def is_right(request: MergeRequest, branch: Branch, action: Propose) -> bool:
    """A draft is made ready, never the other way round: somebody may have done it by hand."""
    said = Record.parse_all(request.body)
    says_so = request.approvals == action.approvals and said == action.records
    is_ready = action.draft or not request.draft
    return says_so and is_ready and request.complete and request.head == branch.head


def count_approvals(require: Iterable[GateRule]) -> int:
    """How many approvals the gates ask for, so that a forge that can will insist as well."""
    counts = (int(str(each.option("count"))) for each in require if each.gate == "approvals")
    return max(counts, default=0)


def judge_merge(
    this: Situation,
    intent: Intent,
    request: MergeRequest,
    branch: Branch,
    action: Propose,
    decided: Decision,
    facts: Facts,
    now: datetime,
) -> Decision:
    """The request is as it should be: it is merged, or waits for its gates, the forge or a
    person. `action` would write it as it is."""
    case = case_of(this, action.record.release, intent.chosen.skips)
    verdicts = judge_all(intent.require, "merge", case, facts, now)
    decided = replace(decided, verdicts=(*decided.verdicts, *verdicts))
    if not all(each.passes for each in decided.verdicts):
        return keep_out(decided, decided.verdicts)
    automatic = this.environment.merge == "automatic"
    footing = facts.need(FootingOf(this.repository, action.base))
    if automatic and footing.protection.up_to_date and _is_behind(this, branch):
        return _build_again(this, action, decided, facts, now)
    if request.armed:
        why = f"{request.url} is in the forge's queue: all gates pass"
        return replace(decided, state=State.PROMOTING, why=why)
    if not automatic:
        why = f"merge request {request.url} waits for a person to merge it"
        return replace(decided, state=State.PROPOSED, why=why)
    ready = facts.need(ReadinessOf(this.repository, request.number, branch.head))
    if ready.state in ("conflict", "behind") and _is_behind(this, branch):
        return _build_again(this, action, decided, facts, now)
    # On the tip that was looked at nothing conflicts: it moved since, as the merge will tell.
    if ready.state not in ("ready", "conflict"):
        refused = ready.state == "refused"
        state, said = State.BLOCKED if refused else State.WAITING, ready.why or ready.state
        why = f"all gates pass, and the forge does not merge {request.url} yet: {said}"
        return replace(decided, state=state, why=why, trouble="input" if refused else None)
    merge = Merge(
        *(request.number, request.branch, branch.head, action.record, action.base_commit),
        action.request,
        action.others,
    )
    if Queued(request.branch, branch.head, action.base_commit) in facts.need(
        QueuedOf(this.repository)
    ):
        why = (
            f"all gates pass, and the forge's queue took {request.url} out again, or a person did;"
            f" it is put back once its branch or {action.base} moves"
        )
        return replace(decided, state=State.WAITING, why=why)
    why = f"merge {request.url}: all gates pass"
    return replace(decided, state=State.PROMOTING, why=why, action=merge)


def _build_again(
    this: Situation, action: Propose, decided: Decision, facts: Facts, now: datetime
) -> Decision:
    """The same release, on the tip: the forge merges nothing that stands behind it."""
    label = action.record.release.label
    return replace(
        decided,
        state=State.PROMOTING,
        why=f"build the branch of #{action.number} again for {label}, on the tip of {action.base}",
        **_background(this, action.record.release, facts, now),
        action=replace(action, head=None, rebuilds=True),
    )


def _background(this: Situation, release: Release, facts: Facts, now: datetime) -> dict[str, Any]:
    """What a body tells of a release beside the decision itself."""
    return {
        "sources": read_sources(this.reading.release, release, facts),
        "stays": read_stays(this.histories, release, now),
    }


def keep_out(decided: Decision, verdicts: Sequence[Verdict]) -> Decision:
    """The answer where a gate does not pass: the first that blocks, else the first that waits."""
    failing = [each for each in verdicts if not each.passes]
    worst = next((each for each in failing if each.judgement == "block"), failing[0])
    state = State.BLOCKED if worst.judgement == "block" else State.WAITING
    return replace(decided, state=state, why=worst.told, trouble=worst.trouble)
