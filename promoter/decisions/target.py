"""One target's decision: what it may be given, what keeps it, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from promoter.decisions.candidates import Offers, offer_from_registry, offer_from_upstream
from promoter.decisions.holds import closing_reason, tell_banned, tell_holds, without_banned
from promoter.decisions.hotfix import fill_up
from promoter.decisions.journeys import note_journey
from promoter.decisions.person import HOLD, hand_of, is_held, note_queued, take_off, tell
from promoter.decisions.proposal import keep_out, propose
from promoter.decisions.replacement import keep_approved
from promoter.decisions.rollback import find_rollback, go_back
from promoter.decisions.scene import Scene
from promoter.decisions.search import Judged, Search, Stopped, Walk, search
from promoter.decisions.situation import Situation, look_at, tag_questions, ways_out
from promoter.decisions.standing import Standing, compare_releases
from promoter.decisions.wishes import (
    Asked,
    answer_undecided,
    conclude_wishes,
    find_skips,
    is_asked_for,
    weigh,
)
from promoter.model.facts import DigestOf, Facts, NotKnown, QueuedOf
from promoter.model.plan import Close, Decision, State
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.target import Target

_WORST_FIRST = (
    *(State.UNKNOWN, State.BLOCKED, State.WAITING),
    *(State.REJECTED, State.CURRENT, State.HELD_BACK),
)


def decide_target(scene: Scene, target: Target, facts: Facts, now: datetime) -> Decision:
    """The one answer for a target. Raises NotAsked; NotKnown where not even its manifests can be
    read, which means wait."""
    rule = scene.rule
    repository = rule.repository_of(target.environment)
    decided = Decision(rule.source, repository, target, State.UNKNOWN, "")
    try:
        artifacts = rule.artifacts_in(target.application, target.environment)
    except ValueError as error:
        return replace(decided, state=State.BLOCKED, why=str(error), trouble="input")
    this = look_at(scene, target, artifacts, facts, now)
    decided = tell_holds(_decide_situation(this, decided, facts, now), this.holds)
    if not this.group:  # what is done about a group's request is decided for all of it
        decided = tell(this, decided)
        queued = facts.need(QueuedOf(this.repository))
        decided = note_queued(this, take_off(this, replace(decided, hand=hand_of(this))), queued)
    decided = note_journey(decided, facts, now)
    return decided if decided.requested else answer_undecided(this, decided)


def _decide_situation(this: Situation, decided: Decision, facts: Facts, now: datetime) -> Decision:
    decided = replace(
        decided,
        running=this.reading.release,
        since=this.periods[0].since if this.periods else None,
        merge_request=this.opened,
        head=this.head,
    )
    if stop := _stop_by_manifests(decided, this):
        gone = stop.state is State.NOT_FOLLOWED
        return _close_stale(stop, this, Search()) if gone else stop
    try:
        if asked := find_rollback(this):
            return go_back(this, asked, decided, facts, now)
    except NotKnown as error:
        return replace(decided, why=error.unknown.why, trouble=error.unknown.kind)
    if why := _missing_upstream(this):
        return replace(decided, state=State.BLOCKED, why=why, trouble="input")
    try:
        return _decide_offers(decided, this, facts, now)
    except NotKnown as error:
        # A registry that does not answer hides what is offered, not what runs.
        return replace(decided, why=error.unknown.why, trouble=error.unknown.kind)


def _decide_offers(decided: Decision, this: Situation, facts: Facts, now: datetime) -> Decision:
    running = this.reading.release
    if running is None:
        raise ValueError(f"{this.target}: a reading is a release, mixed, or has problems")
    offers = _offers(this, running, facts, now)
    offers, asked = weigh(this, running, offers, facts, now)
    decided = replace(
        decided,
        origin=offers.origin,
        newest=next(iter(offers.releases), None),
        selections=offers.selections,
        notes=offers.sightings,
    )
    if why := _hidden_from_the_list(this, offers, asked, facts):
        return replace(decided, why=why)
    offers, fillings = fill_up(this, offers, facts)
    skips_of = partial(find_skips, this, asked=asked, fillings=fillings)
    walk = Walk(this, running, offers, partial(is_asked_for, asked=asked), skips_of)
    found = search(walk, facts, now)
    if found.chosen and not is_asked_for(found.chosen.release, asked):
        found = keep_approved(this, running, offers, found, skips_of, facts, now)
    decided = replace(decided, passed_over=(*offers.passed_over, *found.passed_over))
    chosen = found.chosen or _early(this, found)
    if chosen is None:
        decided = _conclude(decided, offers, found)
        if not offers.waits or closing_reason(this.opened_release, this.holds):
            decided = _close_stale(decided, this, found)
    else:
        decided = propose(this, chosen, decided, facts, now)
        if decided.state is State.CURRENT:
            decided = _close_stale(decided, this, found)
    return conclude_wishes(this, asked, decided, found)


def _early(this: Situation, found: Search) -> Judged | None:
    """With `open: early`, the newest release whose gates don't say no: its request waits for them
    as a draft."""
    if this.environment.open == "ready" or this.holds.stops:
        return None
    return next((e for e in found.waiting if all(v.judgement != "block" for v in e.verdicts)), None)


def _stop_by_manifests(decided: Decision, this: Situation) -> Decision | None:
    reading = this.reading
    if reading.problems:
        first, *rest = reading.problems
        return replace(
            decided,
            state=State.BLOCKED,
            why=first.message + (f" (and {len(rest)} more)" if rest else ""),
            where=first.where,
            trouble="input",
        )
    if not reading.sites:
        names = ", ".join(str(name) for name in this.artifacts)
        why = f"nothing under {this.target.path} names {names}"
        if reading.near:
            why += f"; near: {reading.near[0]}"
        return replace(decided, state=State.NOT_FOLLOWED, why=why)
    if reading.mixed:
        return replace(decided, state=State.BLOCKED, why=f"mixed: {reading.mixed}")
    for site in reading.sites:
        # Where only the tag can be written, a moved tag would change nothing in Git.
        if this.artifacts[site.image.name].select.policy == "tag" and not site.carries_digest:
            why = (
                f"{site.image} follows a moving tag, and no digest can be written here;"
                ' add a `digest: ""` beside the tag, or select by version'
            )
            return replace(decided, state=State.BLOCKED, why=why, where=site.where, trouble="input")
    return None


def _missing_upstream(this: Situation) -> str | None:
    after = this.environment.after
    absent = [name for name in after.environments if name not in this.histories]
    if absent and (after.how == "all" or not this.histories):
        return f"{this.target.application} has no target in {' and '.join(absent)}, its upstream"
    return None


def _offers(this: Situation, running: Release, facts: Facts, now: datetime) -> Offers:
    after, lockstep = this.environment.after, this.rule.lockstep
    if after.environments:
        return offer_from_upstream(
            after, this.histories, this.line, this.artifacts, facts, lockstep=lockstep
        )
    facts.prefetch(*tag_questions(this.artifacts, this.reading.names, this.repository))
    artifacts = without_banned(this.artifacts, this.holds)
    offers = offer_from_registry(artifacts, running, this.repository, facts, now, lockstep=lockstep)
    offers = tell_banned(offers, this.holds)
    stops = ((image, f"{why}; {ways_out(this.target, image)}") for image, why in offers.stops)
    return replace(offers, stops=tuple(stops))


def _hidden_from_the_list(
    this: Situation, offers: Offers, asked: Sequence[Asked], facts: Facts
) -> str | None:
    """Why the offers can't be trusted: a tag of the open request is not listed any more, but the
    registry still has it. A shrunken list is unknown; an image that is gone is gone."""
    opened = this.opened_release
    if this.opened is None or opened is None or is_asked_for(opened, asked):
        return None
    for newer in offers.releases:
        if compare_releases(opened, newer, (), this.artifacts, facts) is Standing.LATER:
            return None
    for selection in offers.selections:
        listed = {selection.chosen, *(each.what for each in selection.passed_over)}
        proposed = opened.get(selection.name)
        if proposed is None or proposed.tag is None or proposed.tag in listed:
            continue
        if this.artifacts[selection.name].select.policy == "tag":
            continue  # it lists nothing
        if facts.need(DigestOf(selection.name, proposed.tag)) is not None:
            return (
                f"{selection.name} no longer lists {proposed.tag} but still has it;"
                f" merge request {this.opened.url} stays as it is"
            )
    return None


def _conclude(decided: Decision, offers: Offers, found: Search) -> Decision:
    """No release may enter now: which of the findings is the answer."""
    if found.waiting:
        newest = found.waiting[0]
        return replace(
            keep_out(decided, newest.verdicts), offered=newest.release, verdicts=newest.verdicts
        )
    if not found.stopped:
        return replace(decided, state=State.WAITING, why=offers.why_none)
    stop = min(found.stopped, key=_severity)
    offered = None if stop.state is State.CURRENT else stop.release
    return replace(decided, state=stop.state, why=stop.why, offered=offered, verdicts=stop.verdicts)


def _severity(stop: Stopped) -> int:
    """Of the same severity the newest release is told first. A ban is a person's word, as a
    rejection is."""
    return _WORST_FIRST.index(State.REJECTED if stop.is_word and stop.verdicts else stop.state)


def _close_stale(decided: Decision, this: Situation, found: Search) -> Decision:
    """Closes an open request whose release may no longer enter; a gate that waits keeps it, and
    so does a branch that a person pushed to."""
    request = this.opened
    if request is None or (this.branch is not None and not this.branch.own):
        return decided
    if this.holds.stops:
        return decided
    if is_held(request):
        why = f"{decided.why}; the label {HOLD} keeps {request.url} open"
        return replace(decided, why=why)
    record = Record.parse(request.body)
    keeps = record and any(record.release.agrees(each.release) for each in found.waiting)
    banned = closing_reason(this.opened_release, this.holds)
    if banned is None and (keeps or decided.state is State.BLOCKED):
        return decided
    label = record.release.label if record else request.title
    reason = banned or f"{label} is not proposed any more: {decided.why}"
    return replace(decided, action=Close(request.number, request.branch, reason))
