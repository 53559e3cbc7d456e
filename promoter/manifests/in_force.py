"""What a target runs where a kustomization decides it: the overlay over its bases.

A site in a base that others share is never edited for one of them: the overlay gets an `images:`
entry instead, which is the site `/images/-` (RFC 6901: after the last) of its kustomization.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from promoter.errors import Where
from promoter.manifests.graph import Graph, InForce, Load, build
from promoter.manifests.kustomization import NEW_ENTRY_POINTER
from promoter.manifests.layers import Container, Entry
from promoter.manifests.sites import read_target
from promoter.model.image import ImageName, ImageReference, is_digest, is_tag
from promoter.model.target import Problem, Reading, Site, SiteKind

Found = tuple[tuple[Site, ...], tuple[Problem, ...]]
_Key = tuple[str, int, str]


def read_in_force(
    path: str, found: Mapping[str, Found], load: Load, names: Collection[ImageName]
) -> Reading:
    """The reading of the target at `path`.

    `found` holds what `find_sites` says of each of its own files; `load` gives the layers of any
    file of the commit (its own and those it builds on).
    """
    graph = build(path, load)
    if graph is None:
        return read_target(found.values())
    own = {_key(site): site for sites, _ in found.values() for site in sites}
    built = set(_built(graph, load))
    work = _Work(graph, own, frozenset(names))
    for each in graph.images:
        work.add(each)
    idle = {_key_of(entry) for entry in graph.idle}
    apart = [site for key, site in own.items() if key not in built or key in idle]
    problems = [problem for _, several in found.values() for problem in several]
    problems += [*work.problems, *_idle(graph, work.names)]
    # Read from what is in force, written at what can be edited.
    reading = read_target([((*work.in_force, *apart), ())])
    sites = (*dict.fromkeys(work.sites), *apart)
    return replace(reading, sites=sites, problems=tuple(dict.fromkeys(problems)))


@dataclass
class _Work:
    graph: Graph
    own: Mapping[_Key, Site]
    names: frozenset[ImageName]
    in_force: list[Site] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, each: InForce) -> None:
        """Take in one container's image, where it is one that is followed."""
        name = _name(each.name)
        if name is None or name not in self.names:
            return
        setter = each.setter
        for key, value, fits in (("tag", each.tag, is_tag), ("digest", each.digest, is_digest)):
            if value is not None and not fits(value):
                self.problems.append(Problem(f"{value} is no {key} of {name}", setter.where))
                return
        image = ImageReference(name, each.tag, each.digest)
        kind: SiteKind = "kustomization" if isinstance(setter, Entry) else "manifest"
        self.in_force.append(
            Site(setter.where, setter.document, setter.pointer, kind, image, carries_digest=True)
        )
        site = self._site(each, image)
        if site:
            self.sites.append(site)
        else:
            self.problems.append(
                Problem(
                    f"{name} is set here, which others may share, and kustomize's images don't"
                    " reach it; set it in the target's own files",
                    setter.where,
                )
            )

    def _site(self, each: InForce, image: ImageReference) -> Site | None:
        """Where this image is written for this target alone."""
        if each.entry:
            return self.own.get(_key_of(each.entry))
        if isinstance(each.setter, Entry) or each.setter.editable:
            own = self.own.get(_key_of(each.setter))
            if own:
                return own
        if not each.container.reached:
            return None
        spelled = replace(image, name=replace(image.name, written=each.reached_as))
        where = Where(self.graph.root)
        return Site(where, 0, NEW_ENTRY_POINTER, "kustomization", spelled, carries_digest=True)


def _built(graph: Graph, load: Load) -> Iterator[_Key]:
    """Every place that the build has taken into account, in force or not."""
    for file in graph.files:
        layer = load(file)
        if layer is None:
            continue
        for container in layer.containers:
            yield _key_of(container)
        for entry in layer.kustomization.entries if layer.kustomization else ():
            yield _key_of(entry)


def _idle(graph: Graph, names: frozenset[ImageName]) -> Iterator[Problem]:
    """Entries that would render unchanged; nothing is said where a part of the build is unseen."""
    for entry in () if graph.unseen else graph.idle:
        if not names.isdisjoint({_name(entry.name), _name(entry.new_name or "")}):
            why = f"the entry for {entry.name} matches nothing that {graph.root} builds"
            yield Problem(f"{why}; it would change nothing", entry.where)


def _name(text: str) -> ImageName | None:
    try:
        return ImageName.parse(text)
    except ValueError:
        return None


def _key(site: Site) -> _Key:
    return site.where.file, site.document, site.pointer


def _key_of(place: Container | Entry) -> _Key:
    return place.file, place.document, place.pointer
