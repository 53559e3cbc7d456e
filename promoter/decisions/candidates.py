"""Which releases an environment could be given, newest first.

The first environment is offered what the policies select from the registry. A downstream one is
offered what its upstream runs or has run, so that a busy upstream does not starve it; a release
that upstream itself went back from is offered to nobody (promise 9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promoter.decisions.policies import POLICIES
from promoter.decisions.standing import Standing, compare_releases
from promoter.model.facts import DigestOf, Facts, NotKnown, Period, Unknown
from promoter.model.image import ImageName, ImageReference
from promoter.model.plan import PassedOver, Selection
from promoter.model.release import Release
from promoter.model.rule import ArtifactRule, Upstream

ArtifactsByName = Mapping[ImageName, ArtifactRule]


@dataclass(frozen=True)
class Offers:
    """`releases` newest first; `why_none` says why there is none."""

    origin: str
    releases: tuple[Release, ...]
    passed_over: tuple[PassedOver, ...] = ()
    selections: tuple[Selection, ...] = ()
    why_none: str = ""


def offer_from_registry(
    artifacts: ArtifactsByName, present: frozenset[ImageName], facts: Facts
) -> Offers:
    """What the policies select, for the artifacts that the target's sites name.

    Raises NotAsked, NotKnown.
    """
    chosen: list[ImageReference] = []
    selections: list[Selection] = []
    for name, artifact in artifacts.items():
        if name not in present:
            continue
        select = artifact.select
        choice = POLICIES[select.policy].select(artifact, name, facts)
        tag = choice.image.tag if choice.image else None
        spelled = f"{select.policy}: {select.argument}"
        selections.append(Selection(name, spelled, tag, choice.passed_over))
        if choice.image is None:
            why = f"no tag of {name} fits {spelled}"
            return Offers("registry", (), (), tuple(selections), why)
        chosen.append(choice.image)
    return Offers("registry", (Release.of(chosen),), (), tuple(selections))


def offer_from_upstream(
    upstream: Upstream,
    histories: Mapping[str, tuple[Period, ...]],
    artifacts: ArtifactsByName,
    facts: Facts,
) -> Offers:
    """What all upstreams (or any of them) run or have run and did not go back from.

    Raises NotAsked, NotKnown.
    """
    origin = ", ".join(upstream.environments)
    passed_over: list[PassedOver] = []
    standing_in: dict[str, list[Release]] = {}
    for name, periods in histories.items():
        kept, reverted = _split_reverted(periods, artifacts, facts)
        standing_in[name] = kept
        passed_over.extend(PassedOver(each.label, f"{name} went back from it") for each in reverted)
    if upstream.how == "any":
        gathered = [each for name in upstream.environments for each in standing_in[name]]
    else:
        first, *rest = (standing_in[name] for name in upstream.environments)
        gathered = [
            each
            for each in first
            if all(any(each.agrees(other) for other in others) for others in rest)
        ]
    releases = _without_repeats(gathered)
    if upstream.how == "any" and len(histories) > 1:
        releases = _newest_first(releases, artifacts, facts)
    why = "" if releases else f"{origin} runs no release that could be promoted"
    return Offers(origin, tuple(releases), tuple(passed_over), (), why)


def complete(release: Release, artifacts: ArtifactsByName, facts: Facts) -> Release:
    """The release with a digest for every artifact that is written with one.

    A manifest kind that carries tags only does not tell the digest; then the registry does, at
    the moment of the promotion. Raises NotAsked, NotKnown (the image is gone: that waits).
    """
    completed: list[ImageReference] = []
    for image in release.artifacts:
        if image.digest or not image.tag or artifacts[image.name].pin in ("tag", "keep"):
            completed.append(image)
            continue
        question = DigestOf(image.name, image.tag)
        digest = facts.need(question)
        if digest is None:
            raise NotKnown(question, Unknown(f"{image.name} no longer has the tag {image.tag}"))
        completed.append(image.at(image.tag, digest))
    return Release.of(completed)


def _split_reverted(
    periods: Sequence[Period], artifacts: ArtifactsByName, facts: Facts
) -> tuple[list[Release], list[Release]]:
    """Releases of a history, newest first: those that stand, and those that were gone back from."""
    kept: list[Release] = []
    reverted: list[Release] = []
    for index, period in enumerate(periods):
        release = period.release
        if release is None or any(each.agrees(release) for each in (*kept, *reverted)):
            continue
        newer = next((each for each in reversed(periods[:index]) if each.release), None)
        if newer is not None and newer.release is not None:
            before = tuple(each.release for each in periods[index:] if each.release)
            standing = compare_releases(release, newer.release, before, artifacts, facts)
            if standing is Standing.BACKWARDS:
                reverted.append(release)
                continue
        kept.append(release)
    return kept, reverted


def _without_repeats(releases: Sequence[Release]) -> list[Release]:
    unique: list[Release] = []
    for release in releases:
        if not any(each.agrees(release) for each in unique):
            unique.append(release)
    return unique


def _newest_first(
    releases: Sequence[Release], artifacts: ArtifactsByName, facts: Facts
) -> list[Release]:
    """Releases of several histories, each put before the first one that it is later than."""
    ordered: list[Release] = []
    for release in releases:
        place = next(
            (
                index
                for index, other in enumerate(ordered)
                if compare_releases(other, release, (), artifacts, facts) is Standing.LATER
            ),
            len(ordered),
        )
        ordered.insert(place, release)
    return ordered
