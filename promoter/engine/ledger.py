"""The ledger, a ref of the manifest repository: one small file an image or a target.

`sightings/REGISTRY/PATH/TAGS` holds a line `TIME TAG DIGEST` for each first sight, oldest first;
`wishes/ENVIRONMENT/APPLICATION` one JSON object. What can't be read there is as if it were not
there: losing the ledger loses comfort, not correctness.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from promoter.decisions.branches import target_path
from promoter.model.image import ImageName, ImageReference, is_digest, is_tag
from promoter.model.ledger import Note, Sighting, Wish
from promoter.model.ports import CommitDraft, RefMove, Repository
from promoter.model.release import Release
from promoter.model.spell import spell_time

REF = "refs/promoter/ledger"
_WISHES = "wishes/"
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
    files = _read(repository, paths.values())
    return {name: _parse_sightings(name, files.get(path, b"")) for name, path in paths.items()}


def read_wishes(repository: Repository) -> tuple[Wish, ...]:
    """Every wish that can be read, by environment and application."""
    commit = repository.ref(REF)
    if commit is None:
        return ()
    paths = [each.path for each in repository.tree(commit).list(_WISHES.rstrip("/"))]
    wishes = (_parse_wish(data) for _, data in sorted(_read(repository, paths).items()))
    return tuple(wish for wish in wishes if wish is not None)


def draft_notes(repository: Repository, notes: Sequence[Note]) -> LedgerDraft | None:
    """The commit that adds the notes to the ledger as it was last fetched; None where it holds
    them already, so that a step that is repeated after a crash adds nothing twice."""
    sightings: dict[ImageName, list[Sighting]] = defaultdict(list)
    files: dict[str, bytes] = {}
    for note in notes:
        if isinstance(note, Sighting):
            sightings[note.name].append(note)
        else:
            files[_wish_file(note)] = _spell_wish(note)
    known = read_sightings(repository, sightings)
    for name, fresh in sightings.items():
        seen = {(each.tag, each.digest) for each in known[name]}
        added = [each for each in fresh if (each.tag, each.digest) not in seen]
        if added:
            files[_sightings_file(name)] = _spell_sightings((*known[name], *added))
    present = _read(repository, files)
    changed = {path: data for path, data in files.items() if present.get(path) != data}
    if not changed:
        return None
    expected = repository.ref(REF)
    message = f"Note {', '.join(sorted(changed))}\n" if len(changed) < 4 else "Note what was seen\n"
    return LedgerDraft(CommitDraft(expected, changed, message), expected)


def _read(repository: Repository, paths: Iterable[str]) -> Mapping[str, bytes]:
    commit = repository.ref(REF)
    return repository.tree(commit).read(paths) if commit is not None else {}


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


def _spell_sightings(sightings: Sequence[Sighting]) -> bytes:
    lines = (f"{spell_time(s.at)} {s.tag} {s.digest}\n" for s in sightings[-_MOST_SIGHTINGS:])
    return "".join(lines).encode()


def _wish_file(wish: Wish) -> str:
    return f"{_WISHES}{target_path(wish.environment, wish.application)}"


def _parse_wish(data: bytes) -> Wish | None:
    try:
        content: dict[str, Any] = json.loads(data)
        at = _parse_time(content["at"])
        artifacts = [ImageReference.parse(each) for each in content["artifacts"]]
        names = [str(content[key]) for key in ("application", "environment", "by")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if at is None or not artifacts:
        return None
    return Wish(names[0], names[1], Release.of(artifacts), at, names[2])


def _spell_wish(wish: Wish) -> bytes:
    content = {
        "application": wish.application,
        "environment": wish.environment,
        "artifacts": [each.normal for each in wish.release.artifacts],
        "at": spell_time(wish.at),
        "by": wish.by,
    }
    return f"{json.dumps(content, indent=2)}\n".encode()


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (ValueError, TypeError):
        return None
