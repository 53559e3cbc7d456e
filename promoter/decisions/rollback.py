"""Rollbacks: a target goes back to a release that ran there, because a person says so.

The only way backwards. It asks for people and for the checks of its merge request, and for nothing
that needs time or a registry; the release that is taken back is banned by the same commit. It lives
in its merge request: a later look finds it there and carries it on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from promoter.decisions.candidates import complete, gone_back_from
from promoter.decisions.elsewhere import Elsewhere
from promoter.decisions.gates import SKIPPABLE, door_of
from promoter.decisions.groups.joining import leave_group
from promoter.decisions.person import is_held, stop_by_person
from promoter.decisions.policies import POLICIES
from promoter.decisions.proposal import Intent, bring, edit_question, refuse
from promoter.decisions.search import Judged
from promoter.decisions.situation import Situation
from promoter.errors import Where
from promoter.model.facts import BanOf, Facts, NotKnown, Period, RestoreOf
from promoter.model.hold import FOLDER, Hold, is_named
from promoter.model.plan import Close, Decision, State
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rollback import Affected, GoingBack, Rollback
from promoter.model.target import Edit, FileChange

_MOST_KNOWN = 5


@dataclass(frozen=True)
class Stay:
    """A release that ran here, at its last run: since, how long, and its commit."""

    release: Release
    commit: str
    until: datetime
    ran: timedelta


def find_rollback(this: Situation) -> Rollback | None:
    """What somebody asks for now, else what the open request carries: only where the bot's own
    commit says so, too, as a body is easily edited."""
    asked = next((each for each in this.scene.rollbacks if each.is_for(this.target)), None)
    if asked is not None:
        return asked
    record = Record.parse(this.opened.body) if this.opened else None
    said = Record.parse(this.branch.message) if this.branch and this.branch.own else None
    if record is None or not record.rolls_back or said != record:
        return None
    names = this.target.application, this.target.environment
    return Rollback(
        *names, record.requested_by, record.reason, record.release.id, record.rolls_back
    )


def go_back(
    this: Situation, asked: Rollback, decided: Decision, facts: Facts, now: datetime
) -> Decision:
    """The decision for a target that somebody wants back. Raises NotAsked, NotKnown."""
    running = this.reading.release
    if running is None:
        raise ValueError(f"{this.target}: a reading is a release, mixed, or has problems")
    if asked.bad and not is_named(asked.bad, running):
        return _is_over(this, running, decided)
    stay = _find_goal(this, asked.to, running, facts, now)
    if isinstance(stay, str):
        return replace(decided, state=State.BLOCKED, why=stay, trouble="input")
    record = _record(this, asked, running, stay.release)
    release, edit, exact = _edit(this, running, stay, facts)
    record = replace(record, release=release)
    if edit.refused:
        return refuse(decided, edit)
    ban = _ban(this, record, running)
    banning = _ban_changes(this, ban, facts)
    changes = (*edit.changes, *banning)
    wanted = soak_asked_of(this)
    going = GoingBack(
        running,
        release,
        record.requested_by,
        record.reason,
        stay.ran,
        stay.until,
        stay.ran >= wanted,
        exact,
        next((each.path for each in banning), ""),
        this.base.tip.commit,
        record,
        changes,
        tuple(_affected(this, running, facts)),
    )
    decided = replace(decided, offered=release, origin=this.target.environment, rollback=going)
    if this.group:  # the way back waits for nobody else
        this, decided = leave_group(this, decided, facts)
    if stopped := stop_by_person(this, decided):
        return stopped
    require = tuple(
        each
        for each in this.environment.require
        if each.gate not in SKIPPABLE and door_of(each) == "merge"
    )
    intent = Intent(Judged(release, ()), record, Edit(changes), require)
    return bring(this, intent, decided, facts, now)


def _is_over(this: Situation, running: Release, decided: Decision) -> Decision:
    """What was to be taken back does not run any more."""
    why = f"runs {running.label}: what was to be taken back is gone already"
    decided = replace(decided, state=State.CURRENT, why=why)
    request = this.opened
    record = Record.parse(request.body) if request else None
    if request is None or record is None or not record.rolls_back or is_held(request):
        return decided
    reason = f"{running.label} runs here now, so there is nothing to go back from"
    return replace(decided, action=Close(request.number, request.branch, reason))


# -- where to ------------------------------------------------------------------------------------


def _find_goal(
    this: Situation, wanted: str, running: Release, facts: Facts, now: datetime
) -> Stay | str:
    """The release that is meant; or why there is none, as a sentence."""
    stays = list(_stays(this.periods, running, now))
    if wanted:
        named = next((each for each in stays if is_named(wanted, each.release)), None)
        return named or _not_known(this, wanted, stays)
    soak = soak_asked_of(this)
    bad = gone_back_from(this.periods, this.artifacts, facts)
    fit = [
        each
        for each in stays
        if not any(each.release.agrees(other) for other in bad)
        and this.holds.ban_of(each.release) is None
    ]
    if not fit:
        return f"nothing that ran in {this.target.environment} before is fit to go back to"
    return next((each for each in fit if each.ran >= soak), fit[0])


def _stays(periods: Sequence[Period], running: Release, now: datetime) -> Iterator[Stay]:
    """Each release that ran before, newest first, at its last run."""
    seen: list[Release] = [running]
    for index, period in enumerate(periods):
        release = period.release
        if release is None or any(release.agrees(each) for each in seen):
            continue
        seen.append(release)
        until = min(periods[index - 1].since, now) if index else now
        yield Stay(release, period.commit, until, max(until - period.since, timedelta()))


def _not_known(this: Situation, wanted: str, stays: Sequence[Stay]) -> str:
    ran = ", ".join(f"{each.release.label} ({each.release.id})" for each in stays[:_MOST_KNOWN])
    more = f" and {len(stays) - _MOST_KNOWN} more" if len(stays) > _MOST_KNOWN else ""
    here = this.target.environment
    return f"{wanted} never ran in {here}; before now it ran {ran or 'nothing'}{more}"


def soak_asked_of(this: Situation) -> timedelta:
    """How long a release has to run here before the rule trusts it: the longest soak that this
    environment asks for, or that others ask of it."""
    rule, here = this.rule, this.target.environment
    gates = [
        (each, gate) for each in rule.environments for gate in each.require if gate.gate == "soak"
    ]
    asked = (
        gate.option("duration")
        for each, gate in gates
        if each.name == here or here in (gate.of or each.after).environments
    )
    return max((each for each in asked if isinstance(each, timedelta)), default=timedelta())


# -- what is changed -----------------------------------------------------------------------------


def _record(this: Situation, asked: Rollback, running: Release, good: Release) -> Record:
    """As it reads once it was written: texts of people are cut and made harmless there."""
    names = this.target.application, this.target.environment
    bad = asked.bad or running.id
    made = Record(
        *(this.rule.name, *names, good, this.target.environment),
        requested_by=asked.by,
        rolls_back=bad,
        reason=asked.reason,
    )
    return Record.parse("\n".join(made.trailers())) or made


def _edit(
    this: Situation, running: Release, stay: Stay, facts: Facts
) -> tuple[Release, Edit, bool]:
    """The release as it will be written, its bytes, and whether they are those of then."""
    pins = tuple((name, artifact.pin) for name, artifact in this.artifacts.items())
    restored = facts.need(
        RestoreOf(
            this.repository,
            this.base.tip.commit,
            this.target,
            running,
            stay.release,
            stay.commit,
            pins,
        )
    )
    if restored is not None:
        return stay.release, restored, True
    release = complete(stay.release, this.artifacts, (), {}, facts)
    return release, facts.need(edit_question(this, release)), False


def _ban(this: Situation, record: Record, running: Release) -> Hold:
    """What keeps the bad release out: by its version where that is one, else by its id."""
    moving = any(
        POLICIES[this.artifacts[each.name].select.policy].tags_may_move
        for each in running.artifacts
    )
    tags = {each.tag for each in running.artifacts}
    is_version = len(tags) == 1 and None not in tags and not moving
    name = running.label if is_version else running.id
    applications, environments = (this.target.application,), (this.target.environment,)
    reason = record.reason or "rolled back"
    return Hold(
        applications,
        environments,
        record.requested_by or "somebody",
        reason,
        Where(FOLDER),  # the file follows from the names
        (name,),
    )


def _ban_changes(this: Situation, ban: Hold, facts: Facts) -> tuple[FileChange, ...]:
    if any(each.is_same(ban) for each in this.holds.bans):
        return ()
    return facts.need(BanOf(this.repository, this.base.tip.commit, ban))


def _affected(this: Situation, bad: Release, facts: Facts) -> Iterator[Affected]:
    """Downstream: who runs it, and whose open request would bring it. What does not answer is left
    out: it is told, and decides nothing."""
    scene = this.scene
    elsewhere: dict[str, Elsewhere] = {}
    for name in this.rule.downstream(this.target.environment):
        if (this.target.application, name) in scene.targets and not scene.is_silent(name):
            elsewhere[name] = Elsewhere.of(scene, this.target, name, this.artifacts)
    facts.prefetch(*(each.periods for each in elsewhere.values()))
    for name, there in elsewhere.items():
        try:
            periods = there.read(facts)
        except NotKnown:
            continue
        runs = bool(periods and periods[0].release and periods[0].release.agrees(bad))
        request = _open_with(there, bad)
        if runs or request:
            yield Affected(name, periods[0].since if runs else None, request)


def _open_with(there: Elsewhere, bad: Release) -> str:
    opened = (each for each in there.requests if each.state == "open")
    for each in opened:
        record = Record.parse(each.body)
        if record is not None and there.here(record.release).agrees(bad):
            return each.url
    return ""
