"""How a day ends: people do what waits for them, and then everything must be as the rules say."""

from __future__ import annotations

import itertools

from promoter.app import read_rules
from promoter.cli.demo_world import HOST
from promoter.decisions.scene import names_of
from promoter.engine.reconcile import Scope, reconcile
from promoter.service.webhooks.nudge import RepositoryChanged
from tests.service.day.day import Day
from tests.service.day.machine import Machine, Wall
from tests.service.day.people import NOTES, STAGES, Version, image_line, spell, version_of
from tests.services.git_server import git
from tests.stories.effects import numbered
from tests.stories.forges import APPLICATIONS, file_of
from tests.stories.shop import Change, changes

_MOST_ROUNDS = 12
_SOAK = 30 * 60 + 60  # seconds; that minute lies between two clocks
Run = tuple[Version, int]
"""What ran, and since when (seconds)."""


def finish(day: Day) -> None:
    """No more troubles; people merge and approve until nothing is open."""
    day.calm()
    people = day.people
    if people.holds:
        people.push(dict.fromkeys(people.holds), "Release everything")
        people.holds.clear()
    day.run(minutes=40)  # longer than anybody waits for what failed
    for _ in range(_MOST_ROUNDS):
        opened = people.opened()
        if not opened:
            break
        for each in opened:
            # What somebody pushed to is theirs to merge.
            by_hand = each.branch.startswith("staging/") or each.number in people.touched
            people.attempt(people.merge_it if by_hand else people.approve_it, each)
        day.run(minutes=36)  # the soak, and a poll


def check(day: Day) -> None:
    left = [f"{each.branch} {each.title}" for each in day.people.opened()]
    assert not left, f"still open: {left}"
    ran = check_history(day)
    for name in APPLICATIONS:
        check_application(day, name, ran)
    check_openings(day)
    bugs = [each for each in day.log if "a bug" in each]
    assert not bugs, bugs
    check_agendas(day)
    check_fresh_equals_warm(day)


def check_history(day: Day) -> dict[tuple[str, str], list[Run]]:
    """Whatever landed that is not of people moves images only, to what was published, forwards, and
    to what ran upstream before. By application and environment, all that ever ran there."""
    repository = day.world.repository
    told = git(repository, "log", "--first-parent", "--reverse", "--format=%H %ct", "main")
    times = {at: int(time) for at, time in (line.split() for line in told.splitlines())}
    files = {
        file_of(name, stage): (name, stage, STAGES[at - 1] if at else "")
        for name in APPLICATIONS
        for at, stage in enumerate(STAGES)
    }
    first = next(iter(times))
    ran = {
        (name, stage): [(version_of(day.world.file(path, at=first)), times[first])]
        for path, (name, stage, _) in files.items()
    }
    for before, at in itertools.pairwise(times):
        if at in day.people.pushed:
            for path in git(repository, "diff", "--name-only", before, at).split():
                if path in files:
                    version = version_of(day.world.file(path, at=at))
                    ran[files[path][:2]].append((version, times[at]))
            continue
        for path, (went, came) in landed(day, before, at).items():
            name, stage, upstream = files[path]
            old, new = (version_of(f"{each[0]}\n".encode()) for each in (went, came))
            digest = day.shelf.digests[f"shop/{name}", spell(new)]
            assert came == (f"  - image: {HOST}/shop/{name}:{spell(new)}@{digest}",), came
            assert new > old, f"{at[:8]}: {path} went back from {old} to {new}"
            known = (
                [each for each, _ in ran[name, upstream]] if upstream else day.people.versions(name)
            )
            assert new in known, f"{at[:8]}: {path} got {new}, never in {upstream}"
            ran[name, stage].append((new, times[at]))
    return ran


def landed(day: Day, before: str, at: str) -> dict[str, Change]:
    """What a promotion changed, without what somebody added to it."""
    repository = day.world.repository
    added = git(repository, "diff", "--name-only", before, at, "--", NOTES)
    if not added:
        return changes(repository, before, at)
    assert day.people.touched
    paths = git(repository, "diff", "--name-only", before, at).split()
    return {
        path: (
            (image_line(day.world.file(path, at=before)),),
            (image_line(day.world.file(path, at=at)),),
        )
        for path in paths
        if path != NOTES
    }


def check_application(day: Day, name: str, ran: dict[tuple[str, str], list[Run]]) -> None:
    """Each environment runs the newest that it may have."""
    people = day.people
    newest = people.versions(name)[-1]  # the policy names one
    offered = {newest}
    refused: set[Version] = set()
    for stage in STAGES:
        refused |= {version for branch, version in people.rejected if branch == f"{stage}/{name}"}
        stands = version_of(day.world.file(file_of(name, stage)))
        wanted = max((offered - refused) | {stands})
        assert stands == wanted, (
            f"{stage}/{name} runs {stands} and should run {wanted};"
            f" refused {sorted(refused)}, upstream offers {sorted(offered)}"
        )
        runs, now = ran[name, stage], int(day.clock.at.timestamp())
        offered = {each for each, _ in runs}
        if stage == "staging":
            offered = {each for each in offered if soaked(runs, each, now) > _SOAK}


def soaked(runs: list[Run], version: Version, now: int) -> int:
    """For how long it ran, the last time; in seconds."""
    ended = now
    for other, since in reversed(runs):
        if other == version:
            began = since
            # A change beside the image is the same run.
            for before, earlier in reversed(runs[: runs.index((other, since))]):
                if before != version:
                    break
                began = earlier
            return ended - began
        ended = since
    return 0


def check_openings(day: Day) -> None:
    """A release gets no second request, unless the first was left without a word: its branch was
    deleted."""
    ends = {each.number: day.people.version_at(each) for each in day.world.requests()}
    brought: dict[tuple[str, Version], int] = {}
    for branch, version, number in day.openings:
        before = brought.get((branch, version))
        is_second = before is not None and number not in day.blind
        assert not is_second, f"{branch} {spell(version)} was in #{before}, and again in #{number}"
        if number not in day.people.ended:
            brought[branch, ends[number]] = number


def check_agendas(day: Day) -> None:
    """Nobody waits for anything but the next poll."""
    for machine in day.machines:
        assert machine.service is not None
        scheduler = machine.service._scheduler
        assert (scheduler.running, scheduler.waiting) == (0, 0), machine.name
        for subject, entry in scheduler._agenda._entries.items():
            assert not entry.retries, f"{machine.name} {subject}: {entry.retries}"
            assert not entry.appointments, f"{machine.name} {subject}: {entry.appointments}"
            assert not entry.silent, f"{machine.name} {subject} is silent"


def check_fresh_equals_warm(day: Day) -> None:
    """A machine that remembers nothing has nothing to do, does nothing, and decides what those
    decide that lived through the day."""
    effects: list[str] = []
    fresh = Machine("fresh", day.world, Wall(day), day.registry, lambda *_: None)
    app = fresh.app()
    rules, errors = read_rules(app.rule_files()[0])
    assert not errors, errors
    adapters = numbered(fresh.adapters(app), lambda step: effects.append(step.name))
    outcome = reconcile(Scope(rules), adapters, fresh.wall)
    assert not effects, effects
    assert not outcome.plan.actions, outcome.plan.actions
    assert not outcome.unanswered, outcome.unanswered
    for machine in day.machines:
        machine.hear(RepositoryChanged((day.world.url,)))
    day.run(minutes=1)
    decided = {names_of(each.target): (each.state, each.why) for each in outcome.plan.decisions}
    for machine in day.machines:
        assert machine.service is not None
        (memory,) = machine.service._looks._memories.values()
        warm = {names: (each.state, each.why) for names, each in memory.decisions.items()}
        assert warm == decided, machine.name
