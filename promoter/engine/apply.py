"""All writes. A step finds its own earlier result first, so that it can be repeated after a
crash at any point: branches by their content, merge requests by their branch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from promoter.access.redaction import redact
from promoter.decisions.person import LEFT_ALONE
from promoter.engine.adapters import Adapters
from promoter.engine.applied import Applied
from promoter.engine.branches import Proposal, name_of, push_branches
from promoter.engine.traced import step_of, trace_for
from promoter.errors import PromoterError
from promoter.model.ledger import Note, Published
from promoter.model.outcome import Deed, Effect
from promoter.model.plan import (
    Action,
    Close,
    Decision,
    Disarm,
    LeaveAlone,
    Merge,
    Plan,
    Propose,
)
from promoter.model.ports import Forge, MergeRequestDraft
from promoter.model.record import Record, trace_of
from promoter.model.rule import RepositoryAddress
from promoter.texts.change import (
    merge_text,
    request_body,
    request_labels,
    request_title,
)
from promoter.texts.comments import (
    closing_comment,
    left_alone_comment,
    news_comment,
    superseded_comment,
)
from promoter.texts.together import spell_releases

_MOST_FAILURES = 3
"""Statuses that could not be published; then the others of the repository wait for the next run."""


def apply(plan: Plan, adapters: Adapters) -> Applied:
    """Carry the plan out, repository by repository; one that fails never stops the others."""
    applied = Applied()
    notes = plan.notes
    there = (repository for repository, _ in (*plan.actions, *plan.statuses))
    for address in dict.fromkeys((*there, *notes)):
        proposed = [
            (each, each.action)
            for each in plan.acting
            if each.repository == address and isinstance(each.action, Propose)
        ]
        try:
            repository, forge = adapters.repository(address), adapters.forge(address)
            proposals = [Proposal(*each, trace_for(*each, repository)) for each in proposed]
        except PromoterError as error:
            applied.note(address.url, error)
            continue
        ready = push_branches(repository, proposals, notes.get(address, ()), applied)
        # What was judged is done first: a hundred new requests take minutes, and meanwhile people
        # hold, close and push.
        _act(plan, address, forge, applied)
        for proposal in ready:
            step = partial(_open_or_update, forge, proposal, applied)
            applied.attempt(name_of(proposal.decision), step, (address, proposal.action))
        said = _publish(plan, address, forge, applied)
        push_branches(repository, (), said, applied)
    return applied


def _open_or_update(forge: Forge, proposal: Proposal, applied: Applied) -> Effect:
    decision, action = proposal.decision, proposal.action
    if action.head is None:
        raise ValueError(f"{action.branch} was not pushed")
    draft = MergeRequestDraft(
        action.branch,
        action.base,
        action.head,
        request_title(decision, action),
        request_body(decision, action, proposal.trace),
        action.approvals,
        action.draft,
        request_labels(decision, action),
        action.request.reviewers,
        action.request.assignees,
    )
    if action.number is None:
        with step_of("open merge request", decision, proposal.trace):
            opened = forge.open(draft)
        applied.warnings += opened.warnings
        return _effect("opened", decision, opened.url)
    with step_of("update merge request", decision, proposal.trace):
        if action.replaces:
            said = superseded_comment(action.replaces, action.record.release, action.head)
            forge.comment(action.number, said)
        if action.news:
            forge.comment(action.number, news_comment(action.news, action.head))
        applied.warnings += forge.update(action.number, draft).warnings
    return _effect("updated", decision, _url(decision, action))


def _act(plan: Plan, address: RepositoryAddress, forge: Forge, applied: Applied) -> None:
    """All that is done to merge requests that are open already."""
    step: Callable[[], Effect]
    for orphan in plan.orphans:
        if orphan.repository == address:
            step = partial(_close, forge, None, orphan.action)
            applied.attempt(orphan.rule, step, (address, orphan.action))
    for decision in plan.acting:
        if decision.repository != address:
            continue
        match decision.action:
            case Close() as action:
                step = partial(_close, forge, decision, action)
            case Merge() as action:
                step = partial(_merge, forge, decision, action)
            case Disarm() as action:
                step = partial(_disarm, forge, decision, action)
            case LeaveAlone() as action:
                step = partial(_leave_alone, forge, decision, action)
            case _:
                continue
        applied.attempt(name_of(decision), step, (address, decision.action))


def _close(forge: Forge, decision: Decision | None, action: Close) -> Effect:
    request = decision.merge_request if decision else None
    head = request.head if request else action.branch
    with step_of("close merge request", decision, trace_of(request.body) if request else None):
        forge.comment(action.number, closing_comment(action.number, head, action.reason))
        forge.close(action.number, action.reason)
    if decision is None:
        return Effect("closed", "", "", "", f"#{action.number}", action.reason)
    # What was proposed, which is not what is offered now.
    records = Record.parse_all(request.body) if request else ()
    effect = _effect("closed", decision, _url(decision, action))
    label = spell_releases(records) if records else effect.release
    return replace(effect, release=label, detail=action.reason)


def _merge(forge: Forge, decision: Decision, action: Merge) -> Effect:
    request = decision.merge_request
    trace = trace_of(request.body) if request else None
    with step_of("merge", decision, trace):
        deed = forge.merge(action.number, action.head, merge_text(decision, action, trace))
    return _effect(deed, decision, _url(decision, action))


def _disarm(forge: Forge, decision: Decision, action: Disarm) -> Effect:
    forge.disarm(action.number)
    return replace(_effect("disarmed", decision, _url(decision, action)), detail=action.reason)


def _leave_alone(forge: Forge, decision: Decision, action: LeaveAlone) -> Effect:
    forge.comment(action.number, left_alone_comment(action.branch, action.head))
    # Last: it is by the label that a later look knows that it was said.
    forge.label(action.number, LEFT_ALONE)
    return _effect("left-alone", decision, _url(decision, action))


def _publish(plan: Plan, address: RepositoryAddress, forge: Forge, applied: Applied) -> list[Note]:
    """What was published; what can't be yet is asked for again at the next look. Where it is
    refused, a promotion goes on without."""
    said: list[Note] = []
    failures = 0
    for repository, each in plan.statuses:
        if repository != address or failures == _MOST_FAILURES:
            continue
        applied.done.add((repository, each))
        try:
            published = forge.publish(each.number, each.head, each.check)
        except Exception as error:  # noqa: BLE001 - one bad status never stops anything else
            failures += 1
            is_known = isinstance(error, PromoterError)
            why = redact(str(error)) if is_known else f"a bug: {type(error).__name__}"
            applied.warnings.append(f"the status {each.check.name} could not be published: {why}")
            continue
        if published:
            said.append(Published(each.branch, each.head, each.check.state, each.check.text))
    applied.published += len(said)
    return said


def _effect(deed: Deed, decision: Decision, url: str) -> Effect:
    label = decision.offered.label if decision.offered else ""
    if decision.members and isinstance(decision.action, Propose | Merge):
        label = spell_releases(decision.action.records)
    target = decision.target
    return Effect(deed, target.application, target.environment, label, url)


def _url(decision: Decision, action: Action) -> str:
    return decision.merge_request.url if decision.merge_request else f"#{action.number}"
