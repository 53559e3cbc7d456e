"""What a kustomize build puts in force: an overlay over its bases, components and patches.

Pure, over the files of one commit. It follows kustomize's order: resources (each directory
built by itself), components, patches, then `images:`, level by level. What can't be followed
(a remote base, a chart, a generator) is told as `unseen`, and then nothing is concluded from
an image that was not met.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from promoter.manifests.kustomization import FILES
from promoter.manifests.layers import Container, Entry, Kustomization, Layer
from promoter.model.image import ImageReference

Load = Callable[[str], Layer | None]
"""What a file contributes; None where there is no such file."""


@dataclass(frozen=True)
class InForce:
    """A container's image as the build renders it.

    `reached_as` is the name by which an entry of the root's own `images:` reaches it, `name` the
    one that is rendered; `setter` is what gave it its version last; `entry` is the root's own
    entry for it, None where it has none.
    """

    container: Container
    reached_as: str
    name: str
    tag: str | None
    digest: str | None
    setter: Container | Entry
    entry: Entry | None = None


@dataclass(frozen=True)
class Graph:
    """`files` are all that the build reads, `root` its own kustomization file; `idle` are entries
    of the root that match nothing."""

    root: str
    files: frozenset[str]
    images: tuple[InForce, ...]
    idle: tuple[Entry, ...]
    unseen: tuple[str, ...]


def kustomization_paths(directory: str) -> list[str]:
    """Where a directory's kustomization file can be, the first that exists counts."""
    return [posixpath.join(directory, name) for name in FILES]


def kustomization_file(directory: str, load: Load) -> str | None:
    """The path of a directory's kustomization file; None where it has none."""
    paths = kustomization_paths(directory)
    return next((path for path in paths if load(path) is not None), None)


def references(file: str, kustomization: Kustomization) -> list[str]:
    """The files and directories of the same tree that a kustomization builds on."""
    return [
        path
        for text in (
            *kustomization.resources,
            *kustomization.components,
            *kustomization.patches,
        )
        if (path := _inside(file, text)) is not None
    ]


def build(directory: str, load: Load) -> Graph | None:
    """What is in force in a directory; None where it is no kustomization."""
    root = kustomization_file(directory, load)
    if root is None:
        return None
    work = _Build(load)
    images, idle = work.directory(directory)
    return Graph(root, frozenset(work.files), tuple(images), tuple(idle), tuple(work.unseen))


@dataclass
class _Build:
    load: Load
    files: set[str] = field(default_factory=set)
    unseen: list[str] = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    """The directories whose build needs the present one, outermost first."""

    def directory(
        self, directory: str, images: Iterable[InForce] = ()
    ) -> tuple[list[InForce], list[Entry]]:
        """Build a directory, a component on top of `images`; gives the entries that match none."""
        file = kustomization_file(directory, self.load)
        layer = self._read(file) if file else None
        found = list(images)
        if file is None or layer is None or layer.kustomization is None or directory in self.above:
            self.unseen.append(f"{directory} can't be built here")
            return found, []
        said = layer.kustomization
        self.unseen += [f"{file} has {key}" for key in said.unseen]
        is_root = not self.above
        if is_root and not (said.resources or said.components):
            # A component, or a part that something else completes.
            self.unseen.append(f"{file} builds nothing by itself")
        self.above.append(directory)
        for text in said.resources:
            found += self._resource(file, text)
        for text in said.components:
            path = _inside(file, text)
            if path is None:
                self.unseen.append(f"{file} builds on {text}")
            else:
                found, _ = self.directory(path, found)
        self.above.pop()
        found = self._patched(file, said, found)
        idle: list[Entry] = []
        for entry in said.entries:
            reached = [_is_named(each, entry) for each in found]
            if not any(reached):
                idle.append(entry)
            found = [
                _apply(entry, each, is_root) if hit else each
                for each, hit in zip(found, reached, strict=True)
            ]
        return found, idle

    def _resource(self, file: str, text: str) -> list[InForce]:
        path = _inside(file, text)
        if path is None:
            self.unseen.append(f"{file} builds on {text}")
            return []
        layer = self._read(path)
        if layer is None:
            return self.directory(path)[0]
        return [_in_force(each) for each in layer.containers]

    def _patched(self, file: str, said: Kustomization, found: list[InForce]) -> list[InForce]:
        patches = list(said.inline)
        for text in said.patches:
            path = _inside(file, text)
            layer = self._read(path) if path else None
            if layer is None:
                self.unseen.append(f"{file} is patched by {text}")
            else:
                patches.append(layer)
        removed = {each for patch in patches for each in patch.removed}
        found = [each for each in found if not _is_removed(each.container, removed)]
        for patch in (each for several in patches for each in several.containers):
            same = [each for each in found if each.container.identity == patch.identity]
            if patch.identity is None or not same:
                found = [*found, _in_force(patch)]
                continue
            found = [_set_by(patch, each) if each in same else each for each in found]
        return found

    def _read(self, path: str) -> Layer | None:
        layer = self.load(path)
        if layer is not None:
            self.files.add(path)
            if layer.broken:
                self.unseen.append(layer.broken)
        return layer


def _is_removed(container: Container, removed: Collection[tuple[str, ...]]) -> bool:
    identity = container.identity
    return identity is not None and (identity in removed or identity[:2] in removed)


def _inside(file: str, text: str) -> str | None:
    """The path in this tree that a kustomization names; None for a remote one, or one outside."""
    if "://" in text or "?" in text or text.startswith(("git@", "github.com/", "/")):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(file), text))
    return None if path.startswith("..") else path


def _in_force(container: Container) -> InForce:
    name, tag, digest = _split(container.text)
    return InForce(container, name, name, tag, digest, container)


def _split(text: str) -> tuple[str, str | None, str | None]:
    try:
        image = ImageReference.parse(text)
    except ValueError:
        return text, None, None
    return image.name.written, image.tag, image.digest


def _set_by(patch: Container, each: InForce) -> InForce:
    name, tag, digest = _split(patch.text)
    return replace(each, reached_as=name, name=name, tag=tag, digest=digest, setter=patch)


def _is_named(each: InForce, entry: Entry) -> bool:
    # Kustomize compares the texts: `nginx` is not `docker.io/library/nginx` to it.
    return each.container.reached and each.name == entry.name


def _apply(entry: Entry, each: InForce, is_root: bool) -> InForce:
    """An entry with a tag or a digest replaces both (kustomize, `imagetag`)."""
    if entry.new_tag or entry.digest:
        each = replace(each, tag=entry.new_tag, digest=entry.digest, setter=entry)
    name = entry.new_name or each.name
    if is_root:
        return replace(each, name=name, entry=entry)
    return replace(each, name=name, reached_as=name)
