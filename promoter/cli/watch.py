"""What `promoter wait` sees at each look, and whether it is what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from promoter.app import App
from promoter.cli.find_target import Place, find_target, read_release
from promoter.cli.look import read_rules
from promoter.decisions.branches import branch_name
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.errors import InputError, PromoterError, TransientError
from promoter.model.facts import Facts, Known, MergeRequestsOf
from promoter.model.ledger import Wish
from promoter.model.plan import Decision, Plan, State
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.texts.promotion import Promotion, conclude
from promoter.texts.requested import asked_by

Step = Literal["merged", "opened", "current"]
_NOBODY = "promoter wait"
_AT_REST = (State.CURRENT, State.HELD_BACK)
_HOPELESS = (State.REJECTED, State.NOT_FOLLOWED)


@dataclass(frozen=True)
class Goal:
    """A release in a target. It is named by `images` or by its id; without either it is what is
    offered at the first look that finds something offered."""

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
        self._wish: Wish | None = None

    def look(self) -> Sight:
        """Raises InputError where a person must act first, TransientError where the world did not
        answer."""
        if self._place is None:
            self._place = self._find_place()
            if self._goal.images:
                self._pin(read_release(self._goal.images, self._place))
        place = self._place
        plan, facts = self._plan(place, Facts.none())
        decision = _only_decision(plan, place)
        if self._wish is None and (release := self._release_of(decision, facts)) is not None:
            self._pin(release)
            plan, facts = self._plan(place, facts)
            decision = _only_decision(plan, place)
        asked = self._wish.release if self._wish else None
        promotion = conclude(decision, asked, _requests(place, facts))
        is_reached = self._is_reached(promotion, decision)
        # Nobody asked for it here: what is pinned is a question.
        others = tuple(each for each in decision.requested if each.by != _NOBODY)
        decision = replace(decision, requested=others)
        askers = asked_by(decision, promotion.release) if promotion.release else ()
        return Sight(replace(promotion, requested_by=askers), decision, is_reached)

    def _find_place(self) -> Place:
        rules, _ = read_rules(self.app)
        names = (self._goal.application, self._goal.environment)
        return find_target(*names, rules, self._observer, self.app.clock(), self._report)

    def _pin(self, release: Release) -> None:
        goal = self._goal
        at = self.app.clock()
        self._wish = Wish(goal.application, goal.environment, release, at, _NOBODY)

    def _plan(self, place: Place, facts: Facts) -> tuple[Plan, Facts]:
        scope = Scope(place.rules, (self._wish,) if self._wish else (), place.only)
        return make_plan(scope, self._observer, facts, self.app.clock(), self._report)

    def _release_of(self, decision: Decision, facts: Facts) -> Release | None:
        """The release that the goal names, as soon as it is known here."""
        if self._goal.release_id is None:
            return decision.offered if decision.state is not State.CURRENT else None
        proposed = [
            record.release
            for request in _requests(self._place, facts)
            if request.branch == branch_name(decision.target)
            and (record := Record.parse(request.body)) is not None
        ]
        asked = [each.release for each in decision.requested]
        known = (decision.offered, decision.running, *asked, *proposed)
        return next((each for each in known if each and each.id == self._goal.release_id), None)

    def _is_reached(self, promotion: Promotion, decision: Decision) -> bool:
        if self._wish is None and self._goal.release_id is not None:
            return False
        merged = promotion.state is State.CURRENT or (
            promotion.state is State.HELD_BACK and promotion.superseded_by == decision.running
        )
        if self._goal.step == "opened":
            return merged or _is_open(promotion)
        if self._goal.step == "current":
            return merged and decision.state in _AT_REST
        return merged


def _is_open(promotion: Promotion) -> bool:
    """Its own request, or that of a later one."""
    request = promotion.merge_request
    if request is None or request.state != "open" or promotion.release is None:
        return False
    record = Record.parse(request.body)
    is_its_own = record is not None and record.release.holds(promotion.release)
    return is_its_own or promotion.state is State.HELD_BACK


def _only_decision(plan: Plan, place: Place) -> Decision:
    """Raises what went wrong where there is none."""
    if plan.decisions:
        return plan.decisions[0]
    for each in plan.troubles:
        if each.kind == "transient":
            raise TransientError(each.why, where=each.where)
        raise (InputError if each.kind == "input" else PromoterError)(each.why, where=each.where)
    raise InputError(f"{place.target} is gone: no rule has this target any more")


def _requests(place: Place | None, facts: Facts) -> Sequence[MergeRequest]:
    known = facts.get(MergeRequestsOf(place.rule.repository)) if place else None
    return known.value if isinstance(known, Known) else ()
