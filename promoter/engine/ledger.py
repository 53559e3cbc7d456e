"""The ledger, a ref of the manifest repository: one small file an image or a target.

`sightings/REGISTRY/PATH/TAGS` holds a line `TIME TAG DIGEST` for each first sight, oldest first;
`wishes/ENVIRONMENT/APPLICATION` and `requests/ENVIRONMENT/APPLICATION` a JSON list each;
`statuses/ENVIRONMENT/APPLICATION` the line `HEAD STATE TEXT` that was published last. What can't
be read there is as if it were not there: losing the ledger loses comfort, not correctness.
It is one commit without a parent, put in the place of the former one by compare-and-swap: with a
history, each fresh clone would fetch it all.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import UnionType
from typing import Any

from promoter.decisions.branches import PREFIX, target_path
from promoter.errors import PromoterError
from promoter.model.image import ImageName, ImageReference, is_digest, is_tag
from promoter.model.ledger import Note, Published, RequestEnd, Sighting, Wish, WishEnd
from promoter.model.ports import CheckState, CommitDraft, MergeRequest, RefMove, Repository, Tree
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.spell import spell_time

_log = logging.getLogger(__name__)
REF = "refs/promoter/ledger"
_WISHES = "wishes/"
_REQUESTS = "requests/"
_STATUSES = "statuses/"
_OF_OTHERS = f"{_STATUSES}OTHERS"  # in capitals, so that it is no environment
_MOST_STATUSES = 500
"""Lines of those that are not the bot's; an older one still open is told the same again."""
_MOST_REQUESTS = 50
"""Ended ones of one target; what so many newer ones followed is not offered again."""
_KINDS: dict[str, type | UnionType] = {
    **dict.fromkeys(("state", "branch", "base", "head", "title", "url"), str),
    **dict.fromkeys(("number", "approvals"), int),
    "closed_by": str | None,
    "closed_by_bot": bool,
}
_TOLD = tuple(_KINDS)
_CHECK_STATES: dict[str, CheckState] = {
    "success": "success",
    "pending": "pending",
    "failure": "failure",
}
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
    tree = _tree(repository)
    if tree is None:
        return ()
    files = tree.read(each.path for each in tree.list(_WISHES.rstrip("/")))
    return tuple(wish for _, data in sorted(files.items()) for wish in _parse_wishes(data))


def read_ended(repository: Repository, base: str) -> tuple[MergeRequest, ...]:
    """The merge requests on a base branch that are known to have ended."""
    tree = _tree(repository)
    if tree is None:
        return ()
    files = tree.read(each.path for each in tree.list(_REQUESTS.rstrip("/")))
    found = (each for _, data in sorted(files.items()) for each in _parse_requests(data))
    return tuple(each for each in found if each.base == base)


def read_published(repository: Repository) -> tuple[Published, ...]:
    """The statuses that were published last: one a branch of the bot's, and those of others."""
    tree = _tree(repository)
    if tree is None:
        return ()
    files = tree.read(each.path for each in tree.list(_STATUSES.rstrip("/")))
    return tuple(
        each for path, data in sorted(files.items()) for each in _parse_published(path, data)
    )


def draft_notes(repository: Repository, notes: Sequence[Note]) -> LedgerDraft | None:
    """The commit that adds the notes to the ledger as it was last fetched; None where it holds
    them already, so that a step that is repeated after a crash adds nothing twice."""
    sightings: dict[ImageName, list[Sighting]] = defaultdict(list)
    wishes: dict[str, list[Wish | WishEnd]] = defaultdict(list)
    requests: dict[str, list[MergeRequest]] = defaultdict(list)
    published: dict[str, list[Published]] = defaultdict(list)
    for note in notes:
        if isinstance(note, Sighting):
            sightings[note.name].append(note)
        elif isinstance(note, Published):
            published[_published_file(note)].append(note)
        elif isinstance(note, RequestEnd):
            record = Record.parse(note.request.body)
            if record is not None:
                path = f"{_REQUESTS}{target_path(record.environment, record.application)}"
                requests[path].append(note.request)
        else:
            wishes[_wishes_file(note)].append(note)
    tree = _tree(repository)
    paths = [*wishes, *requests, *published, *(_sightings_file(name) for name in sightings)]
    present = tree.read(paths) if tree else {}
    files = {path: _change_wishes(present.get(path, b""), told) for path, told in wishes.items()}
    for path, ended in requests.items():
        files[path] = _add_requests(present.get(path, b""), ended)
    for path, said in published.items():
        files[path] = _add_published(path, present.get(path, b""), said)
    for name, fresh in sightings.items():
        path = _sightings_file(name)
        files[path] = _add_sightings(name, present.get(path, b""), fresh)
    changed = {path: data for path, data in files.items() if present.get(path, b"") != data}
    if not changed:
        return None
    expected = repository.ref(REF)
    return LedgerDraft(
        CommitDraft(expected if tree else None, changed, _MESSAGE, alone=True), expected
    )


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
    return f"sightings/{name}/TAGS"


def _parse_sightings(name: ImageName, data: bytes) -> tuple[Sighting, ...]:
    found: list[Sighting] = []
    for line in data.decode("utf-8", "replace").splitlines():
        words = line.split(" ")
        if len(words) != 3 or not is_tag(words[1]) or not is_digest(words[2]):
            continue
        at = _parse_time(words[0])
        if at is not None:
            found.append(Sighting(name, words[1], words[2], at))
    return tuple(found)


def _add_sightings(name: ImageName, data: bytes, fresh: Sequence[Sighting]) -> bytes:
    known = _parse_sightings(name, data)
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
        elif not any(each.release == note.release for each in wishes):
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
        at = _parse_time(content["at"])
        artifacts = [ImageReference.parse(each) for each in content["artifacts"]]
        names = [str(content[key]) for key in ("application", "environment", "by")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if at is None or not artifacts:
        return None
    return Wish(names[0], names[1], Release.of(artifacts), at, names[2])


def _spell_wishes(wishes: Sequence[Wish]) -> bytes:
    content = [
        {
            "application": wish.application,
            "environment": wish.environment,
            "artifacts": [each.normal for each in wish.release.artifacts],
            "at": spell_time(wish.at),
            "by": wish.by,
        }
        for wish in wishes
    ]
    return f"{json.dumps(content, indent=2)}\n".encode()


def _add_requests(data: bytes, ended: Sequence[MergeRequest]) -> bytes:
    known = {each.number: each for each in (*_parse_requests(data), *ended)}
    kept = sorted(known.items())[-_MOST_REQUESTS:]
    content = [
        {
            **{key: getattr(each, key) for key in _TOLD},
            "record": list(record.trailers()) if (record := Record.parse(each.body)) else [],
            "ended_at": spell_time(each.ended_at) if each.ended_at else None,
        }
        for _, each in kept
    ]
    return f"{json.dumps(content, indent=2)}\n".encode()


def _parse_requests(data: bytes) -> list[MergeRequest]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return []
    found = (_parse_request(each) for each in content) if isinstance(content, list) else ()
    return [request for request in found if request is not None]


def _parse_request(content: Any) -> MergeRequest | None:
    try:
        told = {key: content[key] for key in _TOLD}
        body = "\n".join(content["record"])
        ended_at = _parse_time(content["ended_at"]) if content["ended_at"] else None
    except (KeyError, TypeError):
        return None
    # Written by somebody else, or cut: as if it were not there.
    if any(not isinstance(told[key], kind) for key, kind in _KINDS.items()):
        return None
    if told["state"] not in ("merged", "closed"):
        return None
    return MergeRequest(**told, body=body, ended_at=ended_at, kept=True)


def _published_file(note: Published) -> str:
    return f"{_STATUSES}{note.branch.removeprefix(PREFIX)}" if note.branch else _OF_OTHERS


def _add_published(path: str, data: bytes, said: Sequence[Published]) -> bytes:
    """Of a branch of the bot's the last one; of all others as many as there is room for."""
    if path != _OF_OTHERS:
        kept = list(said[-1:])
    else:
        known = {each.head: each for each in (*_parse_published(path, data), *said)}
        kept = list(known.values())[-_MOST_STATUSES:]
    return "".join(f"{each.head} {each.state} {each.text}\n" for each in kept).encode()


def _parse_published(path: str, data: bytes) -> list[Published]:
    branch = "" if path == _OF_OTHERS else f"{PREFIX}{path.removeprefix(_STATUSES)}"
    found: list[Published] = []
    for line in data.decode("utf-8", "replace").splitlines():
        head, _, rest = line.partition(" ")
        word, _, text = rest.partition(" ")
        state = _CHECK_STATES.get(word)
        if state is not None:
            found.append(Published(branch, head, state, text))
    return found


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (ValueError, TypeError):
        return None
