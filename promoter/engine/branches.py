"""Branches and the ledger go out in one push, each ref with a lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promoter import telemetry
from promoter.engine.applied import Applied
from promoter.engine.ledger import REF, draft_notes
from promoter.errors import ConflictError, TransientError
from promoter.model.ledger import Note
from promoter.model.plan import Decision, Propose
from promoter.model.ports import CommitDraft, RefMove, Repository
from promoter.model.trace_context import TraceContext
from promoter.texts.change import commit_message

_LEDGER_RACES = 20


@dataclass(frozen=True)
class Proposal:
    """A branch and merge request to be made as `action` says; commit and request name `trace`."""

    decision: Decision
    action: Propose
    trace: TraceContext | None = None


def push_branches(
    repository: Repository,
    proposals: Sequence[Proposal],
    notes: Sequence[Note],
    applied: Applied,
) -> list[Proposal]:
    """The proposals whose branch stands as it should, with their heads: all branches and the
    ledger go out in one atomic push. Where that is refused, one by one, so that a bad branch
    stops only itself."""
    ready = [each for each in proposals if each.action.head is not None]
    unmade = [each for each in proposals if each.action.head is None]
    if not unmade and not notes:
        return ready
    try:
        with telemetry.span("push", branches=len(unmade), notes=len(notes)):
            made = _push_together(repository, unmade, notes)
    except (ConflictError, TransientError) as error:
        for each in unmade:
            applied.note(name_of(each.decision), error)
        if not unmade:
            applied.warn(error)
        return ready
    except Exception as error:  # noqa: BLE001 - one bad proposal never stops the others
        if not unmade:
            applied.warn(error)
        elif len(unmade) == 1 and not notes:
            applied.note(name_of(unmade[0].decision), error)
        else:
            for each in unmade:
                ready.extend(push_branches(repository, [each], (), applied))
            push_branches(repository, (), notes, applied)
        return ready
    return [*ready, *made]


def _push_together(
    repository: Repository, unmade: Sequence[Proposal], notes: Sequence[Note]
) -> list[Proposal]:
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


def _base_stands(proposals: Sequence[Proposal]) -> list[RefMove]:
    """Checks, in the same push, that the base is where it was when this was decided: else another
    process may have merged the very same promotion meanwhile."""
    bases = {f"refs/heads/{each.action.base}": each.action.base_commit for each in proposals}
    return [RefMove(ref, commit, commit) for ref, commit in bases.items()]


def _move(action: Propose) -> RefMove:
    return RefMove(f"refs/heads/{action.branch}", action.expected, action.head)


def _draft(proposal: Proposal) -> CommitDraft:
    action = proposal.action
    files = {change.path: change.after for change in action.changes}
    message = commit_message(proposal.decision, action, proposal.trace)
    return CommitDraft(action.base_commit, files, message, author=action.commit.author)


def name_of(decision: Decision) -> str:
    """`rules/shop.yaml: web in dev`."""
    return f"{decision.rule}: {decision.target}"
