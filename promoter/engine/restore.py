"""The bytes that a target had when it ran an earlier release."""

from __future__ import annotations

from promoter.engine.library import Library, TargetFiles
from promoter.manifests import edit_target
from promoter.model.facts import RestoreOf
from promoter.model.ports import Repository
from promoter.model.target import Edit, FileChange, Site


def restore(repository: Repository, library: Library, asked: RestoreOf) -> Edit | None:
    """What `RestoreOf` asks for. That nothing but promotions changed the files since is proved by
    making the promotion again: the files of then, edited to what runs now, are those of now."""
    names = tuple(name for name, _ in asked.pins)
    now = _files(repository, library, asked.commit, asked)
    then = _files(repository, library, asked.at, asked)
    if _foreign(now) != _foreign(then):
        return None  # what it builds on is another by now
    read = library.readings(repository, [(now, names), (then, names)])
    here, there = read(now, names), read(then, names)
    if there.problems or there.release != asked.release:
        return None
    before, after = _contents(repository, now, here.sites), _contents(repository, then, there.sites)
    if before.keys() != after.keys():
        return None
    forth = edit_target(after, there.sites, asked.running, dict(asked.pins))
    if forth.refused or {**after, **{e.path: e.after for e in forth.changes}} != before:
        return None
    paths = [path for path in sorted(before) if before[path] != after[path]]
    return Edit(tuple(FileChange(path, before[path], after[path]) for path in paths))


def _files(repository: Repository, library: Library, commit: str, asked: RestoreOf) -> TargetFiles:
    path = asked.target.path
    return library.files(repository, commit, {path})[path]


def _foreign(files: TargetFiles) -> dict[str, str]:
    """The files that others may share, by blob."""
    return {path: blob for path, blob in files.files.items() if not files.is_own(path)}


def _contents(
    repository: Repository, files: TargetFiles, sites: tuple[Site, ...]
) -> dict[str, bytes]:
    paths = {site.where.file for site in sites}
    blobs = repository.blobs({files.files[path] for path in paths})
    return {path: blobs[files.files[path]] for path in paths}
