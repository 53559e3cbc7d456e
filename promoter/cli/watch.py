"""What `promoter wait` sees at each look, and whether it is what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from promoter.app import App
from promoter.cli.find_target import Place, find_target, read_release
from promoter.cli.look import read_rules
from promoter.decisions.groups.shares import requests_of
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.errors import InputError, PromoterError, TransientError, Where
from promoter.model.facts import Facts, Known, MergeRequestsOf, PeriodsOf
from promoter.model.ledger import Wish
from promoter.model.plan import Decision, Plan, State
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.trouble import TroubleKind
from promoter.texts.promotion import Promotion, conclude
from promoter.texts.requested import asked_by, unasked_text

Step = Literal["merged", "opened", "current"]
_NOBODY = "promoter wait"
_MOST_KNOWN = 5
_AT_REST = (State.CURRENT, State.HELD_BACK)
_HOPELESS = (State.REJECTED, State.NOT_FOLLOWED)
_ENTERS = (State.PROPOSED, State.PROMOTING, State.WAITING)


@dataclass(frozen=True)
class Goal:
    """A release in a target. It is named by `images` or by its id, which something must have at
    the first look; without either it is what is offered at the first look that finds something."""

    application: str
    environment: str
    step: Step
    images: tuple[str, ...] = ()
    release_id: str | None = None

    def __str__(self) -> str:
        return f"{self.application} to be {self.step} in {self.environment}"


@dataclass(frozen=True)
class Sight:
    """One look: the answer for the release that is waited for, and for its target."""

    promotion: Promotion
    decision: Decision
    is_reached: bool


def ends(seen: Sight) -> bool:
    """Whether waiting longer is of no use: a person said no, or must mend something first."""
    return seen.promotion.state in _HOPELESS or seen.promotion.trouble in ("input", "bug")


class Watch:
    """Looks again and again, at one release from the first look on."""

    def __init__(self, app: App, goal: Goal, report: Callable[[str], None]) -> None:
        self.app = app
        self._goal = goal
        self._report = report
        self._observer = Observer(app.adapters)
        self._place: Place | None = None
        self._release: Release | None = None

    def look(self) -> Sight:
        """Raises InputError where a person must act first, TransientError where the world did not
        answer."""
        if self._place is None:
            self._place = self._find_place()
            if self._goal.images:
                self._release = read_release(self._goal.images, self._place)
        place = self._place
        plan, facts = self._plan(place, Facts.none(), ())
        decision = _only_decision(plan, place)
        if self._release is None:
            self._release = self._find_release(decision, facts)
        promotion = self._conclude(place, decision, facts)
        return Sight(promotion, decision, self._is_reached(promotion, decision))

    def _conclude(self, place: Place, decision: Decision, facts: Facts) -> Promotion:
        """What is so for the release. Where nobody asked for it and the rule does not offer it, it
        is planned as if somebody had: only so is known whether it runs, came to its end, or can't
        enter at all. What would become of it else is no answer."""
        release, requests = self._release, _requests(place, facts)
        if release is None or _speaks_of(decision, release):
            return conclude(decision, release, requests)
        goal = self._goal
        wish = Wish(goal.application, goal.environment, release, self.app.clock(), _NOBODY)
        supposed, facts = self._plan(place, facts, (wish,))
        answer = conclude(_only_decision(supposed, place), release, _requests(place, facts))
        askers = asked_by(decision, answer.release or release)
        answer = replace(answer, requested_by=askers)
        if answer.state not in _ENTERS or _has_open_request(answer):
            return answer
        if answer.state is State.WAITING and place.upstream:
            return answer  # whoever asks, it waits for what stands before it
        return replace(
            answer,
            state=State.WAITING,
            why=unasked_text(decision, answer.release or release),
            merge_request=None,
        )

    def _find_place(self) -> Place:
        rules, _ = read_rules(self.app)
        names = (self._goal.application, self._goal.environment)
        return find_target(*names, rules, self._observer, self.app.clock(), self._report)

    def _plan(self, place: Place, facts: Facts, wishes: tuple[Wish, ...]) -> tuple[Plan, Facts]:
        scope = Scope(place.rules, wishes, place.only)
        return make_plan(scope, self._observer, facts, self.app.clock(), self._report)

    def _find_release(self, decision: Decision, facts: Facts) -> Release | None:
        """The release that the goal names; without a name what is offered, if anything is.

        Raises InputError for an id that nothing has.
        """
        wanted = self._goal.release_id
        if wanted is None:
            return decision.offered if decision.state is not State.CURRENT else None
        here = _known_here(decision, _requests(self._place, facts))
        found = next((each for each in (*here, *_known_upstream(facts)) if each.id == wanted), None)
        if found is not None:
            return found
        if decision.trouble:
            raise _error(decision.trouble, decision.why, decision.where)
        known = ", ".join(f"{each.label} ({each.id})" for each in here[:_MOST_KNOWN])
        raise InputError(
            f"no release {wanted} is known in {decision.target.environment};"
            f" known: {known or 'none'}"
        )

    def _is_reached(self, promotion: Promotion, decision: Decision) -> bool:
        merged = promotion.state is State.CURRENT or (
            promotion.state is State.HELD_BACK and promotion.superseded_by == decision.running
        )
        if self._goal.step == "opened":
            return merged or _is_open(promotion)
        if self._goal.step == "current":
            return merged and decision.state in _AT_REST
        return merged


def _speaks_of(decision: Decision, release: Release) -> bool:
    """Whether the target's own plan has an answer for this release."""
    if any(each.release.holds(release) for each in decision.requested):
        return True
    return decision.offered is not None and decision.offered.holds(release)


def _known_here(decision: Decision, requests: Sequence[MergeRequest]) -> list[Release]:
    """What runs, is offered, asked for, or was ever proposed in the target; the newest first."""
    ours = requests_of(decision.target, requests)
    proposed = [
        record.release
        for request in sorted(ours, key=lambda each: each.number, reverse=True)
        if (record := Record.parse(request.body)) is not None
    ]
    asked = (each.release for each in decision.requested)
    known = (decision.offered, decision.running, *asked, *proposed)
    return list({each.id: each for each in known if each}.values())


def _known_upstream(facts: Facts) -> Iterator[Release]:
    """What ran in the places that were looked at: such a release may come here yet."""
    for question, answer in facts.answers.items():
        if isinstance(question, PeriodsOf) and isinstance(answer, Known):
            yield from (each.release for each in answer.value if each.release)


def _has_open_request(promotion: Promotion) -> bool:
    request = promotion.merge_request
    if request is None or request.state != "open" or promotion.release is None:
        return False
    record = Record.parse(request.body)
    return record is not None and record.release.holds(promotion.release)


def _is_open(promotion: Promotion) -> bool:
    """Its own request, or that of a later one."""
    request = promotion.merge_request
    if request is None or request.state != "open" or promotion.release is None:
        return False
    return promotion.state is State.HELD_BACK or _has_open_request(promotion)


def _only_decision(plan: Plan, place: Place) -> Decision:
    """Raises what went wrong where there is none."""
    if plan.decisions:
        return plan.decisions[0]
    for each in plan.troubles:
        raise _error(each.kind, each.why, each.where)
    raise InputError(f"{place.target} is gone: no rule has this target any more")


def _error(kind: TroubleKind, why: str, where: Where | None) -> PromoterError:
    if kind == "transient":
        return TransientError(why, where=where)
    return (InputError if kind == "input" else PromoterError)(why, where=where)


def _requests(place: Place | None, facts: Facts) -> Sequence[MergeRequest]:
    known = facts.get(MergeRequestsOf(place.repository)) if place else None
    return known.value if isinstance(known, Known) else ()
