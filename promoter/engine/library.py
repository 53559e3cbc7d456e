"""Manifest files by commit and blob, read once, and what they say of a target."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from promoter.access.recent import Recent
from promoter.manifests import is_manifest, near_misses
from promoter.manifests.events import Parsed
from promoter.manifests.graph import kustomization_paths, references
from promoter.manifests.in_force import Found, read_in_force
from promoter.manifests.layers import Layer, read_layer, read_layer_in
from promoter.manifests.sites import find_sites_in
from promoter.model.image import ImageName
from promoter.model.ports import Repository, Tree
from promoter.model.target import Problem, Reading

_MENTIONS = 200_000
_LAYERS = 50_000

Names = tuple[ImageName, ...]
Read = Callable[["TargetFiles", Names], Reading]


@dataclass(frozen=True)
class TargetFiles:
    """The files that decide what a target runs, path -> blob: its own manifests, and what its
    kustomization builds on wherever that lies. `built` are the paths of that build."""

    path: str
    files: Mapping[str, str]
    built: frozenset[str]

    def is_own(self, path: str) -> bool:
        return not self.path or path == self.path or path.startswith(f"{self.path}/")

    def at(self, files: Mapping[str, str]) -> TargetFiles:
        """The same target at another time."""
        return TargetFiles(self.path, files, self.built)


class Library:
    """Reads of manifests, cached by blob id: a quiet repository costs no parsing."""

    def __init__(self) -> None:
        # Two batches that want the same files wait for each other, rather than parse them twice.
        self._reading = threading.Lock()
        self._found: Recent[tuple[str, str, Names], Found] = Recent(_MENTIONS)
        self._layers: Recent[tuple[str, str], Layer] = Recent(_LAYERS)

    def files(
        self,
        repository: Repository,
        commit: str,
        paths: Collection[str],
        sought: Iterable[tuple[str, Names]] = (),
    ) -> dict[str, TargetFiles]:
        """The files of every target, by its path; bases that many share are looked up once.
        `sought` is what will be read at which path: so a kustomization is parsed once for all."""
        tree = repository.tree(commit)
        below = self._builds(repository, tree, paths, sought)
        found: dict[str, TargetFiles] = {}
        for path in paths:
            own = {
                entry.path: entry.blob
                for entry in tree.list(path)
                if is_manifest(entry.path) and entry.mode.startswith("100")
            }
            built = _closure(path, below)
            found[path] = TargetFiles(path, {**built, **own}, frozenset(built))
        return found

    def _builds(
        self,
        repository: Repository,
        tree: Tree,
        paths: Collection[str],
        sought: Iterable[tuple[str, Names]],
    ) -> dict[str, tuple[dict[str, str], list[str]]]:
        """For each directory that some target builds on: its kustomization and the files that
        this names (path -> blob), and the directories that it names."""
        below: dict[str, tuple[dict[str, str], list[str]]] = {}
        wave = set(paths)
        while wave:
            here = {
                directory: {
                    name: blob
                    for name in kustomization_paths(directory)
                    if (blob := _blob(tree, name)) is not None
                }
                for directory in wave
            }
            wanted = {(blob, name) for files in here.values() for name, blob in files.items()}
            mentions = {
                (blob, name, names)
                for path, names in sought
                for name, blob in here.get(path, {}).items()
            }
            _, layers = self._read(repository, mentions, wanted)
            for directory in wave:
                below[directory] = _references(tree, directory, here[directory], layers)
            wave = {each for at in wave for each in below[at][1]} - below.keys()
        return below

    def readings(self, repository: Repository, wanted: Iterable[tuple[TargetFiles, Names]]) -> Read:
        """Reads every blob that is not known yet in one batch, and gives the function that makes
        a target's reading from its files and the artifacts' names."""
        mentions: set[tuple[str, str, Names]] = set()
        layers: set[tuple[str, str]] = set()
        for target, names in wanted:
            for path, blob in target.files.items():
                if target.is_own(path):
                    mentions.add((blob, path, names))
                if path in target.built:
                    layers.add((blob, path))
        fresh, known = self._read(repository, mentions, layers)

        def read(target: TargetFiles, names: Names) -> Reading:
            found = {
                path: fresh[blob, path, names]
                for path, blob in sorted(target.files.items())
                if target.is_own(path)
            }

            def load(path: str) -> Layer | None:
                blob = target.files.get(path) if path in target.built else None
                return known[blob, path] if blob is not None else None

            return read_in_force(target.path, found, load, names)

        return read

    def near(
        self, repository: Repository, target: TargetFiles, names: Names
    ) -> tuple[Problem, ...]:
        """What a person may have meant, in a target where nothing was found."""
        own = {path: blob for path, blob in sorted(target.files.items()) if target.is_own(path)}
        contents = repository.blobs(set(own.values()))
        return tuple(
            near for path, blob in own.items() for near in near_misses(path, contents[blob], names)
        )

    def _read(
        self,
        repository: Repository,
        mentions: Collection[tuple[str, str, Names]],
        layers: Collection[tuple[str, str]],
    ) -> tuple[dict[tuple[str, str, Names], Found], dict[tuple[str, str], Layer]]:
        """What files say, by blob and path; what is not known yet is read in one batch."""
        with self._reading:
            return self._read_alone(repository, mentions, layers)

    def _read_alone(
        self,
        repository: Repository,
        mentions: Collection[tuple[str, str, Names]],
        layers: Collection[tuple[str, str]],
    ) -> tuple[dict[tuple[str, str, Names], Found], dict[tuple[str, str], Layer]]:
        found = {key: self._found.get(key) for key in mentions}
        known = {key: self._layers.get(key) for key in layers}
        unfound = [key for key, each in found.items() if each is None]
        unknown = [key for key, each in known.items() if each is None]
        missing = {blob for blob, _, _ in unfound} | {blob for blob, _ in unknown}
        contents = repository.blobs(missing) if missing else {}
        # What is wanted for both is parsed once.
        for key in unfound:
            blob, path, names = key
            file = Parsed(path, contents[blob])
            found[key] = self._found.put(key, find_sites_in(file, names))
            if known.get((blob, path), file) is None:
                known[blob, path] = self._layers.put((blob, path), read_layer_in(file))
        for blob, path in [key for key, each in known.items() if each is None]:
            known[blob, path] = self._layers.put((blob, path), read_layer(path, contents[blob]))
        return (
            {key: each for key, each in found.items() if each is not None},
            {key: each for key, each in known.items() if each is not None},
        )


def _blob(tree: Tree, path: str) -> str | None:
    """The blob of a regular file at exactly this path."""
    found = tree.list(path)
    regular = len(found) == 1 and found[0].path == path and found[0].mode.startswith("100")
    return found[0].blob if regular else None


def _references(
    tree: Tree,
    directory: str,
    here: Mapping[str, str],
    layers: Mapping[tuple[str, str], Layer],
) -> tuple[dict[str, str], list[str]]:
    file = next((name for name in kustomization_paths(directory) if name in here), None)
    if file is None:
        return {}, []
    files, directories = {file: here[file]}, []
    said = layers[here[file], file].kustomization
    for path in references(file, said) if said else ():
        blob = _blob(tree, path)
        if blob is not None:
            files[path] = blob
        elif tree.list(path):
            directories.append(path)
    return files, directories


def _closure(path: str, below: Mapping[str, tuple[dict[str, str], list[str]]]) -> dict[str, str]:
    """Every file that the build of a directory reads."""
    files: dict[str, str] = {}
    seen, open_ends = {path}, [path]
    while open_ends:
        mine, directories = below[open_ends.pop()]
        files |= mine
        fresh = [each for each in directories if each not in seen]
        seen.update(fresh)
        open_ends += fresh
    return files
