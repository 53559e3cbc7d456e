"""What a reviewer wants to know of a release besides what moves: where it ran before, and which
commits of its source lie between. Comfort: what is not known is left out, and decides nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from promoter.model.facts import DetailsOf, Facts, Known, Period
from promoter.model.image import ImageReference
from promoter.model.plan import SourceChange, Stay
from promoter.model.release import Release

_SOURCE = "org.opencontainers.image.source"
_REVISION = "org.opencontainers.image.revision"
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~-]+)+/?")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def read_sources(
    running: Release | None, release: Release, facts: Facts
) -> tuple[SourceChange, ...]:
    """By the labels of the images (OCI image specification, "Pre-Defined Annotation Keys").

    Raises NotAsked.
    """
    moving = [(running.get(image.name) if running else None, image) for image in release.artifacts]
    moving = [(before, image) for before, image in moving if before is None or before != image]
    pairs = [(_question(before), _question(image)) for before, image in moving]
    facts.prefetch(*(each for pair in pairs for each in pair if each is not None))
    found: list[SourceChange] = []
    for (_, image), (before, after) in zip(moving, pairs, strict=True):
        labels = _labels(after, facts)
        source, revision = labels.get(_SOURCE, ""), labels.get(_REVISION, "")
        if not _ADDRESS.fullmatch(source) or not _COMMIT.fullmatch(revision):
            continue
        was = _labels(before, facts)
        known = was.get(_REVISION, "") if was.get(_SOURCE) == source else ""
        former = known if _COMMIT.fullmatch(known) and known != revision else None
        address = source.rstrip("/").removesuffix(".git")
        found.append(SourceChange(image.name, address, former, revision))
    return tuple(found)


def _question(image: ImageReference | None) -> DetailsOf | None:
    return DetailsOf(image.name, image.digest) if image and image.digest else None


def _labels(question: DetailsOf | None, facts: Facts) -> Mapping[str, str]:
    answer = facts.get(question) if question else None
    details = answer.value if isinstance(answer, Known) else None
    return dict(details.labels) if details else {}


def read_stays(
    histories: Mapping[str, Sequence[Period]], release: Release, now: datetime
) -> tuple[Stay, ...]:
    """Where upstream the release ran last, and how long."""
    stays: list[Stay] = []
    for environment, periods in histories.items():
        for index, period in enumerate(periods):
            if period.release and period.release.agrees(release):
                until = min(periods[index - 1].since, now) if index else None
                stays.append(Stay(environment, period.since, until, now))
                break
    return tuple(stays)
