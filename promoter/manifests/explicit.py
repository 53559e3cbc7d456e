"""Edits that a person spells out for one file: values at paths, and images by name.

No rule is needed, and the proof is the same as for every edit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from promoter.errors import InputError, Where
from promoter.manifests.changes import SetScalar
from promoter.manifests.edit import DEFAULT_PIN, RefusedEdit, edit_stream
from promoter.manifests.events import Stream, parse
from promoter.manifests.nodes import Path, steps
from promoter.manifests.sites import mentions, sites_of
from promoter.manifests.splice import splice
from promoter.manifests.trail import NoSuchPathError, Trails
from promoter.model.image import ImageReference
from promoter.model.release import Release
from promoter.model.target import Problem, Site

if TYPE_CHECKING:  # a command that edits files needs no rules, and starts faster without
    from promoter.model.rule import Pin

_BAD_ESCAPE = re.compile(r"~(?![01])")


@dataclass(frozen=True)
class Setting:
    """A value for the scalar at a JSON pointer (RFC 6901). It is text (`1.10` is quoted where that
    is needed to stay so), but `5` in place of a number is one, and `true` in place of `false`.

    `document` counts from 0; None: the only document that has the pointer.
    """

    pointer: str
    value: str
    document: int | None = None


class ImagesSet(NamedTuple):
    """What `set_images` did: the bytes, the sites as they were before they changed, and, where
    anything stood in the way and so nothing was done, the reasons."""

    content: bytes
    changed: tuple[Site, ...]
    problems: tuple[Problem, ...]


def set_values(
    path: str, content: bytes, settings: Sequence[Setting], *, shared: bool = False
) -> bytes:
    """The file with the values set; the same bytes where all stand already.

    A pointer says exactly what is meant, so that a template expression in the old value is
    replaced as well. `shared` says yes to values that other paths show too, by an alias.
    Raises InputError with file, line, column and reason, and then nothing is to be changed.
    """
    stream = parse(path, content)
    trails = Trails(stream)
    changes = []
    for setting in settings:
        place = _checked_steps(path, setting.pointer)
        document = _document(stream, trails, setting, place)
        changes.append(SetScalar(document, place, setting.value, explicit=True))
    return splice(stream, changes, shared=shared).content


def set_images(
    path: str,
    content: bytes,
    image: ImageReference,
    *,
    pin: Pin = DEFAULT_PIN,
    shared: bool = False,
) -> ImagesSet:
    """The file with every site that names the image at the reference's tag and digest.

    All sites, or none and the reasons; a digest that stands is never dropped. A file that does
    not name the image comes back as it is, without any problem.
    """
    unchanged = ImagesSet(content, (), ())
    if not mentions(content, [image.name]):
        return unchanged
    try:
        stream = parse(path, content)
    except InputError as error:
        if b"{{" in content:
            return unchanged  # a chart's template: what fills it stands elsewhere
        return ImagesSet(content, (), (Problem(error.message, error.where),))
    sites, problems = sites_of(stream, [image.name])
    if problems or not sites:
        return ImagesSet(content, (), problems)
    try:
        after = edit_stream(stream, sites, Release.of([image]), {image.name: pin}, shared=shared)
    except RefusedEdit as error:
        return ImagesSet(content, (), error.problems)
    if after is stream:
        return unchanged
    now = {(site.document, site.pointer, site.kind): site.image for site in _sites(after, image)}
    changed = tuple(
        site for site in sites if now[site.document, site.pointer, site.kind] != site.image
    )
    return ImagesSet(after.content, changed, ())


def _sites(stream: Stream, image: ImageReference) -> tuple[Site, ...]:
    return sites_of(stream, [image.name])[0]


def _checked_steps(path: str, pointer: str) -> Path:
    """The keys and indices of a JSON pointer; InputError where it is none (RFC 6901, 3)."""
    if pointer and not pointer.startswith("/"):
        why = f"'{pointer}' is no JSON pointer: it must begin with '/', as /spec/replicas does"
        raise InputError(why, where=Where(path))
    if _BAD_ESCAPE.search(pointer):
        why = f"'{pointer}' is no JSON pointer: '~' is written '~0', and '/' within a key '~1'"
        raise InputError(why, where=Where(path))
    return steps(pointer)


def _document(stream: Stream, trails: Trails, setting: Setting, place: Path) -> int:
    """The document that a setting means."""
    if setting.document is not None:
        if setting.document < 0:
            raise InputError(f"has no document {setting.document + 1}", where=stream.where(0))
        trails.follow(setting.document, place)
        return setting.document
    if not stream.documents:
        raise InputError("is empty, there is nothing to set", where=Where(stream.file))
    having: list[int] = []
    misses: list[NoSuchPathError] = []
    for number in range(len(stream.documents)):
        try:
            trails.follow(number, place)
        except NoSuchPathError as error:
            misses.append(error)
        else:
            having.append(number)
    if not having:
        raise max(misses, key=lambda error: error.depth)
    if len(having) > 1:
        numbers = ", ".join(str(number + 1) for number in having[:-1])
        why = f"documents {numbers} and {having[-1] + 1} have {setting.pointer}; say which one"
        first = trails.follow(having[0], place)[-1].node
        raise InputError(why, where=stream.where(first.start))
    return having[0]
