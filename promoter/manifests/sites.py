"""Finds the sites in manifests, reads a target's release from them, and edits them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from promoter.errors import InputError, Where
from promoter.manifests import helm, kustomization, manifest
from promoter.manifests.events import Stream, is_utf16, parse
from promoter.manifests.nodes import mappings, pointer
from promoter.manifests.pinning import version_for
from promoter.manifests.splice import Change, splice
from promoter.manifests.units import Kind, Place, Unit, Unreadable, Version
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release
from promoter.model.rule import Pin
from promoter.model.target import Edit, FileChange, Problem, Reading, Site, SiteKind

KINDS: Mapping[SiteKind, Kind] = {
    "kustomization": kustomization,
    "helm": helm,
    "manifest": manifest,
}

_Key = tuple[int, str, SiteKind]
_DEFAULT_PIN: Pin = "tag-and-digest"


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
    if not _mentions(content, names):
        return (), ()
    try:
        stream = parse(path, content)
    except InputError as error:
        if b"{{" in content:
            return (), ()
        return (), (Problem(error.message, error.where),)
    sites: list[Site] = []
    problems: list[Problem] = []
    for found in _units(stream, names):
        where = stream.where(found.node.start)
        if isinstance(found, Unreadable):
            problems.append(Problem(found.why, where))
        else:
            document, place, kind = _key(found)
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


def edit_target(
    files: Mapping[str, bytes],
    sites: Sequence[Site],
    release: Release,
    pins: Mapping[ImageName, Pin],
) -> Edit:
    """The bytes that bring these sites to a release: all of them, or none and the reasons.

    `files` holds at least every file that a site is in. Sites of images that the release
    does not hold stay as they are; an image without a pin is written with tag and digest.
    """
    by_file: dict[str, list[Site]] = {}
    for site in sites:
        if release.get(site.image.name) is not None:
            by_file.setdefault(site.where.file, []).append(site)
    changes: list[FileChange] = []
    refused: list[Problem] = []
    for path, same in by_file.items():
        if path not in files:
            refused.append(Problem("is not there any more; look again", Where(path)))
            continue
        try:
            after = _edit_file(path, files[path], same, release, pins)
        except _Refused as error:
            refused += error.problems
        else:
            if after != files[path]:
                changes.append(FileChange(path, files[path], after))
    return Edit((), tuple(refused)) if refused else Edit(tuple(changes))


class _Refused(Exception):  # noqa: N818 - carries problems from one file, never seen outside
    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


def _edit_file(
    path: str,
    content: bytes,
    sites: Sequence[Site],
    release: Release,
    pins: Mapping[ImageName, Pin],
) -> bytes:
    """The file's bytes after the edit; raises _Refused with every reason."""
    try:
        before = parse(path, content)
    except InputError as error:
        raise _Refused([Problem(error.message, error.where)]) from None
    names = {site.image.name for site in sites}
    units: dict[_Key, list[Unit]] = {}
    for unit in _readable(before, names):
        units.setdefault(_key(unit), []).append(unit)
    changes: dict[Site, Sequence[Change]] = {}
    wanted: dict[_Key, ImageReference] = {}
    problems: list[Problem] = []
    for site in sites:
        # Two units share a path only where a key stands twice, which `splice` refuses.
        same = units.get((site.document, site.pointer, site.kind), [])
        if site.image not in [unit.image for unit in same]:
            problems.append(Problem(f"{site.image} is not here any more; look again", site.where))
            continue
        try:
            version, changes[site] = _changes(same[-1], release, pins)
        except InputError as error:
            problems.append(Problem(error.message, error.where or site.where))
        else:
            wanted[_key(same[-1])] = same[-1].image.at(version.tag, version.digest)
    if problems:
        raise _Refused([*problems, *_refusals(before, changes)])
    after = _splice_all(before, changes)
    _check_reading(before, after, names, wanted)
    return after.content


def _changes(
    unit: Unit, release: Release, pins: Mapping[ImageName, Pin]
) -> tuple[Version, Sequence[Change]]:
    artifact = release.get(unit.image.name)
    if artifact is None:
        raise InputError(f"the release does not hold {unit.image.name}")
    version = version_for(unit, artifact, pins.get(artifact.name, _DEFAULT_PIN))
    return version, KINDS[unit.kind].write(unit, version)


def _splice_all(before: Stream, changes: Mapping[Site, Sequence[Change]]) -> Stream:
    try:
        return splice(before, chain.from_iterable(changes.values()))
    except InputError as error:
        # One by one, so that every reason is told and not only the first.
        problems = _refusals(before, changes) or [Problem(error.message, error.where)]
        raise _Refused(problems) from None


def _refusals(before: Stream, changes: Mapping[Site, Sequence[Change]]) -> list[Problem]:
    problems = []
    for site, made in changes.items():
        try:
            splice(before, made)
        except InputError as error:
            problems.append(Problem(error.message, error.where or site.where))
    return problems


def _check_reading(
    before: Stream,
    after: Stream,
    names: Collection[ImageName],
    wanted: Mapping[_Key, ImageReference],
) -> None:
    """What is written must read as what was meant, and every other site as before."""
    expected = {**{_key(unit): unit.image for unit in _readable(before, names)}, **wanted}
    read = {_key(unit): unit.image for unit in _readable(after, names)}
    for key, image in expected.items():
        if read.get(key) != image:
            why = f"{image} would not read back as written at {key[1]}; edit it by hand"
            raise _Refused([Problem(why, Where(after.file))])


def _mentions(content: bytes, names: Collection[ImageName]) -> bool:
    """Whether the bytes hold the last component of any of the names."""
    encodings = ("utf-16-le", "utf-16-be") if is_utf16(content) else ("utf-8",)
    return any(name.short.encode(encoding) in content for name in names for encoding in encodings)


def _units(stream: Stream, names: Collection[ImageName]) -> Iterator[Unit | Unreadable]:
    wanted = frozenset(names)
    for number, document in enumerate(stream.documents):
        for path, mapping in mappings(document.root):
            place = Place(stream.file, number, document.root, path, mapping)
            for kind in KINDS.values():
                yield from kind.read(place, wanted)


def _readable(stream: Stream, names: Collection[ImageName]) -> Iterator[Unit]:
    return (unit for unit in _units(stream, names) if isinstance(unit, Unit))


def _key(unit: Unit) -> _Key:
    return unit.place.document, pointer(unit.path), unit.kind


def _fullness(site: Site) -> int:
    return (site.image.tag is not None) + (site.image.digest is not None)


def _disagreement(name: ImageName, one: Site, other: Site) -> str:
    first, second = sorted((one, other), key=lambda site: site.where)
    return (
        f"{name} is at {first.image.suffix.lstrip(':@')} in {first.where},"
        f" but at {second.image.suffix.lstrip(':@')} in {second.where}"
    )
