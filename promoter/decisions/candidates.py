"""Which releases an environment could be given, newest first.

The first environment is offered what the policies select from the registry. A downstream one is
offered what its upstream runs or has run, so that a busy upstream does not starve it; a release
that an environment before it went back from is offered to nobody (promise 9).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.policy import Followed
from promoter.decisions.selection import broken_by, select_each, select_together
from promoter.decisions.standing import Standing, compare_releases
from promoter.model.facts import (
    DigestOf,
    Facts,
    NotAsked,
    NotKnown,
    Period,
    Question,
    Unknown,
)
from promoter.model.image import ImageName, ImageReference
from promoter.model.ledger import Sighting
from promoter.model.plan import PassedOver, Selection
from promoter.model.release import Release
from promoter.model.rule import ArtifactRule, RepositoryAddress, Upstream

ArtifactsByName = Mapping[ImageName, ArtifactRule]


@dataclass(frozen=True)
class Offers:
    """`releases` newest first; `why_none` says why there is none. `stops`: the images of which
    only a person may take the one that is offered, and why. `waits`: a release will be there by
    itself. `sightings` are tags that were seen for the first time."""

    origin: str
    releases: tuple[Release, ...]
    passed_over: tuple[PassedOver, ...] = ()
    selections: tuple[Selection, ...] = ()
    why_none: str = ""
    stops: tuple[tuple[ImageReference, str], ...] = ()
    waits: bool = False
    sightings: tuple[Sighting, ...] = ()

    def why_stopped(self, release: Release) -> str | None:
        """Why only a person may take a release; None where nothing speaks against it."""
        whys = (why for image, why in self.stops if release.get(image.name) == image)
        return next(whys, None)


@dataclass(frozen=True)
class _Run:
    release: Release
    since: datetime


def offer_from_registry(
    artifacts: ArtifactsByName,
    running: Release,
    repository: RepositoryAddress,
    facts: Facts,
    now: datetime,
    *,
    lockstep: bool = False,
) -> Offers:
    """What the policies select, for the artifacts that the target's sites name; with `lockstep` at
    one tag.

    Raises NotAsked, NotKnown.
    """
    chosen: list[ImageReference] = []
    selections: list[Selection] = []
    sightings: list[Sighting] = []
    stops: list[tuple[ImageReference, str]] = []
    why, waits = "", False
    followed = [
        Followed(artifact, name, repository, now, running=running.get(name))
        for name, artifact in artifacts.items()
        if name in running.names
    ]
    together = lockstep and len(followed) > 1
    select_all = select_together if together else select_each
    choices = select_all(followed, facts)
    if any(choice.image != each.running for each, choice in zip(followed, choices, strict=True)):
        # Something may be done: then all that is known is to be of now.
        choices = select_all([replace(each, running=None) for each in followed], facts)
    for each, choice in zip(followed, choices, strict=True):
        select, image = each.artifact.select, choice.image
        spelled = f"{select.policy}: {select.argument}"
        tag = image.tag if image else None
        selections.append(Selection(each.name, spelled, tag, choice.passed_over))
        sightings += choice.sightings
        if image is None:
            refusal = f"{each.name}:{choice.refusal}" if choice.refusal else ""
            shared = " and is a tag of all images (lockstep)" if together else ""
            why = why or refusal or f"no tag of {each.name} fits {spelled}{shared}"
            waits = waits or bool(choice.refusal)
            continue
        chosen.append(image)
        current = running.get(each.name)
        if choice.stop and current and current.digest == image.digest and image.digest:
            # Somebody brought it here: it is known by this digest, too.
            sightings.append(Sighting(each.name, image.tag or "", image.digest, now))
        elif choice.stop:
            stops.append((image, choice.stop))
    return Offers(
        "registry",
        () if why else (Release.of(chosen),),
        (),
        tuple(selections),
        why,
        tuple(stops),
        waits,
        tuple(sightings),
    )


def offer_from_upstream(
    upstream: Upstream,
    histories: Mapping[str, tuple[Period, ...]],
    line: Mapping[str, tuple[Period, ...]],
    artifacts: ArtifactsByName,
    facts: Facts,
    *,
    lockstep: bool = False,
) -> Offers:
    """What all upstreams (or any of them) run or have run. What any environment of `line`, which
    is the upstreams and theirs, went back from is left out, and with `lockstep` what is at several
    tags.

    Raises NotAsked, NotKnown.
    """
    origin = ", ".join(upstream.environments)
    gone = {name: gone_back_from(each, artifacts, facts) for name, each in line.items()}
    passed_over: dict[PassedOver, None] = {}
    standing_in: list[list[_Run]] = []
    for periods in histories.values():
        kept: list[_Run] = []
        for run in _runs(periods):
            who = [name for name, releases in gone.items() if _among(run.release, releases)]
            if tag := _moved_since(run.release, kept, artifacts):
                why = f"{tag} was pushed again and ran here as another image since"
                passed_over[PassedOver(run.release.label, why)] = None
            elif who:
                why = f"{' and '.join(who)} went back from it"
                passed_over[PassedOver(run.release.label, why)] = None
            elif lockstep and (why := broken_by(run.release)):
                passed_over[PassedOver(run.release.label, why)] = None
            else:
                kept.append(run)
        standing_in.append(kept)
    if upstream.how == "any":
        gathered = _newest_first(standing_in, artifacts, facts)
    else:
        first, *rest = ([run.release for run in runs] for runs in standing_in)
        gathered = [each for each in first if all(_among(each, others) for others in rest)]
    why_none = "" if gathered else f"{origin} runs no release that could be promoted"
    return Offers(origin, tuple(gathered), tuple(passed_over), (), why_none)


def among_offers(
    offers: Offers, release: Release, artifacts: ArtifactsByName, facts: Facts
) -> Offers:
    """The offers with another release at its place: before the first that is not later than it.

    Raises NotAsked, NotKnown.
    """
    if _among(release, offers.releases):
        return offers
    place = next(
        (
            index
            for index, other in enumerate(offers.releases)
            if not is_later(other, release, artifacts, facts)
        ),
        len(offers.releases),
    )
    return replace(offers, releases=(*offers.releases[:place], release, *offers.releases[place:]))


def complete(
    release: Release,
    artifacts: ArtifactsByName,
    promoted: Sequence[Release],
    called_upstream: Mapping[ImageName, ImageName],
    facts: Facts,
) -> Release:
    """The release with a digest for every artifact that is written with one.

    A manifest kind that carries tags only does not tell the digest; then the registry does, at
    the moment of the promotion: the one upstream, where the image has another name there.
    `promoted` is what merge requests brought upstream: where it tells another digest the tag has
    moved since, and what ran is not what would be written.
    Raises NotAsked, NotKnown (the image is gone, or its tag moved: that waits).
    """
    bare = [
        (image, image.tag)
        for image in release.artifacts
        if image.tag and not image.digest and artifacts[image.name].pin not in ("tag", "keep")
    ]
    questions = [DigestOf(called_upstream.get(i.name, i.name), tag) for i, tag in bare]
    digests = facts.need_all(questions)
    completed = {image.name: image for image in release.artifacts}
    for (image, tag), question, digest in zip(bare, questions, digests, strict=True):
        known = _promoted_digest(image, promoted)
        if digest is None:
            raise NotKnown(question, Unknown(f"{question.name} no longer has the tag {tag}"))
        if known not in (None, digest):
            why = (
                f"the tag {tag} of {image.name} moved since it was promoted; publish a new version"
            )
            raise NotKnown(question, Unknown(why, "input"))
        completed[image.name] = image.at(tag, digest)
    return Release.of(completed.values())


def _promoted_digest(image: ImageReference, promoted: Sequence[Release]) -> str | None:
    """The digest that the newest promotion of this very tag had."""
    brought = (release.get(image.name) for release in promoted)
    return next((each.digest for each in brought if each and each.tag == image.tag), None)


def _moved_since(release: Release, later: Iterable[_Run], artifacts: ArtifactsByName) -> str | None:
    """The tag of a version that a later run names with another digest."""
    for run in later:
        for image in release.artifacts:
            other = run.release.get(image.name)
            if POLICIES[artifacts[image.name].select.policy].tags_may_move:
                continue
            if image.tag and other and other.tag == image.tag and not other.agrees(image):
                return image.tag
    return None


def _among(release: Release, others: Iterable[Release]) -> bool:
    return any(each.agrees(release) for each in others)


def _runs(periods: Sequence[Period]) -> list[_Run]:
    """Every release of a history at its last run, newest first."""
    runs: list[_Run] = []
    for period in periods:
        if period.release and not _among(period.release, (run.release for run in runs)):
            runs.append(_Run(period.release, period.since))
    return runs


def gone_back_from(
    periods: Sequence[Period], artifacts: ArtifactsByName, facts: Facts
) -> list[Release]:
    """The releases of a history that were followed, at once or later, by one that is backwards.

    Raises NotKnown; NotAsked with every missing question, so that a long history costs no more
    rounds than a short one.
    """
    kept: list[Release] = []
    gone: list[Release] = []
    missing: set[Question[Any]] = set()
    lowest: dict[frozenset[ImageName], Release] = {}  # of what came after, newest first
    for index, period in enumerate(periods):
        release = period.release
        if release is None or _among(release, (*kept, *gone)):
            continue
        since_then = lowest.setdefault(release.names, release)
        before = tuple(each.release for each in periods[index:] if each.release)
        try:
            standing = compare_releases(release, since_then, before, artifacts, facts)
        except NotAsked as more:
            missing.update(more.questions)
            continue
        if standing is Standing.BACKWARDS and since_then is not release:
            gone.append(release)
            continue
        kept.append(release)
        if standing is Standing.LATER:
            lowest[release.names] = release
    if missing:
        raise NotAsked(tuple(missing))
    return gone


def _newest_first(
    histories: Sequence[Sequence[_Run]], artifacts: ArtifactsByName, facts: Facts
) -> list[Release]:
    """The releases of several histories: by the policies where these tell, else by time."""
    runs = sorted(
        (run for history in histories for run in history), key=lambda run: run.since, reverse=True
    )
    ordered: list[Release] = []
    for release in (run.release for run in runs):
        if _among(release, ordered):
            continue
        place = next(
            (
                index
                for index, other in enumerate(ordered)
                if is_later(release, other, artifacts, facts)
            ),
            len(ordered),
        )
        ordered.insert(place, release)
    return ordered


def is_later(one: Release, other: Release, artifacts: ArtifactsByName, facts: Facts) -> bool:
    """False as well where nothing orders the two: without a history each is later then."""
    forth = compare_releases(other, one, (), artifacts, facts)
    back = compare_releases(one, other, (), artifacts, facts)
    return forth is Standing.LATER and back is not Standing.LATER
