"""The status `promoter` on the heads of merge requests: where each stands, in a line.

It says nothing that changes with the time alone: it is published only when it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from promoter.decisions.branches import is_group_branch
from promoter.decisions.person import HOLD
from promoter.decisions.scene import Base
from promoter.model.facts import Facts, FootingOf, Known, PublishedOf
from promoter.model.ledger import Published
from promoter.model.plan import Close, Decision, Disarm, Merge, Propose, Publish, State
from promoter.model.ports import Check, Footing, MergeRequest
from promoter.model.record import Record
from promoter.model.rule import RepositoryAddress
from promoter.model.spell import spell_time
from promoter.model.verdict import Verdict

NAME = "promoter"
_NOT_OURS = Check(NAME, "success", "not a promotion of promoter's")
_QUEUED = Check(NAME, "success", "in the merge queue")
_TAKEN_OVER = Check(NAME, "success", "a person pushed to this branch: promoter judges it no more")

Statuses = tuple[tuple[RepositoryAddress, Publish], ...]


def statuses(bases: Iterable[Base], decisions: Sequence[Decision], facts: Facts) -> Statuses:
    """What is to be published, as the ledger says it is not so yet. Nothing where the forge can't
    be asked, or where the bot may not. Raises NotAsked."""
    found: dict[tuple[RepositoryAddress, str], Publish] = {}
    for base in bases:
        repository = base.repository
        footing = facts.get(FootingOf(repository, base.tip.branch))
        published = facts.get(PublishedOf(repository))
        if not isinstance(footing, Known) or not isinstance(published, Known):
            continue
        if not footing.value.statuses or footing.value.rights.publish is False:
            continue
        said = {(each.branch, each.head): each for each in published.value}
        mine = [each for each in decisions if each.repository == repository]
        ours = {each.head for each in mine} | {each.head for each in _open(base, own=True)}
        # A status is a commit's: another request from the bot's own commit must not speak for it.
        others = (e for e in _of_others(base, footing.value) if e.head not in ours)
        for each in (*_of_ours(mine, footing.value, said), *others):
            if not _is_said(each, said.get((each.branch, each.head))):
                found[repository, each.head] = each
    return tuple((repository, each) for (repository, _), each in found.items())


def _is_said(publish: Publish, said: Published | None) -> bool:
    check = publish.check
    return said is not None and (said.state, said.text) == (check.state, check.text)


def _of_ours(
    decisions: Iterable[Decision], footing: Footing, said: Mapping[tuple[str, str], Published]
) -> Iterator[Publish]:
    for decision in decisions:
        request, action = decision.merge_request, decision.action
        if request is None or decision.head is None or isinstance(action, Propose | Close | Disarm):
            continue  # another head, or none, in a moment
        if is_group_branch(request.branch) and not decision.members:
            continue  # the group speaks for all of its targets
        # What is merged in the same breath as it was opened needs none, unless one stands there.
        is_new = (request.branch, decision.head) not in said
        if isinstance(action, Merge) and is_new and not is_required(footing):
            continue
        check = _check(decision, request.url)
        if check is not None:
            yield Publish(request.number, request.branch, decision.head, check)


def _of_others(base: Base, footing: Footing) -> Iterator[Publish]:
    """A required check that nobody ever says would keep them out for good."""
    if not is_required(footing):
        return
    for request in (*base.foreign, *_open(base, own=False)):
        yield Publish(request.number, "", request.head, _NOT_OURS)
    for head in base.tip.queued:
        yield Publish(0, "", head, _QUEUED)


def _open(base: Base, *, own: bool) -> list[MergeRequest]:
    """The open ones from branches with the bot's prefix, as far as the bot made them or not."""
    listed = (each for requests in base.requests.values() for each in requests)
    opened = (each for each in listed if each.state == "open")
    return [each for each in opened if (Record.parse(each.body) is not None) is own]


def is_required(footing: Footing) -> bool:
    return NAME in (footing.protection.checks or ())


def _check(decision: Decision, url: str) -> Check | None:
    """None: what was said stays, as the request is about to change or to go."""
    if decision.hand == "branch":
        return _TAKEN_OVER
    if decision.hand == "hold":
        return Check(NAME, "failure", f"held by the label {HOLD}", url)
    record = Record.parse(decision.merge_request.body) if decision.merge_request else None
    keeper = decision.holds.keeper_of(record.release if record else None)
    if keeper is not None:
        return Check(NAME, "failure", " ".join(keeper.told.split()), url)
    if decision.state is State.UNKNOWN:
        return Check(NAME, "pending", "can't be told now: something does not answer", url)
    failing = [each for each in decision.verdicts if not each.passes]
    on_its_way = decision.state in (State.PROMOTING, State.PROPOSED)
    if not failing and (on_its_way or _waits_for_forge(decision)):
        label = decision.offered.label if decision.offered else "this"
        label = decision.target.application if decision.members else label
        return Check(NAME, "success", f"all gates pass for {label}", url)
    if decision.state is State.WAITING and failing:
        return Check(NAME, "pending", _in_a_line(failing[0], len(failing), url), url)
    if decision.state is State.BLOCKED:
        return Check(NAME, "failure", " ".join(decision.why.split()), url)
    if decision.state is State.WAITING:
        return Check(NAME, "pending", " ".join(decision.why.split()), url)
    return None


def _waits_for_forge(decision: Decision) -> bool:
    return decision.state is State.WAITING and bool(decision.lands_in)


def _in_a_line(verdict: Verdict, count: int, url: str) -> str:
    """It stands on the request itself, so that its address says nothing here."""
    more = f" (and {count - 1} more)" if count > 1 else ""
    if verdict.trouble:
        return f"{verdict.gate}: can't be evaluated{more}"
    if verdict.opens_at:
        return f"{verdict.gate}: opens {spell_time(verdict.opens_at)}{more}"
    why = " ".join(verdict.why.split()).removesuffix(f" on merge request {url}")
    return f"{verdict.gate}: {why}{more}"
