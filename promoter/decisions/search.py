"""The walk over what is offered, newest first, to the release that may enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from promoter.decisions.candidates import Offers, complete
from promoter.decisions.gates import judge_all
from promoter.decisions.gates.gate import NO_SKIPS, Case, Skips
from promoter.decisions.gates.presence import judge_presence
from promoter.decisions.holds import judge_hold, judge_stops
from promoter.decisions.situation import Situation, ways_out
from promoter.decisions.standing import Standing, compare_releases
from promoter.model.baseline import baseline_file
from promoter.model.facts import Facts, Period
from promoter.model.plan import PassedOver, State
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.spell import spell_time
from promoter.model.verdict import HOLD, Verdict

_FOR_A_PERSON = (Standing.MOVED, Standing.GONE)


@dataclass(frozen=True)
class Judged:
    """A release that is later than what runs, with the verdicts at the door of opening."""

    release: Release
    verdicts: tuple[Verdict, ...]
    skips: Skips = NO_SKIPS


@dataclass(frozen=True)
class Stopped:
    """A release that may not enter whatever the gates say, and the state that makes."""

    state: State
    release: Release
    why: str
    verdicts: tuple[Verdict, ...] = ()
    is_word: bool = False
    """Whether it is a person's word: a refusal, a ban, an adoption."""


@dataclass
class Search:
    """What the walk met: the release to propose (None: none), those whose gates don't pass yet,
    and those that were stopped."""

    chosen: Judged | None = None
    waiting: list[Judged] = field(default_factory=list)
    stopped: list[Stopped] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)

    def stop(self, stopped: Stopped) -> None:
        """With what a reader wants to know of it, where a person's word is the reason."""
        self.stopped.append(stopped)
        if stopped.is_word:
            self.passed_over.append(PassedOver(stopped.release.label, stopped.why))


def case_of(this: Situation, release: Release, skips: Skips) -> Case:
    return Case(
        this.repository,
        this.target,
        release,
        this.histories,
        this.environment.after.how == "any",
        this.opened,
        this.head,
        this.looked_at,
        {name: this.rule.repository_of(name) for name in this.line},
        this.line,
        skips,
    )


def judge_opening(
    this: Situation, release: Release, facts: Facts, now: datetime, skips: Skips
) -> Judged:
    """By all that guards the door of opening; what no rule names first. Raises NotAsked."""
    verdicts = list(judge_stops(this.holds))
    if this.called_upstream:
        verdicts.append(judge_presence(release, this.artifacts, this.reading.sites, facts))
    case = case_of(this, release, skips)
    verdicts += judge_all(this.environment.require, "open", case, facts, now)
    return Judged(release, tuple(verdicts), skips)


@dataclass(frozen=True)
class Walk:
    """What the walk goes by: the situation, what runs, what is offered, who asked for what."""

    this: Situation
    running: Release
    offers: Offers
    is_asked_for: Callable[[Release], bool]
    skips_of: Callable[[Release], Skips]
    """What a release need not pass."""


def search(walk: Walk, facts: Facts, now: datetime) -> Search:
    """The newest release that is later than what runs, that no person refused, and whose gates
    pass. What waits for a person's word has it where a person asked for the release.

    Raises NotAsked, NotKnown.
    """
    this, found = walk.this, Search()
    for offered in walk.offers.releases:
        stopped, is_last = _stop_before(walk, offered, facts)
        if stopped is not None:
            found.stop(stopped)
            if is_last:
                break  # what is offered after it is older still
            continue
        # Only now: a registry that does not answer is no matter to a target that stays.
        release = complete(offered, this.artifacts, this.promoted, this.called_upstream, facts)
        if stopped := _refuse(this, release):
            found.stop(stopped)
            continue
        judged = judge_opening(this, release, facts, now, walk.skips_of(offered))
        if all(each.passes for each in judged.verdicts):
            found.chosen = judged
            break
        found.waiting.append(judged)
        first = next(each for each in judged.verdicts if not each.passes)
        found.passed_over.append(PassedOver(release.label, first.told))
        if all(each.passes or each.gate == HOLD for each in judged.verdicts):
            break  # only a hold keeps it: nothing older is wanted
        if this.opened_release == release and any(each.trouble for each in judged.verdicts):
            break  # what is open gives way to nothing older because a gate can't be evaluated
    return found


def _stop_before(walk: Walk, offered: Release, facts: Facts) -> tuple[Stopped | None, bool]:
    """Why an offered release is none for this target whoever asks and judges (None: it may be one),
    and whether the same goes for all that are older. Raises NotAsked, NotKnown."""
    this = walk.this
    standing = compare_releases(walk.running, offered, this.ran, this.artifacts, facts)
    asked = walk.is_asked_for(offered)
    if asked and standing in _FOR_A_PERSON:
        standing = Standing.LATER
    if not asked and standing is Standing.LATER and (why := walk.offers.why_stopped(offered)):
        return Stopped(State.BLOCKED, offered, why), False
    if standing in (Standing.SAME, Standing.BACKWARDS):
        return _stop(standing, walk.running, offered, this, walk.offers), True
    if not asked and not walk.skips_of(offered) and _was_there(this, offered, facts):
        return _adopted(this, offered), True
    if standing is not Standing.LATER:
        return _stop(standing, walk.running, offered, this, walk.offers), False
    return None, False


def _refuse(this: Situation, release: Release) -> Stopped | None:
    """A person's word against a release, or that nobody tells whether there is one."""
    if unread := _unread(release, this.requests):
        return Stopped(State.UNKNOWN, release, unread)
    if banned := _banned(this, release):
        return banned
    if refusal := refusal_by_person(release, this.periods, this.requests):
        return Stopped(State.REJECTED, release, refusal, is_word=True)
    return None


def _was_there(this: Situation, offered: Release, facts: Facts) -> bool:
    """Whether it was there, or something newer, when the bot was adopted."""
    baseline = this.baseline
    if baseline is None:
        return False
    standing = compare_releases(baseline, offered, (), this.artifacts, facts)
    return standing in (Standing.SAME, Standing.BACKWARDS)


def _adopted(this: Situation, offered: Release) -> Stopped:
    target = this.target
    why = (
        f"{offered.label} was there when promoter was adopted"
        f" ({baseline_file(target.environment)}); `promoter promote {target.application} --to"
        f" {target.environment} --image ...` brings it all the same"
    )
    return Stopped(State.HELD_BACK, offered, why, is_word=True)


def _banned(this: Situation, release: Release) -> Stopped | None:
    hold = this.holds.ban_of(release)
    if hold is None:
        return None
    verdict = judge_hold(hold)
    state = State.BLOCKED if verdict.judgement == "block" else State.WAITING
    return Stopped(state, release, verdict.told, (verdict,), is_word=True)


def _stop(
    standing: Standing, running: Release, release: Release, this: Situation, offers: Offers
) -> Stopped:
    here, there, origin = running.label, release.label, offers.origin
    if standing is Standing.SAME:
        return Stopped(State.CURRENT, release, f"runs {here}, the newest that {origin} offers")
    if standing is Standing.BACKWARDS:
        earlier = next(
            (p for p in this.periods[1:] if p.release and p.release.agrees(release)), None
        )
        seen = f" ({there} ran here from {spell_time(earlier.since)} on)" if earlier else ""
        why = f"{origin} offers {there}, which is not later than {here} that runs here{seen}"
        return Stopped(State.HELD_BACK, release, why)
    if standing is Standing.MOVED:
        why = offers.why_stopped(release) or _tell_moved(running, release, this, origin)
    elif standing is Standing.GONE:
        why = (
            f"an image of {here} that runs here is gone from the registry, so nothing tells"
            f" whether {there} is later; a person decides"
        )
    elif standing is Standing.MIXTURE:
        why = f"a mixture: of {there} some artifacts are later and some earlier than {here};"
        why += " a person decides"
    else:
        others = ", ".join(sorted(str(each) for each in release.names ^ running.names))
        why = f"{origin} runs other artifacts than the sites here name: {others}"
    return Stopped(State.BLOCKED, release, why)


def _tell_moved(running: Release, release: Release, this: Situation, origin: str) -> str:
    moved = next(
        image
        for image in release.artifacts
        if (current := running.get(image.name)) and not current.agrees(image)
    )
    return (
        f"the tag {moved.tag} of {moved.name} moved: {origin} offers another image than the one"
        f" that runs here; {ways_out(this.target, moved)}"
    )


def _unread(release: Release, requests: Sequence[MergeRequest]) -> str | None:
    """Why it can't be told whether a person refused this release."""
    for request in requests:
        record = Record.parse(request.body) if request.unread else None
        if record is not None and record.release.agrees(release):
            return f"it can't be told who closed {request.url}: {request.unread}"
    return None


def refusal_by_person(
    release: Release, periods: Sequence[Period], requests: Sequence[MergeRequest]
) -> str | None:
    """A revert or a close by a person, in one sentence; None where nobody refused."""
    for newer, period in pairwise(periods):
        if period.release and period.release.agrees(release):
            return (
                f"{release.label} ran here and commit {newer.commit[:12]} took it back; it is not"
                " proposed again before a newer release"
            )
    for request in requests:
        record = Record.parse(request.body)
        if record is None or record.rolls_back or not record.release.agrees(release):
            continue  # who closes a rollback refuses to go back, and no release
        if request.state == "merged":
            # It does not run, so it was taken back, though this history does not tell how: the
            # branch was reset, or the folder has moved since.
            return (
                f"merge request {request.url} brought {release.label} here and it was taken back;"
                " it is not proposed again before a newer release"
            )
        if request.state == "closed" and request.closed_by and not request.closed_by_bot:
            return (
                f"{request.closed_by} closed merge request {request.url} with {release.label};"
                " it is not proposed again before a newer release"
            )
    return None
