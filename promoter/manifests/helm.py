"""Helm values, at any depth of any document: told by their shape.

- `{registry, repository, tag, digest}`: registry and digest may be missing
- `tag: "1.2@sha256:..."`: both parts in one scalar
- `repository: host/name:1.2`, where no tag key stands
- `image: host/name` beside `tag:` or `digest:`

A `global.imageRegistry` above the mapping is the registry of every name that has none of its
own, as in the charts that know it.

A chart reads `digest` only where it knows the key, so none is inserted: a digest can be
written where the key stands (also empty), or where one is part of a scalar already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from promoter.errors import InputError
from promoter.manifests.changes import Change, SetScalar
from promoter.manifests.nodes import Mapping, Node, Path, mappings
from promoter.manifests.units import (
    Place,
    Unit,
    Unreadable,
    Version,
    bad_version,
    parse_name,
    shown,
    two_claims,
)
from promoter.model.image import ImageName, ImageReference, is_digest, is_tag


def read(place: Place, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
    values = place.mapping
    key = _name_key(values)
    if key is None:
        return
    own = _own_reference(values, key)
    if own is None:
        return
    name = parse_name(_full_name(place, own), names)
    if name is None:
        return
    other = _other_claim(values, key, names)
    if other is not None and other != name:
        yield Unreadable(two_claims(name, other), shown(values, "tag", "digest", key))
        return
    tag, digest, why = _version(values, name, own)
    node = shown(values, "tag", "digest", key)
    if why is not None:
        yield Unreadable(why, node)
        return
    yield Unit(
        "helm",
        place,
        place.path,
        node,
        ImageReference(name, tag, digest),
        carries_digest=values.get("digest") is not None or digest is not None,
        carries_tag=values.get("tag") is not None or own.tag is not None,
    )


def write(unit: Unit, version: Version) -> Sequence[Change]:
    values, document = unit.place.mapping, unit.place.document
    if version.tag is None and unit.image.tag is not None:
        raise InputError(
            f"a tag stands beside the digest of {unit.image.name}, and keys are not removed;"
            " remove the tag by hand, or pin tag-and-digest"
        )
    changes: list[Change] = []
    tag, digest = version.tag, version.digest
    in_digest_key = digest if values.text("digest") or not _is_joined(values) else None
    if in_digest_key is not None:
        changes.append(SetScalar(document, (*unit.path, "digest"), in_digest_key))
    joined = digest if in_digest_key is None else None
    suffix = ImageReference(unit.image.name, tag, joined).suffix
    if values.get("tag") is not None:
        if suffix:
            changes.append(SetScalar(document, (*unit.path, "tag"), suffix.removeprefix(":")))
    elif suffix:
        key = _name_key(values) or "repository"
        own = _own_reference(values, key) or unit.image
        changes.append(SetScalar(document, (*unit.path, key), own.name.written + suffix))
    return changes


def is_split(mapping: Mapping) -> bool:
    """Whether `image` is only the name of an image whose version stands beside it."""
    if mapping.get("tag") is None and mapping.get("digest") is None:
        return False
    own = _own_reference(mapping, "image")
    return own is not None and not own.suffix


def _name_key(values: Mapping) -> str | None:
    """The key that holds the name, where the mapping has the shape; else None."""
    has_version = values.get("tag") is not None or values.get("digest") is not None
    if values.text("repository"):
        own = _own_reference(values, "repository")
        return "repository" if has_version or (own is not None and own.suffix) else None
    return "image" if is_split(values) else None


def _own_reference(values: Mapping, key: str) -> ImageReference | None:
    """What the scalar with the name says by itself, the registry left out."""
    try:
        return ImageReference.parse(values.text(key) or "")
    except ValueError:
        return None


def _full_name(place: Place, own: ImageReference) -> str:
    written = own.name.written
    registry = _global_registry(place) if not _has_registry(own) else ""
    registry = registry or (place.mapping.text("registry") or "").strip("/")
    return f"{registry}/{written}" if registry else written


def _has_registry(own: ImageReference) -> bool:
    return own.name.written.startswith(f"{own.name.registry}/")


def global_registries(root: Node) -> dict[Path, str]:
    """`global.imageRegistry` by the path of the mapping that holds `global`."""
    found: dict[Path, str] = {}
    for path, mapping in mappings(root):
        settings = mapping.get("global")
        registry = settings.text("imageRegistry") if isinstance(settings, Mapping) else None
        if registry:
            found[path] = registry.strip("/")
    return found


def _global_registry(place: Place) -> str:
    """The one of the nearest mapping around; empty: none."""
    if not place.registries:
        return ""
    around = (place.path[:depth] for depth in range(len(place.path), -1, -1))
    return next((place.registries[path] for path in around if path in place.registries), "")


def _other_claim(values: Mapping, key: str, names: Collection[ImageName]) -> ImageName | None:
    """The followed image that `image` names beside `repository`, with one version for both."""
    if key != "repository" or not is_split(values):
        return None
    own = _own_reference(values, "image")
    return parse_name(own.name.written, names) if own else None


def _is_joined(values: Mapping) -> bool:
    """Whether a digest is part of the scalar that holds the tag."""
    key = "tag" if values.get("tag") is not None else _name_key(values)
    return key is not None and "@" in (values.text(key) or "")


def _version(
    values: Mapping, name: ImageName, own: ImageReference
) -> tuple[str | None, str | None, str | None]:
    """Tag, digest, and why they can't be read (or None)."""
    key_digest = values.text("digest") or None
    text = values.text("tag") or ""
    if own.suffix and text:
        return None, None, f"{name} has a version in its name and another one beside it"
    tag, at, joined = text.partition("@")
    if own.suffix:
        tag, joined = own.tag or "", own.digest or ""
    if (tag and not is_tag(tag)) or (at and not (tag and is_digest(joined))):
        return None, None, bad_version("tag", name, text, "a tag")
    if key_digest is not None and not is_digest(key_digest):
        return None, None, bad_version("digest", name, key_digest, "a digest")
    if joined and key_digest:
        return None, None, f"{name} has two digests, one with the tag and one of its own"
    return tag or None, joined or key_digest, None
