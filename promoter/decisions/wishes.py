"""Releases that somebody asked for, as candidates of their target.

A wish adds a candidate; it opens no gate and turns nothing back. Where releases come from the
registry it stands beside what the policies select, and the later one wins; downstream only what
ran upstream can be asked for. A tag that moved, or an image that is gone, waits for a person: a
wish is that person's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from promoter.decisions.candidates import Offers, is_later
from promoter.decisions.search import Search
from promoter.decisions.situation import Situation
from promoter.decisions.standing import Standing, compare_releases
from promoter.model.facts import DetailsOf, DigestOf, Facts
from promoter.model.ledger import Note, Sighting, Wish
from promoter.model.plan import Decision, Requested, State
from promoter.model.release import Release

_TAGS_MAY_MOVE = ("tag", "newest")
_TO_KEEP = (State.PROPOSED, State.PROMOTING, State.WAITING, State.BLOCKED)


@dataclass(frozen=True)
class Asked:
    """A wish with the whole release that it makes of what runs. `answer` where that is no
    candidate: what became of the wish at once."""

    wish: Wish
    release: Release
    answer: Requested | None = None


def weigh(
    this: Situation, running: Release, offers: Offers, facts: Facts
) -> tuple[Offers, tuple[Asked, ...]]:
    """The offers with what was asked for among them, newest first. Raises NotAsked, NotKnown."""
    asked: list[Asked] = []
    for wish in this.wishes:
        one = _ask(this, wish, running, offers, facts)
        asked.append(one)
        if one.answer is None and not any(each.holds(wish.release) for each in offers.releases):
            place = _place(this, one, offers.releases, facts)
            releases = (*offers.releases[:place], one.release, *offers.releases[place:])
            offers = replace(offers, releases=releases)
    return offers, tuple(asked)


def is_asked_for(release: Release, asked: Iterable[Asked]) -> bool:
    return any(each.answer is None and release.holds(each.wish.release) for each in asked)


def conclude_wishes(
    this: Situation, asked: Sequence[Asked], decided: Decision, found: Search
) -> Decision:
    """The decision with an answer to every wish, and with what the ledger shall keep of them."""
    requested = tuple(_answer(each, decided, found) for each in asked)
    notes: list[Note] = list(decided.notes)
    for each, answer in zip(asked, requested, strict=True):
        if each.answer is not None or each.wish in this.remembered or answer.state not in _TO_KEEP:
            continue
        notes.append(each.wish)
        # So that a tag that is taken knowingly does not pass for one that moved.
        notes += (
            Sighting(image.name, image.tag, image.digest, each.wish.at)
            for image in each.wish.release.artifacts
            if image.tag and image.digest
        )
    runs = next((each for each in requested if each.state is State.CURRENT), None)
    if runs is not None and decided.state is State.HELD_BACK:
        why = f"runs {runs.release.label}, as {runs.by} asked"
        decided = replace(decided, state=State.CURRENT, why=why, offered=None)
    return replace(decided, requested=requested, notes=tuple(notes))


def _ask(this: Situation, wish: Wish, running: Release, offers: Offers, facts: Facts) -> Asked:
    for name in sorted(wish.release.names - running.names, key=str):
        followed = name in this.artifacts
        why = (
            f"no site under {this.target.path} names {name}"
            if followed
            else f"{this.rule.source} follows no image {name}"
        )
        return _stopped(wish, State.BLOCKED, why)
    label = wish.release.label
    if running.holds(wish.release):
        return _stopped(wish, State.CURRENT, f"runs {label}")
    if _is_behind(this, wish, running, facts):
        why = f"{label} is not later than {running.label} that runs here"
        return _stopped(wish, State.HELD_BACK, why, running)
    if this.environment.after.environments:
        return _ask_upstream(wish, offers)
    known, state, wrong = _look_up(this, wish, facts)
    return _stopped(wish, state, wrong) if wrong else Asked(wish, running.replaced_by(known))


def _stopped(wish: Wish, state: State, why: str, superseded_by: Release | None = None) -> Asked:
    answer = Requested(wish.release, wish.by, state, why, superseded_by)
    return Asked(wish, wish.release, answer)


def _is_behind(this: Situation, wish: Wish, running: Release, facts: Facts) -> bool:
    """Whether what was asked for is not later than what runs."""
    release = running.replaced_by(wish.release)
    before = [each.release for each in this.periods if each.release]
    standing = compare_releases(running, release, before, this.artifacts, facts)
    if standing is Standing.LATER and not is_later(release, running, this.artifacts, facts):
        # Nothing orders the two. What came here after the wish came with knowledge of it.
        return bool(this.periods) and this.periods[0].since > wish.at
    return standing in (Standing.BACKWARDS, Standing.SAME)


def _ask_upstream(wish: Wish, offers: Offers) -> Asked:
    offered = next((each for each in offers.releases if each.holds(wish.release)), None)
    if offered is not None:
        return Asked(wish, offered)
    label = wish.release.label
    passed = next((each.why for each in offers.passed_over if each.what == label), None)
    why = f"{offers.origin} runs no {label}; promote it there first" if passed is None else passed
    return _stopped(wish, State.WAITING, why)


def _look_up(this: Situation, wish: Wish, facts: Facts) -> tuple[Release, State, str]:
    """The artifacts with their digests; or a state and why the registry does not bear it out."""
    images = wish.release.artifacts
    tagged = [(each, each.tag) for each in images if each.tag]
    pinned = [(each, each.digest) for each in images if each.digest]
    facts.prefetch(
        *(DigestOf(each.name, tag) for each, tag in tagged),
        *(DetailsOf(each.name, digest) for each, digest in pinned),
    )
    for each, digest in pinned:
        if facts.need(DetailsOf(each.name, digest)) is None:
            why = f"the registry has no image {each.normal} (yet)"
            return wish.release, State.UNKNOWN, why
    known = {each.name: each for each in images}
    for each, tag in tagged:
        named = facts.need(DigestOf(each.name, tag))
        may_move = this.artifacts[each.name].select.policy in _TAGS_MAY_MOVE
        if named is None and not (each.digest and may_move):
            why = f"the registry has no tag {each.name}:{tag} (yet)"
            return wish.release, State.UNKNOWN, why
        if each.digest is None:
            known[each.name] = each.at(tag, named)
        elif named != each.digest and not may_move:
            why = f"{each.name}:{tag} names {named} in the registry, not {each.digest}"
            return wish.release, State.BLOCKED, why
    return Release.of(known.values()), State.CURRENT, ""


def _place(this: Situation, asked: Asked, offered: Sequence[Release], facts: Facts) -> int:
    """Where it stands among what is offered, newest first."""
    for index, each in enumerate(offered):
        if is_later(each, asked.release, this.artifacts, facts):
            continue
        if is_later(asked.release, each, this.artifacts, facts):
            return index
        if not _is_built_before(asked.release, each, facts):
            return index
    return len(offered)


def _is_built_before(one: Release, other: Release, facts: Facts) -> bool:
    """By creation time, where nothing else orders them; False where that is not known."""
    pairs = [(mine, theirs) for mine in one.artifacts if (theirs := other.get(mine.name))]
    differing = [
        (DetailsOf(mine.name, mine.digest), DetailsOf(theirs.name, theirs.digest))
        for mine, theirs in pairs
        if mine.digest and theirs.digest and mine.digest != theirs.digest
    ]
    facts.prefetch(*(question for pair in differing for question in pair))
    for before, after in ((facts.need(mine), facts.need(theirs)) for mine, theirs in differing):
        if before and after and before.created and after.created:
            return before.created < after.created
    return False


def _answer(asked: Asked, decided: Decision, found: Search) -> Requested:
    """What the walk over the candidates made of this one."""
    if asked.answer is not None:
        return asked.answer
    release, by = asked.wish.release, asked.wish.by
    if decided.offered is not None and decided.offered.holds(release):
        return Requested(release, by, decided.state, decided.why)
    for stop in found.stopped:
        if stop.release.holds(release):
            return Requested(release, by, stop.state, stop.why)
    for judged in found.waiting:
        if judged.release.holds(release):
            first = next(each for each in judged.verdicts if not each.passes)
            state = State.BLOCKED if first.judgement == "block" else State.WAITING
            return Requested(release, by, state, f"{first.why} ({first.gate})")
    later = decided.offered
    if later is not None:
        why = f"{later.label} is later, and is {decided.state.value}"
        return Requested(release, by, State.HELD_BACK, why, later)
    return Requested(release, by, decided.state, decided.why)
