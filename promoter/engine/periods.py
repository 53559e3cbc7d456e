"""What ran in a target, and since when, from the bytes of its sites along first-parent history.

Trailers are commentary: a squash may drop them. One pass over the history serves all targets
of a repository.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promoter.engine.library import Library, TargetFiles
from promoter.manifests import is_manifest
from promoter.model.facts import Period, PeriodsOf
from promoter.model.image import ImageName
from promoter.model.ports import BlobChange, Landing, Repository
from promoter.model.release import Release

_MOST_PATHS = 32
_Touched = dict[int, tuple[Landing, list[BlobChange]]]
"""Landings by their place in the history, 0 the newest, with the changes that matter."""


@dataclass(frozen=True)
class _State:
    """A target's files as `landing` left them."""

    files: TargetFiles
    landing: Landing


@dataclass(frozen=True)
class Histories:
    """Periods, newest first. From `until` on a date that was in the future is none any more, and
    they may read otherwise; None: they never will."""

    periods: dict[PeriodsOf, tuple[Period, ...]]
    until: datetime | None


def read_periods(
    repository: Repository,
    library: Library,
    commit: str,
    questions: Sequence[PeriodsOf],
    now: datetime,
) -> Histories:
    """The periods of several targets at one commit."""
    targets = library.files(repository, commit, {each.target.path for each in questions})
    roots = {path: _roots(files) for path, files in targets.items()}
    paths = set().union(*roots.values())
    landings = _in_order(repository.landings(commit, _widen(paths)), now)
    touched = _by_path(landings, paths)
    histories = {
        path: _states(files, _merge(touched[root] for root in roots[path]))
        for path, files in targets.items()
    }
    states = {question: histories[question.target.path] for question in questions}
    read = library.readings(
        repository,
        [(state.files, question.names) for question in questions for state in states[question]],
    )

    def release(files: TargetFiles, names: tuple[ImageName, ...]) -> Release | None:
        reading = read(files, names)
        return None if reading.problems else reading.release

    periods = {
        question: _join(
            [(release(state.files, question.names), state.landing) for state in states[question]]
        )
        for question in questions
    }
    return Histories(periods, min((each.at for each in landings if each.at > now), default=None))


def _widen(paths: Collection[str]) -> list[str]:
    """The paths, or where they are many the folders above them: git compares each changed file
    with each path that it is given."""
    widened = set(paths)
    while len(widened) > _MOST_PATHS:
        deepest = max(path.count("/") for path in widened)
        if deepest == 0:
            return []
        widened = {
            path.rpartition("/")[0] if path.count("/") == deepest else path for path in widened
        }
    return sorted(widened)


def _in_order(landings: Iterable[Landing], now: datetime) -> list[Landing]:
    """Newest first, none earlier than what it landed on: a commit that was made long ago and
    pushed today runs since today. A date in the future is a clock that runs ahead, and moves none
    but its own commit."""
    ordered: list[Landing] = []
    latest: datetime | None = None
    for landing in reversed(list(landings)):
        at = landing.at if latest is None else max(landing.at, latest)
        ordered.append(replace(landing, at=at))
        if at <= now:
            latest = at
    return ordered[::-1]


def _roots(target: TargetFiles) -> set[str]:
    """Where a change can touch the target: its own path, and each file that it builds on."""
    return {target.path, *(path for path in target.built if not target.is_own(path))}


def _by_path(landings: Sequence[Landing], paths: Collection[str]) -> dict[str, _Touched]:
    """For each path the landings that touched it or a manifest below it.

    Found by each file's own folders, so that a thousand targets cost no more than one.
    """
    touched: dict[str, _Touched] = {path: {} for path in paths}
    for index, landing in enumerate(landings):
        for change in landing.changes:
            for path in _self_and_folders(change.path):
                found = touched.get(path)
                if found is not None and (path == change.path or is_manifest(change.path)):
                    found.setdefault(index, (landing, []))[1].append(change)
    return touched


def _merge(several: Iterable[_Touched]) -> list[tuple[Landing, list[BlobChange]]]:
    """What touched any of a target's paths, newest first."""
    merged: _Touched = {}
    for touched in several:
        for index, (landing, changes) in touched.items():
            merged.setdefault(index, (landing, []))[1].extend(changes)
    return [merged[index] for index in sorted(merged)]


def _self_and_folders(path: str) -> Iterator[str]:
    """`a/b/c.yaml`, `a/b`, `a` and the root (the empty path)."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


def _states(
    target: TargetFiles, touched: Sequence[tuple[Landing, Sequence[BlobChange]]]
) -> list[_State]:
    """The target's files after each landing that touched them, newest first."""
    states: list[_State] = []
    for landing, changes in touched:
        states.append(_State(target, landing))
        files = dict(target.files)
        for change in changes:
            if change.before is None:
                files.pop(change.path, None)
            else:
                files[change.path] = change.before
        target = target.at(files)
    return states


def _join(states: Sequence[tuple[Release | None, Landing]]) -> tuple[Period, ...]:
    """One period for neighbouring states with the same release: it began with the oldest."""
    periods: list[Period] = []
    for index, (release, landing) in enumerate(states):
        # The same to the digest: what a tag alone named then, nobody can tell now.
        if index and states[index - 1][0] == release:
            periods.pop()
        said = (landing.author, landing.message)
        periods.append(Period(release, landing.at, landing.commit, *said))
    while periods and periods[-1].release is None:
        periods.pop()  # before there was anything to run
    return tuple(periods)
