"""`images:` of a kustomization: `name`, `newName`, `newTag`, `digest`.

The image in force is `newName` or `name`. Kustomize 5 joins newTag and digest as
`name:newTag@digest`; a missing key can be inserted, so both can always be written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from promoter.errors import InputError
from promoter.manifests.nodes import Mapping
from promoter.manifests.splice import Change, InsertKey, SetScalar
from promoter.manifests.units import (
    Place,
    Unit,
    Unreadable,
    Version,
    bad_version,
    parse_name,
    shown,
)
from promoter.model.image import ImageName, ImageReference, is_digest, is_tag

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_GROUP = "kustomize.config.k8s.io/"


def read(place: Place, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
    if len(place.path) != 2 or place.path[0] != "images" or not _is_kustomization(place):
        return
    entry = place.mapping
    # The rule may follow the name in force, or the one that the base uses.
    name = parse_name(entry.text("newName"), names) or parse_name(entry.text("name"), names)
    if name is None:
        return
    tag, digest = entry.text("newTag") or None, entry.text("digest") or None
    if tag is not None and not is_tag(tag):
        yield Unreadable(bad_version("newTag", name, tag, "a tag"), shown(entry, "newTag"))
    elif digest is not None and not is_digest(digest):
        yield Unreadable(bad_version("digest", name, digest, "a digest"), shown(entry, "digest"))
    else:
        image = ImageReference(name, tag, digest)
        node = shown(entry, "newTag", "digest")
        yield Unit("kustomization", place, place.path, node, image, carries_digest=True)


def write(unit: Unit, version: Version) -> Sequence[Change]:
    document, entry = unit.place.document, unit.place.mapping
    if version.tag is None and unit.image.tag is not None:
        raise InputError(
            f"newTag stands beside the digest of {unit.image.name}, and keys are not removed;"
            " remove newTag by hand, or pin tag-and-digest"
        )
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


def _is_kustomization(place: Place) -> bool:
    if place.file.rpartition("/")[2] in FILES:
        return True
    root = place.root
    return isinstance(root, Mapping) and (root.text("apiVersion") or "").startswith(_GROUP)
