"""Manifest files by commit and blob, read once, and the sites found in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from promoter.access.recent import Recent
from promoter.manifests import find_sites, is_manifest, read_target
from promoter.model.image import ImageName
from promoter.model.ports import Repository
from promoter.model.target import Problem, Reading, Site

Found = tuple[tuple[Site, ...], tuple[Problem, ...]]

_MENTIONS = 200_000


class Library:
    """Reads of manifests, cached by blob id: a quiet repository costs no parsing."""

    def __init__(self) -> None:
        self._found: Recent[tuple[str, str, tuple[ImageName, ...]], Found] = Recent(_MENTIONS)

    def manifests(self, repository: Repository, commit: str, under: str) -> dict[str, str]:
        """Path -> blob of the manifests of a directory, or of the one file. No links."""
        return {
            entry.path: entry.blob
            for entry in repository.tree(commit).list(under)
            if is_manifest(entry.path) and entry.mode.startswith("100")
        }

    def sites(
        self,
        repository: Repository,
        wanted: Iterable[tuple[Mapping[str, str], tuple[ImageName, ...]]],
    ) -> Callable[[Mapping[str, str], tuple[ImageName, ...]], Reading]:
        """Reads every blob that is not known yet in one batch, and gives the function that makes
        a target's reading from its files (path -> blob) and the artifacts' names."""
        missing = {
            (blob, path, names)
            for files, names in wanted
            for path, blob in files.items()
            if self._found.get((blob, path, names)) is None
        }
        contents = repository.blobs({blob for blob, _, _ in missing}) if missing else {}
        fresh: dict[tuple[str, str, tuple[ImageName, ...]], Found] = {}
        for blob, path, names in missing:
            found = find_sites(path, contents[blob], names)
            fresh[blob, path, names] = self._found.put((blob, path, names), found)

        def read(files: Mapping[str, str], names: tuple[ImageName, ...]) -> Reading:
            per_file: list[Found] = []
            for path, blob in sorted(files.items()):
                key = (blob, path, names)
                found = fresh.get(key) or self._found.get(key)
                if found is None:  # fell out of the cache meanwhile
                    content = repository.blobs([blob])[blob]
                    found = self._found.put(key, find_sites(path, content, names))
                per_file.append(found)
            return read_target(per_file)

        return read
