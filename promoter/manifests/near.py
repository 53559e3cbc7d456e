"""Near misses: places that name almost the image that is looked for.

For a person who asks why nothing was found: the same last component under another registry or
path, a name with nothing beside it that could hold a version, a name that is filled in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from promoter.errors import InputError
from promoter.manifests.events import parse
from promoter.manifests.nodes import Mapping, Node, Path, mappings
from promoter.manifests.sites import mentions, units
from promoter.manifests.units import Unreadable
from promoter.model.image import ImageName, ImageReference
from promoter.model.target import Problem

_KEYS = ("image", "repository", "newName")


def near_misses(path: str, content: bytes, names: Collection[ImageName]) -> tuple[Problem, ...]:
    """One note for each place in the file, in the order of the text.

    What `find_sites` finds or reports is left out; so is a file that can't be parsed.
    """
    if not mentions(content, names):
        return ()
    try:
        stream = parse(path, content)
    except InputError:
        return ()
    told: set[tuple[int, Path]] = set()
    seen: set[int] = set()
    for found in units(stream, names):
        if isinstance(found, Unreadable):
            seen.add(found.node.start)
        else:
            told.add((found.place.document, found.place.path))
    notes: list[Problem] = []
    for number, document in enumerate(stream.documents):
        for place, mapping in mappings(document.root):
            if (number, place) in told:
                continue
            for node, why in _notes(mapping, place, names):
                if node.start not in seen:
                    notes.append(Problem(why, stream.where(node.start)))
    return tuple(notes)


def _notes(
    mapping: Mapping, place: Path, names: Collection[ImageName]
) -> Iterator[tuple[Node, str]]:
    keys = (*_KEYS, "name") if "images" in place[-2:-1] else _KEYS
    for key in keys:
        node, text = mapping.get(key), mapping.text(key)
        if node is None or not text:
            continue
        for name in names:
            if _last_component(text) == name.short:
                yield node, _difference(mapping, key, text, name)
                break


def _last_component(text: str) -> str:
    last = text.partition("@")[0].rpartition("/")[2]
    return last.partition(":")[0]


def _difference(mapping: Mapping, key: str, text: str, name: ImageName) -> str:
    registry = mapping.text("registry") if key == "repository" else None
    try:
        full = ImageReference.parse(f"{registry.strip('/')}/{text}" if registry else text).name
    except ValueError:
        return f"{key} {text!r} ends like {name}, but is no image name as it stands"
    if full == name:
        return f"{key} names {name}, but nothing beside it holds a tag or a digest"
    what = "registry" if full.path == name.path else "path"
    return f"{key} names {full}, not {name}: another {what}"
