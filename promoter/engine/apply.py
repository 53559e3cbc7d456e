"""All writes. A step finds its own earlier result first, so that it can be repeated after a
crash at any point: branches by their content, merge requests by their branch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from promoter.access.redaction import redact
from promoter.decisions.person import LEFT_ALONE
from promoter.engine.adapters import Adapters
from promoter.engine.ledger import REF, draft_notes
from promoter.errors import ConflictError, InputError, PromoterError, TransientError
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
    Trouble,
)
from promoter.model.ports import CommitDraft, Forge, MergeRequestDraft, RefMove, Repository
from promoter.model.record import Record
from promoter.model.rule import RepositoryAddress
from promoter.model.trouble import TroubleKind
from promoter.texts.change import (
    commit_message,
    merge_text,
    request_body,
    request_labels,
    request_title,
)
from promoter.texts.comments import closing_comment, left_alone_comment, superseded_comment

_LEDGER_RACES = 20
_MOST_FAILURES = 3
"""Statuses that could not be published; then the others of the repository wait for the next run."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Proposal:
    """A branch and merge request to be made as `action` says."""

    decision: Decision
    action: Propose


@dataclass
class Applied:
    """What was done; `raced` where a compare-and-swap was lost and the world must be read again."""

    effects: list[Effect] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    raced: bool = False
    published: int = 0
    """Statuses, which are no effects that a person wants to read of."""
    done: set[object] = field(default_factory=set)
    """What is not done again in one reconcile, however the world looks: `(repository, action)`."""

    def attempt(self, who: str, step: Callable[[], Effect], deed: object) -> None:
        """Run one step; what goes wrong with it is noted and stops only itself. `deed`: what it
        is known by once it is done."""
        try:
            self.effects.append(step())
            self.done.add(deed)
        except Exception as error:  # noqa: BLE001 - one bad step never stops the others
            self.note(who, error)

    def warn(self, error: Exception) -> None:
        """The ledger could not be written: that loses comfort and stops nothing."""
        if isinstance(error, ConflictError):
            self.raced = True
            return
        _log.debug("the ledger could not be written", exc_info=error)
        reason = redact(error.message) if isinstance(error, PromoterError) else repr(error)
        self.warnings.append(f"the ledger ({REF}) could not be written: {reason}")

    def note(self, who: str, error: Exception) -> None:
        if not isinstance(error, PromoterError):
            _log.debug("%s: a bug", who, exc_info=error)
            why = f"a bug in promoter: {type(error).__name__}; run with --debug"
            self.troubles.append(Trouble(who, why, "bug"))
            return
        if isinstance(error, ConflictError):
            _log.info("%s: lost a race, deciding again: %s", who, error)
            self.raced = True
            return
        kind: TroubleKind = "input" if isinstance(error, InputError) else "transient"
        self.troubles.append(Trouble(who, redact(error.message), kind, error.where))


def apply(plan: Plan, adapters: Adapters) -> Applied:
    """Carry the plan out, repository by repository; one that fails never stops the others."""
    applied = Applied()
    notes = plan.notes
    there = (repository for repository, _ in (*plan.actions, *plan.statuses))
    for address in dict.fromkeys((*there, *notes)):
        proposals = [
            _Proposal(each, each.action)
            for each in plan.decisions
            if each.repository == address and isinstance(each.action, Propose)
        ]
        try:
            repository, forge = adapters.repository(address), adapters.forge(address)
        except PromoterError as error:
            applied.note(address.url, error)
            continue
        ready = _push_branches(repository, proposals, notes.get(address, ()), applied)
        for proposal in ready:
            step = partial(_open_or_update, forge, proposal, applied)
            applied.attempt(_name(proposal.decision), step, (address, proposal.action))
        _act(plan, address, forge, applied)
        said = _publish(plan, address, forge, applied)
        _push_branches(repository, (), said, applied)
    return applied


def _push_branches(
    repository: Repository,
    proposals: Sequence[_Proposal],
    notes: Sequence[Note],
    applied: Applied,
) -> list[_Proposal]:
    """The proposals whose branch stands as it should, with their heads: all branches and the
    ledger go out in one atomic push. Where that is refused, one by one, so that a bad branch
    stops only itself."""
    ready = [each for each in proposals if each.action.head is not None]
    unmade = [each for each in proposals if each.action.head is None]
    try:
        made = _push_together(repository, unmade, notes)
    except (ConflictError, TransientError) as error:
        for each in unmade:
            applied.note(_name(each.decision), error)
        if not unmade:
            applied.warn(error)
        return ready
    except Exception as error:  # noqa: BLE001 - one bad proposal never stops the others
        if not unmade:
            applied.warn(error)
        elif len(unmade) == 1 and not notes:
            applied.note(_name(unmade[0].decision), error)
        else:
            for each in unmade:
                ready.extend(_push_branches(repository, [each], (), applied))
            _push_branches(repository, (), notes, applied)
        return ready
    return [*ready, *made]


def _push_together(
    repository: Repository, unmade: Sequence[_Proposal], notes: Sequence[Note]
) -> list[_Proposal]:
    """The proposals with the heads that their branches have now. Where only the ledger was moved
    meanwhile (other jobs note other things there) the notes are added to what it is now; nothing
    else that was decided depends on it."""
    ledger = draft_notes(repository, notes) if notes else None
    if not unmade and ledger is None:
        return []
    drafts = [_draft(each) for each in unmade]
    heads = repository.commit([*drafts, ledger.commit] if ledger else drafts)
    made = [
        replace(each, action=replace(each.action, head=head))
        for each, head in zip(unmade, heads, strict=False)
    ]
    moves = [*_base_stands(made), *(_move(each.action) for each in made)]
    kept = [ledger.move(heads[-1])] if ledger else []
    for _ in range(_LEDGER_RACES):
        if not moves and not kept:
            return made
        try:
            repository.push([*moves, *kept])
        except ConflictError:
            if not kept:
                raise
            repository.refresh()
            if any(repository.ref(move.ref) != move.expected for move in moves):
                raise
        else:
            return made
        ledger = draft_notes(repository, notes)
        kept = [ledger.move(*repository.commit([ledger.commit]))] if ledger else []
    raise ConflictError(f"others keep writing {REF}")


def _base_stands(proposals: Sequence[_Proposal]) -> list[RefMove]:
    """Checks, in the same push, that the base is where it was when this was decided: else another
    process may have merged the very same promotion meanwhile."""
    bases = {f"refs/heads/{each.action.base}": each.action.base_commit for each in proposals}
    return [RefMove(ref, commit, commit) for ref, commit in bases.items()]


def _move(action: Propose) -> RefMove:
    return RefMove(f"refs/heads/{action.branch}", action.expected, action.head)


def _draft(proposal: _Proposal) -> CommitDraft:
    action = proposal.action
    files = {change.path: change.after for change in action.changes}
    message = commit_message(proposal.decision, action)
    return CommitDraft(action.base_commit, files, message, author=action.commit.author)


def _open_or_update(forge: Forge, proposal: _Proposal, applied: Applied) -> Effect:
    decision, action = proposal.decision, proposal.action
    if action.head is None:
        raise ValueError(f"{action.branch} was not pushed")
    draft = MergeRequestDraft(
        action.branch,
        action.base,
        action.head,
        request_title(decision, action),
        request_body(decision, action),
        action.approvals,
        action.draft,
        request_labels(decision, action),
        action.request.reviewers,
        action.request.assignees,
    )
    if action.number is None:
        opened = forge.open(draft)
        applied.warnings += opened.warnings
        return _effect("opened", decision, opened.url)
    if action.replaces:
        said = superseded_comment(action.replaces, action.record.release, action.head)
        forge.comment(action.number, said)
    applied.warnings += forge.update(action.number, draft).warnings
    return _effect("updated", decision, _url(decision, action))


def _act(plan: Plan, address: RepositoryAddress, forge: Forge, applied: Applied) -> None:
    """All that is done to merge requests that are open already."""
    step: Callable[[], Effect]
    for orphan in plan.orphans:
        if orphan.repository == address:
            step = partial(_close, forge, None, orphan.action)
            applied.attempt(orphan.rule, step, (address, orphan.action))
    for decision in plan.decisions:
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
        applied.attempt(_name(decision), step, (address, decision.action))


def _close(forge: Forge, decision: Decision | None, action: Close) -> Effect:
    request = decision.merge_request if decision else None
    head = request.head if request else action.branch
    forge.comment(action.number, closing_comment(action.number, head, action.reason))
    forge.close(action.number, action.reason)
    if decision is None:
        return Effect("closed", "", "", "", f"#{action.number}", action.reason)
    # What was proposed, which is not what is offered now.
    record = Record.parse(request.body) if request else None
    effect = _effect("closed", decision, _url(decision, action))
    label = record.release.label if record else effect.release
    return replace(effect, release=label, detail=action.reason)


def _merge(forge: Forge, decision: Decision, action: Merge) -> Effect:
    deed = forge.merge(action.number, action.head, merge_text(decision, action))
    return _effect(deed, decision, _url(decision, action))


def _disarm(forge: Forge, decision: Decision, action: Disarm) -> Effect:
    forge.disarm(action.number)
    return replace(_effect("disarmed", decision, _url(decision, action)), detail=action.reason)


def _leave_alone(forge: Forge, decision: Decision, action: LeaveAlone) -> Effect:
    forge.comment(action.number, left_alone_comment(action.branch, action.head))
    # Last: it is by the label that a later look knows that it was said.
    forge.label(action.number, LEFT_ALONE)
    return _effect("left-alone", decision, _url(decision, action))


def _publish(
    plan: Plan, address: RepositoryAddress, forge: Forge, applied: Applied
) -> list[Published]:
    """What was published. Where that is refused, a promotion goes on without."""
    said: list[Published] = []
    failures = 0
    for repository, each in plan.statuses:
        if repository != address or failures == _MOST_FAILURES:
            continue
        applied.done.add((repository, each))
        try:
            forge.publish(each.number, each.head, each.check)
        except PromoterError as error:
            failures += 1
            applied.warnings.append(
                f"the status {each.check.name} could not be published: {redact(error.message)}"
            )
            continue
        said.append(Published(each.branch, each.head, each.check.state, each.check.text))
    applied.published += len(said)
    return said


def _effect(deed: Deed, decision: Decision, url: str) -> Effect:
    label = decision.offered.label if decision.offered else ""
    target = decision.target
    return Effect(deed, target.application, target.environment, label, url)


def _url(decision: Decision, action: Action) -> str:
    return decision.merge_request.url if decision.merge_request else f"#{action.number}"


def _name(decision: Decision) -> str:
    return f"{decision.rule}: {decision.target}"
