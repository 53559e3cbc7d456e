"""A plain `image: name:tag@digest`, at any depth of any document.

Kubernetes workloads, custom resources and Helm values alike; the whole reference is one scalar.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from promoter.manifests.changes import Change, SetScalar
from promoter.manifests.helm import is_split
from promoter.manifests.units import Place, Unit, Unreadable, Version, is_template, parse_name
from promoter.model.image import ImageName, ImageReference


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
    if image.name in names:
        path = (*place.path, "image")
        yield Unit("manifest", place, path, node, image, carries_digest=True)


def write(unit: Unit, version: Version) -> Sequence[Change]:
    reference = unit.image.at(version.tag, version.digest)
    return [SetScalar(unit.place.document, unit.path, str(reference))]


def _named(text: str, names: Collection[ImageName]) -> bool:
    """Whether a text that is no reference still begins with a name that is looked for."""
    head = text.partition("@")[0].partition("$")[0]
    colon = head.find(":", head.rfind("/") + 1)
    if colon < 0 and "@" not in text:
        return False  # `name${SUFFIX}` may become any other name
    return parse_name(head[:colon] if colon >= 0 else head, names) is not None
