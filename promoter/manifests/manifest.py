"""A plain `image: name:tag@digest`, at any depth of any document.

Kubernetes workloads, custom resources and Helm values alike; the whole reference is one scalar.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from promoter.manifests.changes import Change, SetScalar
from promoter.manifests.helm import is_split
from promoter.manifests.nodes import Mapping
from promoter.manifests.units import Place, Unit, Unreadable, Version, is_template, parse_name
from promoter.model.image import ImageName, ImageReference

_VERSION_KEYS = ("imageTag", "imageVersion", "version")
_FLUX_IMAGES = "image.toolkit.fluxcd.io/"


def read(place: Place, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
    node = place.mapping.get("image")
    text = place.mapping.text("image")
    if node is None or not text or is_split(place.mapping):
        return
    try:
        image = ImageReference.parse(text)
    except ValueError as error:
        # `{{` is a chart's template: what it is filled with stands elsewhere.
        if "{{" not in text and _named(text, names):
            hint = "a template expression" if is_template(text) else "not an image reference"
            yield Unreadable(f"image is {hint}, write name:tag@digest here ({error})", node)
        return
    if image.name in names and (image.suffix or not _is_only_a_name(place)):
        path = (*place.path, "image")
        yield Unit("manifest", place, path, node, image, carries_digest=True)


def write(unit: Unit, version: Version) -> Sequence[Change]:
    reference = unit.image.at(version.tag, version.digest)
    return [SetScalar(unit.place.document, unit.path, str(reference))]


def _is_only_a_name(place: Place) -> bool:
    """Whether the version stands beside it under another key, or belongs nowhere (a Flux
    ImageRepository)."""
    root = place.root
    api = (root.text("apiVersion") or "") if isinstance(root, Mapping) else ""
    return api.startswith(_FLUX_IMAGES) or any(place.mapping.text(key) for key in _VERSION_KEYS)


def _named(text: str, names: Collection[ImageName]) -> bool:
    """Whether a text that is no reference still begins with a name that is looked for."""
    head = text.partition("@")[0].partition("$")[0]
    colon = head.find(":", head.rfind("/") + 1)
    if colon < 0 and "@" not in text:
        return False  # `name${SUFFIX}` may become any other name
    return parse_name(head[:colon] if colon >= 0 else head, names) is not None
