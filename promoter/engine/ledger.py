"""The ledger, a ref of the manifest repository: one small file an image or a target.

`sightings/REGISTRY/PATH/TAGS` holds a line `TIME TAG DIGEST` for each first sight, oldest first;
`wishes/ENVIRONMENT/APPLICATION` and `requests/ENVIRONMENT/APPLICATION` a JSON list each;
`statuses/ENVIRONMENT/APPLICATION` the line `HEAD STATE TEXT` that was published last,
`journeys/ENVIRONMENT/APPLICATION` a JSON list, too,
`queue/ENVIRONMENT/APPLICATION` the line `HEAD BASE` that was put into the forge's queue last;
`LISTED` a line `TIME BASE` for each base. What can't be read there is as if it were not there:
losing the ledger loses comfort, not correctness.
It is one commit without a parent, put in the place of the former one by compare-and-swap: with a
history, each fresh clone would fetch it all.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promoter.decisions.branches import target_path
from promoter.engine import ledger_journeys as journeys
from promoter.engine import ledger_requests as requests
from promoter.engine.ledger_requests import parse_time
from promoter.errors import PromoterError
from promoter.model.image import ImageName, ImageReference, is_digest, is_tag
from promoter.model.ledger import (
    Journey,
    Listed,
    Note,
    Published,
    Queued,
    RequestEnd,
    Sighting,
    Wish,
    WishEnd,
)
from promoter.model.ports import CommitDraft, MergeRequest, RefMove, Repository, Tree
from promoter.model.release import Release
from promoter.model.spell import spell_time
from promoter.model.target import Target

_log = logging.getLogger(__name__)
REF = "refs/promoter/ledger"
_SIGHTINGS = "sightings/"
_WISHES = "wishes/"
_MESSAGE = "What the bot remembers; read by machines, safe to delete\n"
_MOST_SIGHTINGS = 200
"""Lines of one image; a tag that so many newer ones followed is lower than them anyway."""


@dataclass(frozen=True)
class LedgerDraft:
    """A commit to be made, and the value that the ref is expected to have."""

    commit: CommitDraft
    expected: str | None

    def move(self, commit: str) -> RefMove:
        return RefMove(REF, self.expected, commit)


def read_sightings(
    repository: Repository, names: Iterable[ImageName]
) -> dict[ImageName, tuple[Sighting, ...]]:
    """What is known of the tags of each image, oldest first."""
    paths = {name: _sightings_file(name) for name in names}
    tree = _tree(repository)
    files = tree.read(paths.values()) if tree else {}
    return {name: _parse_sightings(name, files.get(path, b"")) for name, path in paths.items()}


def read_wishes(repository: Repository) -> tuple[Wish, ...]:
    """Every wish that can be read, by environment and application, the oldest first."""
    return tuple(w for _, data in _files(repository, _WISHES) for w in _parse_wishes(data))


def read_ended(repository: Repository, base: str) -> tuple[MergeRequest, ...]:
    """The merge requests on a base branch that are known to have ended."""
    files = _files(repository, requests.REQUESTS)
    found = (each for _, data in files for each in requests.parse_requests(data))
    return requests.put_together(each for each in found if each.base == base)


def read_published(repository: Repository) -> tuple[Published, ...]:
    """The statuses that were published last: one a branch of the bot's, and those of others."""
    return tuple(
        each
        for path, data in _files(repository, requests.STATUSES)
        for each in requests.parse_published(path, data)
    )


def read_queued(repository: Repository) -> tuple[Queued, ...]:
    """What was put into the forge's queue last, one a branch of the bot's."""
    return tuple(
        each
        for path, data in _files(repository, requests.QUEUE)
        for each in requests.parse_queued(path, data)
    )


def read_listed(repository: Repository, base: str) -> datetime | None:
    """When all ended merge requests into a base were listed; None: never, or nobody knows."""
    tree = _tree(repository)
    data = tree.read((requests.LISTED,)).get(requests.LISTED, b"") if tree else b""
    return requests.parse_listed(data).get(base)


def read_journeys(
    repository: Repository, targets: Iterable[Target]
) -> dict[Target, tuple[Journey, ...]]:
    """How releases came to each target, the oldest first."""
    paths = {each: journeys.journeys_file(each.application, each.environment) for each in targets}
    tree = _tree(repository)
    files = tree.read(paths.values()) if tree else {}
    return {
        target: tuple(journeys.parse_journeys(files.get(path, b"")))
        for target, path in paths.items()
    }


def draft_notes(repository: Repository, notes: Sequence[Note]) -> LedgerDraft | None:
    """The commit that adds the notes to the ledger as it was last fetched; None where it holds
    them already, so that a step that is repeated after a crash adds nothing twice."""
    added: dict[str, list[Note]] = defaultdict(list)
    for note in notes:
        for path, part in _files_of(note):
            added[path].append(part)
    tree = _tree(repository)
    present = tree.read(added) if tree else {}
    files = {path: _change(path, present.get(path, b""), told) for path, told in added.items()}
    changed = {path: data for path, data in files.items() if present.get(path, b"") != data}
    if not changed:
        return None
    expected = repository.ref(REF)
    return LedgerDraft(
        CommitDraft(expected if tree else None, changed, _MESSAGE, alone=True), expected
    )


def _files_of(note: Note) -> Sequence[tuple[str, Note]]:
    """Where it is kept: how a group's request ended with each of its targets."""
    if isinstance(note, RequestEnd):
        return requests.split_by_file(note)
    return ((_file_of(note), note),)


def _file_of(note: Sighting | Wish | WishEnd | Published | Queued | Listed | Journey) -> str:
    match note:
        case Sighting():
            return _sightings_file(note.name)
        case Published():
            return requests.published_file(note)
        case Queued():
            return requests.queue_file(note)
        case Listed():
            return requests.LISTED
        case Journey():
            return journeys.journeys_file(note.application, note.environment)
        case Wish() | WishEnd():
            return _wishes_file(note)


def _change(path: str, data: bytes, notes: Sequence[Any]) -> bytes:
    """The file with the notes, which are all of the kind that belongs there."""
    if path == requests.LISTED:
        return requests.add_listed(data, notes)
    folder = f"{path.partition('/')[0]}/"
    if folder == requests.STATUSES:
        return requests.add_published(path, data, notes)
    changes: dict[str, Callable[[bytes, Any], bytes]] = {
        _WISHES: _change_wishes,
        _SIGHTINGS: _add_sightings,
        requests.REQUESTS: requests.add_requests,
        requests.QUEUE: requests.add_queued,
        journeys.JOURNEYS: journeys.add_journeys,
    }
    return changes[folder](data, notes)


def _files(repository: Repository, folder: str) -> list[tuple[str, bytes]]:
    """The files of a folder by path; none where there is no ledger."""
    tree = _tree(repository)
    if tree is None:
        return []
    return sorted(tree.read(each.path for each in tree.list(folder.rstrip("/"))).items())


def _tree(repository: Repository) -> Tree | None:
    """None where there is no ledger, or the ref names something else."""
    commit = repository.ref(REF)
    if commit is None:
        return None
    try:
        tree = repository.tree(commit)
        tree.list()
    except PromoterError:
        _log.warning("%s can't be read, and is taken for empty", REF)
        return None
    return tree


def _sightings_file(name: ImageName) -> str:
    # In capitals, so that it can't be a part of another image's path.
    return f"{_SIGHTINGS}{name}/TAGS"


def _parse_sightings(name: ImageName, data: bytes) -> tuple[Sighting, ...]:
    found: list[Sighting] = []
    for line in data.decode("utf-8", "replace").splitlines():
        words = line.split(" ")
        if len(words) != 3 or not is_tag(words[1]) or not is_digest(words[2]):
            continue
        at = parse_time(words[0])
        if at is not None:
            found.append(Sighting(name, words[1], words[2], at))
    return tuple(found)


def _add_sightings(data: bytes, fresh: Sequence[Sighting]) -> bytes:
    known = _parse_sightings(fresh[0].name, data)
    seen = {(each.tag, each.digest) for each in known}
    added = {(each.tag, each.digest): each for each in fresh}
    missing = [each for key, each in added.items() if key not in seen]
    if not missing:
        return data
    kept = (*known, *missing)[-_MOST_SIGHTINGS:]
    return "".join(f"{spell_time(s.at)} {s.tag} {s.digest}\n" for s in kept).encode()


def _wishes_file(note: Wish | WishEnd) -> str:
    return f"{_WISHES}{target_path(note.environment, note.application)}"


def _change_wishes(data: bytes, notes: Sequence[Wish | WishEnd]) -> bytes:
    """The file with what was asked for, a newer wish in the place of those for the same images."""
    before = wishes = _parse_wishes(data)
    for note in notes:
        if isinstance(note, WishEnd):
            wishes = [each for each in wishes if each.release != note.release]
        elif not any((e.release, e.skips) == (note.release, note.skips) for e in wishes):
            names = note.release.names
            wishes = [*(each for each in wishes if not names & each.release.names), note]
    return data if wishes == before else _spell_wishes(wishes)


def _parse_wishes(data: bytes) -> list[Wish]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return []
    found = (_parse_wish(each) for each in content) if isinstance(content, list) else ()
    return [wish for wish in found if wish is not None]


def _parse_wish(content: Any) -> Wish | None:
    try:
        at = parse_time(content["at"])
        artifacts = [ImageReference.parse(each) for each in content["artifacts"]]
        names = [str(content[key]) for key in ("application", "environment", "by")]
        skips = tuple(str(each) for each in content.get("skips", ()))
        reason = str(content.get("reason", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if at is None or not artifacts:
        return None
    return Wish(names[0], names[1], Release.of(artifacts), at, names[2], skips, reason)


def _spell_wishes(wishes: Sequence[Wish]) -> bytes:
    content = [
        {
            "application": wish.application,
            "environment": wish.environment,
            "artifacts": [each.normal for each in wish.release.artifacts],
            "at": spell_time(wish.at),
            "by": wish.by,
            **({"skips": list(wish.skips), "reason": wish.reason} if wish.skips else {}),
        }
        for wish in wishes
    ]
    return f"{json.dumps(content, indent=2)}\n".encode()
