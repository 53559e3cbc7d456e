"""Brings sites to a release: every file of a target, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from promoter.errors import InputError, Where
from promoter.manifests import kustomization
from promoter.manifests.changes import Change, InsertImage
from promoter.manifests.events import Stream, parse
from promoter.manifests.nodes import Mapping as MappingNode
from promoter.manifests.pinning import version_for
from promoter.manifests.sites import KINDS, Key, key_of_unit, readable
from promoter.manifests.splice import patches_for, splice
from promoter.manifests.units import Unit
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release
from promoter.model.target import Edit, FileChange, Problem, Site

if TYPE_CHECKING:  # a command that edits files needs no rules, and starts faster without
    from promoter.model.rule import Pin

DEFAULT_PIN: Pin = "tag-and-digest"
_EACH = 50  # how many sites are tried one by one to tell which of them can't be edited


class RefusedEdit(Exception):  # noqa: N818 - carries problems from one file, never seen outside
    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)


def edit_target(
    files: Mapping[str, bytes],
    sites: Sequence[Site],
    release: Release,
    pins: Mapping[ImageName, Pin],
) -> Edit:
    """The bytes that bring these sites to a release: all of them, or none and the reasons.

    `files` holds at least every file that a site is in. Sites of images that the release
    does not hold stay as they are; an image without a pin is written with tag and digest.
    A site of kind `kustomization` at `/images/-` asks for a new entry that is named as
    `site.image.name.written`; what it overrides is `site.image`.
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
            before = _parsed(path, files[path])
            after = edit_stream(before, same, release, pins).content
            if after != files[path]:
                _refuse_sealed(before)
        except RefusedEdit as error:
            refused += error.problems
        else:
            if after != files[path]:
                changes.append(FileChange(path, files[path], after))
    return Edit((), tuple(refused)) if refused else Edit(tuple(changes))


def _refuse_sealed(stream: Stream) -> None:
    """A file that SOPS encrypted is signed as a whole, its plain values too. A person who sets a
    value there by hand knows; the bot would break it unseen."""
    for document in stream.documents:
        seal = document.root.get("sops") if isinstance(document.root, MappingNode) else None
        if isinstance(seal, MappingNode) and seal.get("mac") is not None:
            why = "is sealed by SOPS: another value breaks its MAC; change it with `sops set`"
            raise RefusedEdit([Problem(why, stream.where(seal.start))])


def edit_stream(
    before: Stream,
    sites: Sequence[Site],
    release: Release,
    pins: Mapping[ImageName, Pin],
    *,
    shared: bool = False,
) -> Stream:
    """One file after the edit; raises RefusedEdit with every reason."""
    names = {site.image.name for site in sites}
    work = _Work(before, shared)
    for site in sites:
        try:
            unit = work.unit_at(site, names)
            work.bring(site, unit, release, pins)
        except InputError as error:
            work.problems.append(Problem(error.message, error.where or site.where))
    if work.problems:
        raise RefusedEdit([*work.problems, *work.refusals()])
    after = work.done()
    _check_reading(before, after, names, work.wanted)
    return after


@dataclass
class _Work:
    """The edit of one file: what is to be done for each site, and what it shall then read."""

    before: Stream
    shared: bool
    changes: dict[Site, Sequence[Change]] = field(default_factory=dict)
    wanted: dict[Key, ImageReference] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    entries: dict[InsertImage, int] = field(default_factory=dict)
    units: dict[Key, list[Unit]] | None = None

    def unit_at(self, site: Site, names: Collection[ImageName]) -> Unit:
        """The unit that the site told of; InputError where it is not there any more."""
        if site.kind == "kustomization" and site.pointer == kustomization.NEW_ENTRY_POINTER:
            return self._new_entry(site)
        if self.units is None:
            self.units = {}
            for unit in readable(self.before, names):
                self.units.setdefault(key_of_unit(unit), []).append(unit)
        # Two units share a path only where a key stands twice, which `splice` refuses.
        same = self.units.get((site.document, site.pointer, site.kind), [])
        if site.image not in [unit.image for unit in same]:
            raise InputError(f"{site.image} is not here any more; look again")
        return same[-1]

    def _new_entry(self, site: Site) -> Unit:
        documents = self.before.documents
        root = documents[site.document].root if site.document < len(documents) else None
        if not isinstance(root, MappingNode):
            raise InputError("holds no mapping, so no `images:` can be added", where=site.where)
        return kustomization.new_entry(self.before.file, site.document, root, site.image)

    def bring(
        self, site: Site, unit: Unit, release: Release, pins: Mapping[ImageName, Pin]
    ) -> None:
        artifact = release.get(unit.image.name)
        if artifact is None:
            raise InputError(f"the release does not hold {unit.image.name}")
        version = version_for(unit, artifact, pins.get(artifact.name, DEFAULT_PIN))
        image = unit.image.at(version.tag, version.digest)
        if unit.path == kustomization.NEW_ENTRY:
            if image == unit.image:
                return  # the base says it already
            made = KINDS[unit.kind].write(unit, version)
            self.wanted[self._place_of_new(unit, made)] = image
        else:
            made = KINDS[unit.kind].write(unit, version)
            self.wanted[key_of_unit(unit)] = image
        self.changes[site] = made

    def _place_of_new(self, unit: Unit, made: Sequence[Change]) -> Key:
        """Where a new entry will stand: behind those that stand and those before it."""
        document = unit.place.document
        for change in made:
            if isinstance(change, InsertImage) and change not in self.entries:
                before = sum(each.document == document for each in self.entries)
                self.entries[change] = kustomization.entries_in(unit.place.mapping) + before
        index = next(self.entries[each] for each in made if isinstance(each, InsertImage))
        return document, f"/images/{index}", "kustomization"

    def done(self) -> Stream:
        changes = list(chain.from_iterable(self.changes.values()))
        try:
            return splice(self.before, changes, shared=self.shared)
        except InputError as error:
            # One by one, so that every reason is told and not only the first.
            raise RefusedEdit(self.refusals() or [Problem(error.message, error.where)]) from None

    def refusals(self) -> list[Problem]:
        """Why the sites can't be edited, each by itself. Proofs only where they are few."""
        found: list[Problem] = []
        attempt = splice if len(self.changes) <= _EACH else patches_for
        for site, made in self.changes.items():
            try:
                attempt(self.before, made, shared=self.shared)
            except InputError as error:
                found.append(Problem(error.message, error.where or site.where))
        return found


def _parsed(path: str, content: bytes) -> Stream:
    try:
        return parse(path, content)
    except InputError as error:
        raise RefusedEdit([Problem(error.message, error.where)]) from None


def _check_reading(
    before: Stream,
    after: Stream,
    names: Collection[ImageName],
    wanted: Mapping[Key, ImageReference],
) -> None:
    """What is written must read as what was meant, and every other site as before."""
    expected = {**{key_of_unit(unit): unit.image for unit in readable(before, names)}, **wanted}
    read = {key_of_unit(unit): unit.image for unit in readable(after, names)}
    for key, image in expected.items():
        if read.get(key) != image:
            why = f"{image} would not read back as written at {key[1]}; edit it by hand"
            raise RefusedEdit([Problem(why, Where(after.file))])
