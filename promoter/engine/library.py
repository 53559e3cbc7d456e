"""Manifest files by commit and blob, read once, and the sites found in them."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from promoter.manifests import find_sites, is_manifest, read_target
from promoter.model.image import ImageName
from promoter.model.ports import Entry, Repository
from promoter.model.target import Problem, Reading, Site

Found = tuple[tuple[Site, ...], tuple[Problem, ...]]
K = TypeVar("K")
V = TypeVar("V")

_MENTIONS = 200_000
_TREES = 64


class Recent(Generic[K, V]):
    """The last `most` values by key; thread-safe. Disposable: whatever falls out is read again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> V:
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value

    def get_or_make(self, key: K, make: Callable[[], V]) -> V:
        found = self.get(key)
        return found if found is not None else self.put(key, make())


class Library:
    """Reads of manifests, cached by blob id: a quiet repository costs no parsing."""

    def __init__(self) -> None:
        self._found: Recent[tuple[str, str, tuple[ImageName, ...]], Found] = Recent(_MENTIONS)
        self._trees: Recent[tuple[int, str], tuple[Entry, ...]] = Recent(_TREES)

    def entries(self, repository: Repository, commit: str) -> tuple[Entry, ...]:
        """All files of a commit, sorted by path."""
        return self._trees.get_or_make(
            (id(repository), commit), lambda: tuple(repository.tree(commit).list())
        )

    def manifests(self, repository: Repository, commit: str, under: str) -> dict[str, str]:
        """Path -> blob of the manifests of a directory, or of the one file. No links."""
        return {
            entry.path: entry.blob
            for entry in _below(self.entries(repository, commit), under)
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


def _below(entries: Sequence[Entry], under: str) -> Iterable[Entry]:
    """The file `under` itself, or every file below the directory; entries are sorted by path."""
    if not under:
        return entries
    start = bisect_left(entries, under, key=lambda entry: entry.path)
    if start < len(entries) and entries[start].path == under:
        return (entries[start],)
    first = bisect_left(entries, f"{under}/", key=lambda entry: entry.path)
    last = bisect_left(entries, f"{under}0", key=lambda entry: entry.path)  # "0" follows "/"
    return entries[first:last]
