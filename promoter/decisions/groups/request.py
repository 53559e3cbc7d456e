"""The one merge request of a group: who is in it, and what becomes of it, by the same steps about
branch, person, gates and forge as for a single target."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promoter.decisions.branches import group_branch
from promoter.decisions.gates import judge_all
from promoter.decisions.gates.gate import NO_SKIPS
from promoter.decisions.groups.seats import Seat, Seats, find_room, recorded, seat_members
from promoter.decisions.groups.words import (
    closing_why,
    name_together,
    tell_news,
    tell_proposal,
    wait_for_next,
)
from promoter.decisions.journeys import note_journey
from promoter.decisions.limits import longest_first
from promoter.decisions.person import hand_of, note_queued, stop_by_person, take_off, tell
from promoter.decisions.proposal import (
    Intent,
    brings,
    count_approvals,
    is_right,
    judge_merge,
    texts_of,
)
from promoter.decisions.scene import Scene
from promoter.decisions.search import Judged, case_of
from promoter.decisions.situation import Situation
from promoter.model.facts import (
    ApprovalsOf,
    BranchOf,
    Facts,
    NotAsked,
    NotKnown,
    QueuedOf,
)
from promoter.model.plan import Close, Decision, Propose, State
from promoter.model.ports import Branch
from promoter.model.target import Edit, Reading, Target
from promoter.model.trouble import TroubleKind


@dataclass(frozen=True)
class Grouped:
    """The decision about the request, whose members are those that it brings (None: there is no
    request, and none is opened), and the answers of all other targets of the group."""

    whole: Decision | None
    others: tuple[Decision, ...]


def decide_request(
    scene: Scene, name: str, members: Sequence[Decision], facts: Facts, now: datetime
) -> Grouped:
    """Raises NotAsked; anything else stops this group only."""
    trouble: TroubleKind
    try:
        return _decide(scene, name, members, facts, now)
    except NotAsked:
        raise
    except NotKnown as error:
        why, trouble = error.unknown.why, error.unknown.kind
    except Exception as error:  # noqa: BLE001 - a bug in one decision never stops the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        module = place.filename.rpartition("/")[2]
        why = f"a bug in promoter: {type(error).__name__} at {module}:{place.lineno}"
        trouble = "bug"
    stopped = (restate(e, State.UNKNOWN, why, trouble) for e in members if e.action)
    return Grouped(None, tuple(stopped))


def restate(
    decision: Decision, state: State, why: str, trouble: TroubleKind | None = None
) -> Decision:
    """Also as the answer to whoever asked for what is decided."""
    before = decision.state, decision.why
    requested = tuple(
        replace(each, state=state, why=why) if (each.state, each.why) == before else each
        for each in decision.requested
    )
    return replace(decision, state=state, why=why, trouble=trouble, requested=requested)


def _decide(
    scene: Scene, name: str, members: Sequence[Decision], facts: Facts, now: datetime
) -> Grouped:
    """Raises NotAsked, NotKnown."""
    whole = _look_at(scene, name, facts)
    request = whole.opened
    decided = Decision(
        *(scene.rule.source, whole.repository, whole.target, State.UNKNOWN, ""),
        merge_request=request,
        head=whole.head,
    )
    if stopped := stop_by_person(whole, decided):
        return _finish(whole, *_leave_to_person(whole, stopped, members), facts, now)
    found = seat_members(whole, members, facts)
    if found.unsure:
        why = wait_for_next(name, found.unsure)
        return Grouped(None, tuple(restate(e, State.WAITING, why) for e in members if e.action))
    seats, is_frozen = _choose(whole, found, facts)
    others = tuple(_tell_outside(each, name, found) for each in members)
    if not seats:
        if request is None:
            return Grouped(None, others)
        reason = closing_why(name, found.left)
        close = Close(request.number, request.branch, reason)
        decided = replace(decided, state=State.WAITING, why=reason, action=close)
        return _finish(whole, decided, others, facts, now)
    decided = _seated(whole, decided, seats)
    if is_frozen:  # all of them: nothing is done, as with the request of one
        whole = replace(whole, holds=seats[0].decision.holds)
        stopped = seats[0].decision
        decided = replace(decided, state=stopped.state, why=stopped.why, holds=stopped.holds)
    else:
        decided = _propose(whole, found, seats, decided, facts, now)
    return _finish(whole, decided, others, facts, now)


def _look_at(scene: Scene, name: str, facts: Facts) -> Situation:
    """What is known of the request, in the words for a single target. It has no site and no history
    of its own."""
    base, rule = scene.base_of(name), scene.rule
    branch = group_branch(rule.name, name)
    requests = tuple(base.requests.get(branch, ()))
    return Situation(
        scene,
        base,
        Target("", name, ""),
        rule.environment(name),
        {},
        Reading((), None),
        (),
        {},
        {},
        requests,
        next((each for each in requests if each.state == "open"), None),
        (),
        facts.need(BranchOf(base.repository, branch, base.tip.commit)),
        group=branch,
    )


def _leave_to_person(
    whole: Situation, stopped: Decision, members: Sequence[Decision]
) -> tuple[Decision | None, tuple[Decision, ...]]:
    """Nobody enters and nobody leaves."""
    present = {each.application for each in recorded(whole)}
    inside = [each for each in members if each.target.application in present]
    why = wait_for_next(whole.environment.name, stopped.why)
    others = tuple(
        restate(each, State.WAITING, why)
        for each in members
        if each.target.application not in present and _offers(each, whole)
    )
    if whole.opened is None:
        return None, others
    applications = [each.target.application for each in inside]
    target = replace(whole.target, application=name_together(applications))
    return replace(stopped, target=target, members=tuple(inside)), others


def _offers(decision: Decision, whole: Situation) -> bool:
    return isinstance(decision.action, Propose) and decision.action.branch == whole.group


def _choose(whole: Situation, found: Seats, facts: Facts) -> tuple[list[Seat], bool]:
    """Who is to be in the request, by name; whether all that is left in it is under a hold. Who
    waits or leaves is noted in `found`. Raises NotAsked."""
    coming = sorted(found.coming, key=lambda each: longest_first(each.decision))
    staying = found.staying
    if not staying and not coming:
        staying = found.held
        is_frozen = bool(staying) and not found.left
    else:
        is_frozen = False
        found.left.update({e.application: e.decision.why for e in found.held})
    if is_frozen:
        return list(staying), True
    outside = find_room(whole.rule.limits, [*staying, *coming])
    names = {each.application for each in coming}
    for name, why in outside.items():
        (found.waiting if name in names else found.left)[name] = why
    staying = [each for each in staying if each.application not in outside]
    coming = [each for each in coming if each.application not in outside]
    if coming and staying and (why := _why_shut(whole, found, staying, facts)):
        found.waiting.update(dict.fromkeys((each.application for each in coming), why))
        coming = []
    return sorted([*staying, *coming], key=lambda each: each.application), False


def _why_shut(whole: Situation, found: Seats, staying: Sequence[Seat], facts: Facts) -> str:
    """Why the request takes no newcomers any more; empty where it does. One that is built anew
    anyway takes them along: nobody approved that yet. Raises NotAsked."""
    request, head = whole.opened, whole.head
    if request is None or head is None or whole.environment.replace == "always":
        return ""
    if found.left or _kept(whole, staying, facts) is None:
        return ""
    try:
        people = facts.need(ApprovalsOf(whole.repository, request.number, head))
    except NotKnown as error:
        return f"it can't be told whether somebody approved {request.url}: {error.unknown.why}"
    return f"{' and '.join(people)} approved {request.url}" if people else ""


def _kept(whole: Situation, seats: Sequence[Seat], facts: Facts) -> Branch | None:
    """The branch, where merging it brings exactly what these are to be given."""
    ordered = sorted(seats, key=lambda each: each.application)
    records = tuple(each.record for each in ordered)
    changes = tuple(change for each in ordered for change in each.changes)
    branch = whole.branch
    return branch if branch and brings(whole, branch, records, changes, facts) else None


def _seated(whole: Situation, decided: Decision, seats: Sequence[Seat]) -> Decision:
    """With the members, and what is known of them together."""
    members = tuple(each.decision for each in seats)
    since = [each.since for each in members if each.since]
    files = tuple(change.path for each in seats for change in each.changes)
    lands = whole.opened is not None and whole.environment.merge == "automatic"
    return replace(
        decided,
        target=replace(whole.target, application=name_together([e.application for e in seats])),
        members=members,
        since=min(since, default=None),
        lands_in=files if lands else (),
    )


def _propose(
    whole: Situation,
    found: Seats,
    seats: Sequence[Seat],
    decided: Decision,
    facts: Facts,
    now: datetime,
) -> Decision:
    request, branch = whole.opened, whole.branch
    automatic = whole.environment.merge == "automatic"
    first, *others = (each.record for each in seats)
    kept = _kept(whole, seats, facts)
    news = tell_news(request, (first, *others), found.left) if request else ()
    action = Propose(
        first,
        whole.group,
        whole.base.tip.branch,
        whole.base.tip.commit,
        tuple(change for each in seats for change in each.changes),
        count_approvals(whole.environment.require),
        expected=branch.head if branch else None,
        head=kept.head if kept else None,
        number=request.number if request else None,
        draft=request.draft if request else False,
        request=texts_of(whole),
        commit=whole.rule.commit,
        others=tuple(others),
        news=news,
    )
    if kept and request and is_right(request, kept, action):
        return _judge(whole, seats, kept, action, decided, facts, now)
    case = case_of(whole, first.release, NO_SKIPS)
    case = replace(case, merge_request=None, head=None)  # nobody said anything of that head yet
    verdicts = judge_all(whole.environment.require, "merge", case, facts, now)
    state = State.PROMOTING if automatic else State.PROPOSED
    asked = ((each.decision, r) for each in seats for r in each.decision.requested)
    requested = (r for decision, r in asked if r.state is decision.state)
    return replace(
        decided,
        state=state,
        why=tell_proposal(
            request, news, [each.application for each in seats], is_built=kept is None
        ),
        verdicts=verdicts,
        requested=tuple(replace(each, state=state) for each in requested),
        action=replace(action, rebuilds=bool(request) and not news and kept is None),
    )


def _judge(
    whole: Situation,
    seats: Sequence[Seat],
    kept: Branch,
    action: Propose,
    decided: Decision,
    facts: Facts,
    now: datetime,
) -> Decision:
    """The request is as it should be: whether it may be merged. One target whose gates fall back,
    or that does not answer, keeps all of it."""
    request = whole.opened
    if request is None:
        raise ValueError(f"{action.branch}: nothing is judged without a request")
    failing = [
        replace(each, why=f"{seat.application}: {each.why}")
        for seat in seats
        for each in seat.decision.verdicts
        if not each.passes
    ]
    decided = replace(decided, verdicts=tuple(failing))
    chosen = Judged(action.record.release, ())
    intent = Intent(chosen, action.record, Edit(action.changes), whole.environment.require)
    judged = judge_merge(whole, intent, request, kept, action, decided, facts, now)
    if isinstance(judged.action, Propose):
        names = [each.application for each in seats]
        why = tell_proposal(request, (), names, is_built=True)
        judged = replace(judged, why=why, sources=(), stays=())  # they are of one target
    silent = next((each for each in seats if not each.offers), None)
    if silent is None or failing:
        return judged
    unknown = silent.decision.state is State.UNKNOWN
    return replace(
        judged,
        state=State.UNKNOWN if unknown else State.WAITING,
        why=f"{silent.application}: {silent.decision.why}",
        action=None,
    )


def _tell_outside(decision: Decision, environment: str, found: Seats) -> Decision:
    """The answer of one that is not let in; the others have their own."""
    why = found.waiting.get(decision.target.application)
    if why is None:
        return decision
    return restate(decision, State.WAITING, wait_for_next(environment, why))


def _finish(
    whole: Situation,
    decided: Decision | None,
    others: tuple[Decision, ...],
    facts: Facts,
    now: datetime,
) -> Grouped:
    """What a person's hand and the forge's queue make of it, as for a single target."""
    if decided is None:
        return Grouped(None, others)
    decided = tell(whole, replace(decided, hand=hand_of(whole)))
    queued = facts.need(QueuedOf(whole.repository))
    decided = note_queued(whole, take_off(whole, decided), queued)
    members = tuple(_note_gates(each, decided, facts, now) for each in decided.members)
    return Grouped(replace(decided, members=members), others)


def _note_gates(member: Decision, whole: Decision, facts: Facts, now: datetime) -> Decision:
    """With a note of the gates of the request, too, that have opened for it. Raises NotAsked."""
    guards = (each for each in whole.verdicts if each.guards == "merge")
    seen = replace(member, verdicts=(*member.verdicts, *guards))
    return replace(member, notes=note_journey(seen, facts, now).notes)
