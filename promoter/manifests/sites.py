"""Finds the sites in manifests, and reads a target's release from them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache

from promoter.errors import InputError
from promoter.manifests import helm, kustomization, manifest
from promoter.manifests.events import Parsed, Stream, is_utf16
from promoter.manifests.nodes import mappings, pointer
from promoter.manifests.units import Kind, Place, Unit, Unreadable
from promoter.model.image import ImageName
from promoter.model.release import Release
from promoter.model.target import Problem, Reading, Site, SiteKind

KINDS: Mapping[SiteKind, Kind] = {
    "kustomization": kustomization,
    "helm": helm,
    "manifest": manifest,
}

Key = tuple[int, str, SiteKind]
"""What tells a unit from every other one of its file."""


def is_manifest(path: str) -> bool:
    """Whether a file is read at all: `*.yaml`, `*.yml`, or a file named `Kustomization`."""
    return path.endswith((".yaml", ".yml")) or path.rpartition("/")[2] in kustomization.FILES


def find_sites(
    path: str, content: bytes, names: Collection[ImageName]
) -> tuple[tuple[Site, ...], tuple[Problem, ...]]:
    """Every site of these images in a file, in the order of the text.

    A file that names none of them is not parsed. One that does and is not YAML is a problem,
    unless it is a template (`{{`), which has no sites.
    """
    return find_sites_in(Parsed(path, content), names)


def find_sites_in(
    file: Parsed, names: Collection[ImageName]
) -> tuple[tuple[Site, ...], tuple[Problem, ...]]:
    """As `find_sites`."""
    if not mentions(file.content, names):
        return (), ()
    try:
        stream = file.stream
    except InputError as error:
        if b"{{" in file.content:
            return (), ()
        return (), (Problem(error.message, error.where),)
    return sites_of(stream, names)


def sites_of(
    stream: Stream, names: Collection[ImageName]
) -> tuple[tuple[Site, ...], tuple[Problem, ...]]:
    """As `find_sites`, of a file that is parsed already."""
    sites: list[Site] = []
    problems: list[Problem] = []
    for found in units(stream, names):
        where = stream.where(found.node.start)
        if isinstance(found, Unreadable):
            problems.append(Problem(found.why, where))
        else:
            document, place, kind = key_of_unit(found)
            sites.append(Site(where, document, place, kind, found.image, found.carries_digest))
    return tuple(sites), tuple(problems)


def read_target(found: Iterable[tuple[tuple[Site, ...], tuple[Problem, ...]]]) -> Reading:
    """What a target runs, from its files' sites.

    The release holds each image once, as fully as any site names it. A site without tag and
    digest agrees with every other; where no site of an image has a version, the release
    holds its bare name.
    """
    sites: list[Site] = []
    problems: list[Problem] = []
    for each_sites, each_problems in found:
        sites += each_sites
        problems += each_problems
    by_name: dict[ImageName, list[Site]] = {}
    for site in sites:
        by_name.setdefault(site.image.name, []).append(site)
    artifacts = []
    for name, same in by_name.items():
        versioned = [site for site in same if site.image.suffix]
        fullest = max(versioned or same, key=_fullness)
        for site in versioned:
            if not fullest.image.agrees(site.image):
                mixed = _disagreement(name, site, fullest)
                return Reading(tuple(sites), None, mixed, tuple(problems))
        artifacts.append(same[0].image.at(fullest.image.tag, fullest.image.digest))
    release = Release.of(artifacts) if artifacts else None
    return Reading(tuple(sites), release, None, tuple(problems))


def mentions(content: bytes, names: Collection[ImageName]) -> bool:
    """Whether the bytes hold the last component of any of the names, as a word of its own."""
    if is_utf16(content):
        encodings = ("utf-16-le", "utf-16-be")
        return any(name.short.encode(each) in content for name in names for each in encodings)
    # The plain search first: it is many times faster, and nearly always says no.
    return any(
        (short := name.short.encode()) in content and _word(short).search(content) is not None
        for name in names
    )


@cache
def _word(short: bytes) -> re.Pattern[bytes]:
    """The component as a name may end with it: `redis` of `bitnami/redis:7`, but not of
    `redis-master`."""
    return re.compile(rb"(?<![\w.-])" + re.escape(short) + rb"(?![\w-]|\.\w)")


def units(stream: Stream, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
    """What the kinds find in every document, in the order of the text."""
    wanted = frozenset(names)
    has_registries = "imageRegistry" in stream.text  # once a file, not once a document
    for number, document in enumerate(stream.documents):
        root = document.root
        registries = helm.global_registries(root) if has_registries else {}
        for path, mapping in mappings(root):
            place = Place(stream.file, number, root, path, mapping, registries)
            for kind in KINDS.values():
                yield from kind.read(place, wanted)


def readable(stream: Stream, names: Collection[ImageName]) -> Iterator[Unit]:
    return (unit for unit in units(stream, names) if isinstance(unit, Unit))


def key_of_unit(unit: Unit) -> Key:
    return unit.place.document, pointer(unit.path), unit.kind


def _fullness(site: Site) -> int:
    return (site.image.tag is not None) + (site.image.digest is not None)


def _disagreement(name: ImageName, one: Site, other: Site) -> str:
    first, second = sorted((one, other), key=lambda site: site.where)
    return (
        f"{name} is at {first.image.suffix.lstrip(':@')} in {first.where},"
        f" but at {second.image.suffix.lstrip(':@')} in {second.where}"
    )
