"""Releases that somebody asked for, as candidates of their target.

A wish adds a candidate; it opens no gate, turns nothing back, and is held to `ignore`,
`platforms` and `minimum-age`. Where releases come from the registry each artifact goes to the
later of what was asked for and what its policy selects; downstream only what ran upstream can be
asked for. A tag that moved waits for a person: a wish that names the digest is that word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promoter.decisions.asked_images import (
    Asking,
    judge_images,
    look_up,
    tell_moved_here,
)
from promoter.decisions.candidates import Offers, among_offers
from promoter.decisions.gates.gate import NO_SKIPS, Skips
from promoter.decisions.hotfix import Filling, skips_of, ways_left, whole_release, why_not_run
from promoter.decisions.policies.policy import Order
from promoter.decisions.search import Search
from promoter.decisions.selection import broken_by
from promoter.decisions.situation import Situation
from promoter.decisions.standing import compare_images
from promoter.model.facts import Facts, NotKnown
from promoter.model.image import ImageName, ImageReference
from promoter.model.ledger import Note, Sighting, Wish, WishEnd
from promoter.model.plan import Decision, Requested, State
from promoter.model.release import Release

_TO_KEEP = (State.PROPOSED, State.PROMOTING, State.WAITING, State.BLOCKED, State.UNKNOWN)


@dataclass(frozen=True)
class Asked:
    """A wish, its images with the digests that their tags name. `answer` where it is no candidate:
    what became of it at once; `refuted` where it never will be one."""

    wish: Wish
    answer: Requested | None = None
    refuted: bool = False


def weigh(
    this: Situation, running: Release, offers: Offers, facts: Facts, now: datetime
) -> tuple[Offers, tuple[Asked, ...]]:
    """The offers with what was asked for among them, newest first.

    Raises NotAsked; NotKnown where the open request's own wish can't be looked up.
    """
    asked: list[Asked] = []
    for wish in this.wishes:
        try:
            asked.append(_ask(this, wish, running, offers, facts, now))
        except NotKnown as error:
            if this.opened_release is not None and this.opened_release.holds(wish.release):
                raise
            asked.append(_stopped(wish, State.UNKNOWN, error.unknown.why))
    for each in asked:
        if each.answer is None and each.wish.skips:
            whole = whole_release(each.wish.release, running)
            offers = among_offers(offers, whole, this.artifacts, facts)
    if this.environment.after.environments or not any(map(_counts, asked)):
        return offers, tuple(asked)
    best = _put_together(this, running, offers, asked, facts)
    if best != running and best not in offers.releases:
        offers = replace(offers, releases=(best, *offers.releases))
    return offers, tuple(asked)


def _counts(asked: Asked) -> bool:
    """Whether it is a candidate, or runs: then its policy must not turn it back."""
    return asked.answer is None or asked.answer.state is State.CURRENT


def is_asked_for(release: Release, asked: Iterable[Asked]) -> bool:
    return any(each.answer is None and release.holds(each.wish.release) for each in asked)


def find_skips(
    this: Situation, release: Release, asked: Iterable[Asked], fillings: Iterable[Filling]
) -> Skips:
    """What a release need not pass here: by who asks for it, or by who brought it past."""
    for each in asked:
        if each.answer is None and each.wish.skips and release.holds(each.wish.release):
            return skips_of(this, each.wish)
    for filling in fillings:
        if filling.release.agrees(release):
            return filling.skips
    return NO_SKIPS


def conclude_wishes(
    this: Situation, asked: Sequence[Asked], decided: Decision, found: Search
) -> Decision:
    """The decision with an answer to every wish, and with what the ledger shall keep of them."""
    requested: list[Requested] = []
    notes: list[Note] = list(decided.notes)
    for each in asked:
        answer, is_over = _answer(each, decided, found)
        requested.append(answer)
        notes += _notes(this, each, answer, is_over)
    runs = next((each for each in requested if each.state is State.CURRENT), None)
    if runs is not None and decided.state is State.HELD_BACK:
        why = f"runs {runs.release.label}, as {runs.by} asked"
        decided = replace(decided, state=State.CURRENT, why=why, offered=None)
    if not _may_act(this, decided):
        decided = replace(decided, action=None)
    return replace(decided, requested=tuple(requested), notes=tuple(notes))


def _may_act(this: Situation, decided: Decision) -> bool:
    """Where somebody asks for a release now, nothing is done for another one."""
    now = [wish for wish in this.scene.wishes if wish.is_for(this.target)]
    offered = decided.offered
    return not now or (offered is not None and any(offered.holds(w.release) for w in now))


def answer_undecided(this: Situation, decided: Decision) -> Decision:
    """The same where the target itself stopped before any candidate was looked at."""
    keeps = decided.state in _TO_KEEP
    fresh = (each for each in this.wishes if keeps and each not in this.remembered)
    return replace(
        decided,
        requested=tuple(
            Requested(wish.release, wish.by, decided.state, decided.why) for wish in this.wishes
        ),
        notes=(*decided.notes, *fresh),
    )


def _ask(
    this: Situation, wish: Wish, running: Release, offers: Offers, facts: Facts, now: datetime
) -> Asked:
    for name in sorted(wish.release.names - running.names, key=str):
        followed = name in this.artifacts
        why = (
            f"no site under {this.target.path} names {name}"
            if followed
            else f"{this.rule.source} follows no image {name}"
        )
        return _stopped(wish, State.BLOCKED, why, refuted=True)
    if this.rule.lockstep and (why := _breaks_lockstep(wish.release, running)):
        return _stopped(wish, State.BLOCKED, why, refuted=True)
    label = wish.release.label
    line = this.environment.after.environments
    left = ways_left(this.rule, this.target.environment, wish.skips)
    downstream = bool(left)
    asking = Asking(this, running, facts, now)
    if not downstream and (why := tell_moved_here(asking, wish.release)):
        return _stopped(wish, State.BLOCKED, why, refuted=True)
    if running.holds(wish.release):
        return _stopped(wish, State.CURRENT, f"runs {label}")
    order, why = judge_images(asking, wish.release, told_by_upstream=downstream)
    if order is Order.LOWER:
        return _stopped(wish, State.HELD_BACK, why, running)
    if order is not Order.HIGHER:
        return _stopped(wish, State.BLOCKED, why)
    if downstream and left == line:
        return _ask_upstream(wish, offers)
    if downstream:
        why = why_not_run(this, wish.release, left)
        return _stopped(wish, State.WAITING, why, refuted=True) if why else Asked(wish)
    found = look_up(asking, wish.release)
    if found.wrong:
        return _stopped(wish, found.state, found.wrong, refuted=found.refuted)
    return Asked(replace(wish, release=found.release))


def _breaks_lockstep(asked: Release, running: Release) -> str:
    left = ", ".join(sorted(str(name) for name in running.names - asked.names))
    if left:
        return f"all images move together (lockstep): name {left}, too"
    return broken_by(asked)


def _stopped(
    wish: Wish, state: State, why: str, superseded_by: Release | None = None, refuted: bool = False
) -> Asked:
    return Asked(wish, Requested(wish.release, wish.by, state, why, superseded_by), refuted)


def _ask_upstream(wish: Wish, offers: Offers) -> Asked:
    if any(each.holds(wish.release) for each in offers.releases):
        return Asked(wish)
    label = wish.release.label
    passed = next((each.why for each in offers.passed_over if each.what == label), None)
    why = f"{offers.origin} runs no {label}; promote it there first" if passed is None else passed
    return _stopped(wish, State.WAITING, why, refuted=True)  # it comes by itself once it runs there


def _put_together(
    this: Situation, running: Release, offers: Offers, asked: Sequence[Asked], facts: Facts
) -> Release:
    """Each artifact at the latest of what runs, what its policy selects and what was asked for."""
    # What runs first: a candidate is later than it, also where the policy can't tell.
    counting = sorted(filter(_counts, asked), key=lambda each: each.answer is None)
    wished: dict[ImageName, ImageReference] = {}
    for each in counting:
        for image in each.wish.release.artifacts:
            other, current = wished.get(image.name), running.get(image.name)
            runs = other is not None and current is not None and current.agrees(other)
            if other is None or runs or _is_later(this, other, image, facts):
                wished[image.name] = image
    offered = offers.releases[0] if offers.releases else running
    stopped = {image.name for image, _ in offers.stops}
    images: list[ImageReference] = []
    for current in running.artifacts:
        best = current
        selected = None if current.name in stopped else offered.get(current.name)
        artifact = this.artifacts[current.name]
        if selected is not None:
            order = compare_images(current, selected, this.ran, artifact, facts)
            best = selected if order is Order.HIGHER else current
        wish = wished.get(current.name)
        if wish is not None and (best is current or _is_later(this, best, wish, facts)):
            best = current if current.agrees(wish) else wish
        images.append(best)
    return Release.of(images)


def _is_later(this: Situation, one: ImageReference, other: ImageReference, facts: Facts) -> bool:
    return compare_images(one, other, (), this.artifacts[one.name], facts) is Order.HIGHER


def _answer(asked: Asked, decided: Decision, found: Search) -> tuple[Requested, bool]:
    """What the walk over the candidates made of this one, and whether that is its end."""
    if asked.answer is not None:
        return asked.answer, asked.answer.state is State.HELD_BACK
    release, by = asked.wish.release, asked.wish.by
    if decided.offered is not None and decided.offered.holds(release):
        return Requested(release, by, decided.state, decided.why), False
    for stop in found.stopped:
        if stop.release.holds(release):
            return Requested(release, by, stop.state, stop.why), stop.state is State.REJECTED
    for judged in found.waiting:
        if judged.release.holds(release):
            first = next(each for each in judged.verdicts if not each.passes)
            state = State.BLOCKED if first.judgement == "block" else State.WAITING
            return Requested(release, by, state, first.told), False
    later = decided.offered
    if later is not None:
        why = f"{later.label}, which {decided.origin} offers, is later"
        return Requested(release, by, State.HELD_BACK, why, later), True
    return Requested(release, by, decided.state, decided.why), False


def _notes(this: Situation, asked: Asked, answer: Requested, is_over: bool) -> list[Note]:
    wish = asked.wish
    if wish in this.remembered:
        return [WishEnd(wish.application, wish.environment, wish.release)] if is_over else []
    if asked.refuted or is_over:
        return []
    notes: list[Note] = []
    if answer.state is not State.CURRENT:
        notes.append(wish)
    # So that an image that is taken knowingly does not pass for a tag that moved.
    notes += (
        Sighting(image.name, image.tag, image.digest, wish.at)
        for image in wish.release.artifacts
        if image.tag and image.digest
    )
    return notes
