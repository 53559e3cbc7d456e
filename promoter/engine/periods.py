"""What ran in a target, and since when, from the bytes of its sites along first-parent history.

Trailers are commentary: a squash may drop them. One pass over the history serves all targets
of a repository.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promoter.engine.library import Library
from promoter.manifests import is_manifest
from promoter.model.facts import Period, PeriodsOf
from promoter.model.image import ImageName
from promoter.model.ports import BlobChange, Landing, Repository
from promoter.model.release import Release

_MOST_PATHS = 32


@dataclass(frozen=True)
class _State:
    """A target's manifests (path -> blob) as `landing` left them."""

    files: dict[str, str]
    landing: Landing


def read_periods(
    repository: Repository,
    library: Library,
    commit: str,
    questions: Sequence[PeriodsOf],
    now: datetime,
) -> dict[PeriodsOf, tuple[Period, ...]]:
    """The periods of several targets at one commit, newest first."""
    paths = {question.target.path for question in questions}
    landings = _in_order(repository.landings(commit, _widen(paths)), now)
    touched = _by_target(landings, paths)
    states = {
        question: _states(
            library.manifests(repository, commit, question.target.path),
            touched[question.target.path],
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


def _by_target(
    landings: Iterable[Landing], paths: Collection[str]
) -> dict[str, list[tuple[Landing, list[BlobChange]]]]:
    """For each target path the landings that touched its manifests, newest first.

    Found by each file's own folders, so that a thousand targets cost no more than one.
    """
    touched: dict[str, list[tuple[Landing, list[BlobChange]]]] = {path: [] for path in paths}
    for landing in landings:
        for change in landing.changes:
            if not is_manifest(change.path):
                continue
            for path in _self_and_folders(change.path):
                found = touched.get(path)
                if found is None:
                    continue
                if not found or found[-1][0] is not landing:
                    found.append((landing, []))
                found[-1][1].append(change)
    return touched


def _self_and_folders(path: str) -> Iterator[str]:
    """`a/b/c.yaml`, `a/b`, `a` and the root (the empty path)."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


def _states(
    files: dict[str, str], touched: Sequence[tuple[Landing, Sequence[BlobChange]]]
) -> list[_State]:
    """The target's manifests after each landing that touched them, newest first."""
    states: list[_State] = []
    for landing, changes in touched:
        states.append(_State(files, landing))
        files = dict(files)
        for change in changes:
            if change.before is None:
                files.pop(change.path, None)
            else:
                files[change.path] = change.before
    return states


def _join(states: Sequence[tuple[Release | None, Landing]]) -> tuple[Period, ...]:
    """One period for neighbouring states with the same release: it began with the oldest."""
    periods: list[Period] = []
    for index, (release, landing) in enumerate(states):
        # The same to the digest: what a tag alone named then, nobody can tell now.
        if index and states[index - 1][0] == release:
            periods[-1] = Period(release, landing.at, landing.commit)
        else:
            periods.append(Period(release, landing.at, landing.commit))
    while periods and periods[-1].release is None:
        periods.pop()  # before there was anything to run
    return tuple(periods)
