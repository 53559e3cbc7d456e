"""What ran in a target, and since when, from the bytes of its sites along first-parent history.

Trailers are commentary: a squash may drop them. One pass over the history serves all targets
of a repository.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promoter.engine.library import Library
from promoter.manifests import is_manifest
from promoter.model.facts import Period, PeriodsOf
from promoter.model.image import ImageName
from promoter.model.ports import Landing, Repository
from promoter.model.release import Release


@dataclass(frozen=True)
class _State:
    """A target's manifests (path -> blob) as `landing` left them."""

    files: dict[str, str]
    landing: Landing


def read_periods(
    repository: Repository, library: Library, commit: str, questions: Sequence[PeriodsOf]
) -> dict[PeriodsOf, tuple[Period, ...]]:
    """The periods of several targets at one commit, newest first."""
    paths = sorted({question.target.path for question in questions})
    landings = list(repository.landings(commit, paths))
    states = {
        question: _states(
            library.manifests(repository, commit, question.target.path),
            question.target.path,
            landings,
        )
        for question in questions
    }
    read = library.sites(
        repository,
        [(state.files, question.names) for question in questions for state in states[question]],
    )

    def release(files: dict[str, str], names: tuple[ImageName, ...]) -> Release | None:
        reading = read(files, names)
        return None if reading.problems else reading.release

    return {
        question: _join(
            [(release(state.files, question.names), state.landing) for state in states[question]]
        )
        for question in questions
    }


def _states(files: dict[str, str], under: str, landings: Sequence[Landing]) -> list[_State]:
    """The target's manifests after each landing that touched them, newest first."""
    states: list[_State] = []
    for landing in landings:
        touched = [
            change
            for change in landing.changes
            if is_manifest(change.path)
            and (not under or change.path == under or change.path.startswith(f"{under}/"))
        ]
        if not touched:
            continue
        states.append(_State(files, landing))
        files = dict(files)
        for change in touched:
            if change.before is None:
                files.pop(change.path, None)
            else:
                files[change.path] = change.before
    return states


def _join(states: Sequence[tuple[Release | None, Landing]]) -> tuple[Period, ...]:
    """One period for neighbouring states with the same release: it began with the oldest."""
    periods: list[Period] = []
    for release, landing in states:
        last = periods[-1] if periods else None
        if last is not None and _continues(last.release, release):
            periods[-1] = Period(last.release, landing.at, landing.commit)
        else:
            periods.append(Period(release, landing.at, landing.commit))
    while periods and periods[-1].release is None:
        periods.pop()  # before there was anything to run
    return tuple(periods)


def _continues(newer: Release | None, older: Release | None) -> bool:
    if newer is None or older is None:
        return newer is older
    return newer.agrees(older)
