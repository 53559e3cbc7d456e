"""What one file contributes to a kustomize build: containers, and what a kustomization says.

Independent of what is looked for, so that it is read once for each version of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from promoter.errors import InputError, Where
from promoter.manifests.events import Parsed, Stream, parse
from promoter.manifests.kustomization import FILES
from promoter.manifests.nodes import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    mappings,
    pointer,
    text_of,
)

_REACHED = ("containers", "initContainers")
"""The lists that kustomize's `images:` looks into, at any depth of any kind."""

_DELETE = b"$patch"

_UNSEEN = (
    "helmCharts",
    "helmChartInflationGenerator",
    "generators",
    "transformers",
    "configurations",
    "crds",
    "replacements",
    "vars",
)
"""Keys of a kustomization that can bring images, or change them, in ways that are not read here."""


@dataclass(frozen=True, slots=True)
class Container:
    """An `image:` in a resource or a patch. `identity` is the kind, the name of the resource and
    of the container, None where one of them is missing; `reached`: kustomize's `images:` can
    change it; `editable`: it stands in a file of its own."""

    file: str
    document: int
    pointer: str
    where: Where
    text: str
    identity: tuple[str, str, str] | None
    reached: bool
    editable: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of `images:`, as written."""

    file: str
    document: int
    pointer: str
    where: Where
    name: str
    new_name: str | None
    new_tag: str | None
    digest: str | None


@dataclass(frozen=True)
class Kustomization:
    """`resources` (with the old `bases`), `components` and `patches` are paths as written;
    `inline` is what patches within the file say; `unseen` are the keys that hide images."""

    file: str
    resources: tuple[str, ...]
    components: tuple[str, ...]
    patches: tuple[str, ...]
    inline: tuple[Layer, ...]
    entries: tuple[Entry, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """`removed` are the kind and name of resources (and the name of a container) that a patch
    deletes. `broken` says why the file can't be read; then it contributes nothing that is known."""

    containers: tuple[Container, ...] = ()
    removed: tuple[tuple[str, ...], ...] = ()
    kustomization: Kustomization | None = None
    broken: str | None = None


def read_layer(path: str, content: bytes) -> Layer:
    """What a file contributes. Never raises: a build goes on around a file that can't be read."""
    return read_layer_in(Parsed(path, content))


def read_layer_in(file: Parsed) -> Layer:
    """As `read_layer`."""
    path, content = file.file, file.content
    is_kustomization = path.rpartition("/")[2] in FILES
    if not is_kustomization and b"image" not in content and _DELETE not in content:
        return Layer()
    try:
        stream = file.stream
    except InputError as error:
        return Layer(broken=str(error))
    if not is_kustomization:
        return Layer(tuple(_containers(stream)), tuple(_removed(stream)))
    root = stream.documents[0].root if stream.documents else None
    if not isinstance(root, Mapping):
        return Layer(kustomization=Kustomization(path, (), (), (), (), (), ()))
    return Layer(kustomization=_kustomization(stream, root))


def _kustomization(stream: Stream, root: Mapping) -> Kustomization:
    patches: list[str] = []
    inline: list[Layer] = []
    for text in _patch_texts(root):
        if "\n" in text or ":" in text:
            inline.append(_inline(stream, root, text))
        else:
            patches.append(text)
    return Kustomization(
        stream.file,
        (*_texts(root.get("resources")), *_texts(root.get("bases"))),
        tuple(_texts(root.get("components"))),
        tuple(patches),
        tuple(inline),
        tuple(_entries(stream, root)),
        tuple(key for key in _UNSEEN if root.get(key) is not None),
    )


def _texts(node: Node | None) -> Iterator[str]:
    if isinstance(node, Sequence):
        yield from (text for item in node.items if (text := text_of(item)))


def _patch_texts(root: Mapping) -> Iterator[str]:
    """Paths and texts of all patches: a path has no line break and no colon."""
    yield from _texts(root.get("patchesStrategicMerge"))
    for key in ("patches", "patchesJson6902"):
        listed = root.get(key)
        for item in listed.items if isinstance(listed, Sequence) else ():
            if isinstance(item, Mapping):
                yield from (text for each in ("path", "patch") if (text := item.text(each)))


def _inline(stream: Stream, root: Mapping, text: str) -> Layer:
    """What a patch within the kustomization says; its images can't be edited there."""
    where = stream.where(root.start)
    try:
        patch = parse(stream.file, text.encode())
    except InputError as error:
        return Layer(broken=str(error))
    nowhere = Container(stream.file, 0, "", where, "", None, reached=True, editable=False)
    found = [
        replace(nowhere, text=each.text, identity=each.identity, reached=each.reached)
        for each in _containers(patch)
    ]
    for document in patch.documents:
        for _, operation in mappings(document.root):
            value = operation.text("value")
            if (operation.text("path") or "").endswith("/image") and value:
                found.append(replace(nowhere, text=value))
    return Layer(tuple(found), tuple(_removed(patch)))


def _removed(stream: Stream) -> Iterator[tuple[str, ...]]:
    """What strategic merge patches delete: a whole resource, or one container of it."""
    for document in stream.documents:
        for path, mapping in mappings(document.root):
            if mapping.text("$patch") != "delete":
                continue
            if not path:
                metadata = mapping.get("metadata")
                name = metadata.text("name") if isinstance(metadata, Mapping) else None
                kind = mapping.text("kind")
                if kind and name:
                    yield kind, name
            elif identity := _identity(document.root, path, mapping):
                yield identity


def _entries(stream: Stream, root: Mapping) -> Iterator[Entry]:
    images = root.get("images")
    for index, item in enumerate(images.items if isinstance(images, Sequence) else ()):
        if isinstance(item, Mapping) and (name := item.text("name")):
            yield Entry(
                stream.file,
                0,
                f"/images/{index}",
                stream.where(item.start),
                name,
                item.text("newName"),
                item.text("newTag"),
                item.text("digest"),
            )


def _containers(stream: Stream) -> Iterator[Container]:
    for number, document in enumerate(stream.documents):
        for path, mapping in mappings(document.root):
            image = mapping.get("image")
            if not isinstance(image, Scalar) or not image.value:
                continue
            place = (*path, "image")
            # A chart's values have mappings of that name, which kustomize does not look into.
            reached = len(path) > 1 and path[-2] in _REACHED and path[-1].isdecimal()
            identity = _identity(document.root, path, mapping) if reached else None
            where = stream.where(image.start)
            yield Container(
                stream.file, number, pointer(place), where, image.value, identity, reached
            )


def _identity(root: Node, path: Path, container: Mapping) -> tuple[str, str, str] | None:
    """Kind and name of the resource, which may be an item of a List, and the container's name."""
    resource = root
    if isinstance(root, Mapping) and path[:1] == ("items",):
        listed = root.get("items")
        if isinstance(listed, Sequence):
            resource = listed.items[int(path[1])]
    if not isinstance(resource, Mapping):
        return None
    metadata = resource.get("metadata")
    parts = (
        resource.text("kind"),
        metadata.text("name") if isinstance(metadata, Mapping) else None,
        container.text("name"),
    )
    kind, name, own = parts
    return (kind, name, own) if kind and name and own else None
