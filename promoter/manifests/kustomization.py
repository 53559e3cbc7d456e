"""`images:` of a kustomization: `name`, `newName`, `newTag`, `digest`.

The image in force is `newName` or `name`. Kustomize 5 joins newTag and digest as
`name:newTag@digest`; a missing key can be inserted, so both can always be written.

The same entries stand in a Flux Kustomization's `spec.images`. An Argo CD Application has them
as strings, `name=newName:newTag@digest`, in `source.kustomize.images`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from promoter.errors import InputError
from promoter.manifests.changes import Change, InsertImage, InsertKey, SetScalar
from promoter.manifests.nodes import Mapping, Path, pointer, text_of
from promoter.manifests.nodes import Sequence as List
from promoter.manifests.units import (
    Place,
    Unit,
    Unreadable,
    Version,
    bad_version,
    is_template,
    parse_name,
    shown,
    two_claims,
)
from promoter.model.image import ImageName, ImageReference, is_digest, is_tag

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
NEW_ENTRY: Path = ("images", "-")
"""RFC 6901's place after the last: an entry that is to be inserted."""
NEW_ENTRY_POINTER = pointer(NEW_ENTRY)

_KUSTOMIZE, _FLUX, _ARGO = (
    "kustomize.config.k8s.io/",
    "kustomize.toolkit.fluxcd.io/",
    "argoproj.io/",
)


def read(place: Place, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
    if place.path[-1:] == ("kustomize",) and _api(place).startswith(_ARGO):
        yield from _read_strings(place, names)
    elif _is_entry(place):
        yield from _read_entry(place, names)


def write(unit: Unit, version: Version) -> Sequence[Change]:
    document, entry, stands = unit.place.document, unit.place.mapping, unit.image
    if unit.path == NEW_ENTRY:
        return [InsertImage(document, stands.name.written, version.tag, version.digest)]
    if version.tag is None and stands.tag is not None:
        key = "newTag" if unit.path == unit.place.path else "a tag"
        raise InputError(
            f"{key} stands beside the digest of {stands.name}, and none is removed;"
            " remove it by hand, or pin tag-and-digest"
        )
    if unit.path != unit.place.path:
        return [_write_string(unit, version)]
    changes: list[Change] = []
    sibling = next(key for key in ("newTag", "newName", "name") if entry.get(key) is not None)
    for key, value in (("newTag", version.tag), ("digest", version.digest)):
        if value is None:
            continue
        if entry.get(key) is not None:
            changes.append(SetScalar(document, (*unit.path, key), value))
        else:
            changes.append(InsertKey(document, (*unit.path, sibling), key, value))
    return changes


def new_entry(file: str, document: int, root: Mapping, image: ImageReference) -> Unit:
    """The entry that overrides a base's `image`, before it is there."""
    place = Place(file, document, root, (), root)
    return Unit("kustomization", place, NEW_ENTRY, root, image, carries_digest=True)


def entries_in(root: Mapping) -> int:
    """How many entries `images:` has."""
    images = root.get("images")
    return len(images.items) if isinstance(images, List) else 0


def _read_entry(place: Place, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
    entry = place.mapping
    in_force, base = parse_name(entry.text("newName"), names), parse_name(entry.text("name"), names)
    name = in_force or base
    if name is None:
        return
    if in_force is not None and base is not None and in_force != base:
        yield Unreadable(two_claims(in_force, base), shown(entry, "newName"))
        return
    tag, digest = entry.text("newTag") or None, entry.text("digest") or None
    if in_force is None and entry.text("newName"):
        yield Unreadable(_elsewhere(name, entry.text("newName")), shown(entry, "newName"))
    elif entry.text("tagSuffix"):
        why = f"tagSuffix is added to the tag of {name}, which then names another image; drop it"
        yield Unreadable(why, shown(entry, "tagSuffix"))
    elif tag is not None and not is_tag(tag):
        yield Unreadable(bad_version("newTag", name, tag, "a tag"), shown(entry, "newTag"))
    elif digest is not None and not is_digest(digest):
        yield Unreadable(bad_version("digest", name, digest, "a digest"), shown(entry, "digest"))
    else:
        image = ImageReference(name, tag, digest)
        node = shown(entry, "newTag", "digest")
        yield Unit("kustomization", place, place.path, node, image, carries_digest=True)


def _read_strings(place: Place, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
    images = place.mapping.get("images")
    for index, node in enumerate(images.items if isinstance(images, List) else ()):
        base, right = _parts(text_of(node) or "")
        try:
            image = ImageReference.parse(right)
        except ValueError as error:
            if parse_name(base.removesuffix("="), names) or parse_name(_head(right), names):
                hint = "a template expression" if is_template(right) else "no image reference"
                why = f"the entry holds {hint}, write name=newname:tag@digest here ({error})"
                yield Unreadable(why, node)
            continue
        base_name = parse_name(base.removesuffix("="), names)
        name = parse_name(image.name.written, names) or base_name
        if name is None:
            continue
        if base_name is not None and base_name != name:
            yield Unreadable(two_claims(name, base_name), node)
            continue
        if base_name is not None and image.name not in names:
            yield Unreadable(_elsewhere(name, image.name.written), node)
            continue
        reference = ImageReference(name, image.tag, image.digest)
        path = (*place.path, "images", str(index))
        yield Unit("kustomization", place, path, node, reference, carries_digest=True)


def _elsewhere(name: ImageName, new_name: str | None) -> str:
    """A tag or a digest of one image may not be there under another name."""
    return f"{name} is rendered as {new_name} here, so that is the image to follow"


def _write_string(unit: Unit, version: Version) -> Change:
    base, right = _parts(text_of(unit.node) or "")
    reference = ImageReference.parse(right).at(version.tag, version.digest)
    return SetScalar(unit.place.document, unit.path, f"{base}{reference}")


def _parts(text: str) -> tuple[str, str]:
    """`name=` (or nothing) and the rest of an Argo CD string."""
    base, equals, right = text.partition("=")
    return (f"{base}=", right) if equals else ("", text)


def _head(text: str) -> str:
    """A name without what follows its last colon."""
    text = text.partition("@")[0]
    return text[:colon] if (colon := text.find(":", text.rfind("/") + 1)) >= 0 else text


def _is_entry(place: Place) -> bool:
    if len(place.path) == 3:
        return place.path[:2] == ("spec", "images") and _api(place).startswith(_FLUX)
    if len(place.path) != 2 or place.path[0] != "images":
        return False
    return place.file.rpartition("/")[2] in FILES or _api(place).startswith(_KUSTOMIZE)


def _api(place: Place) -> str:
    return (place.root.text("apiVersion") or "") if isinstance(place.root, Mapping) else ""
