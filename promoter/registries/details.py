"""What an image says of itself, read through any registry: creation time, labels, platforms."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from promoter.errors import InputError, TransientError
from promoter.model.image import is_digest, short_digest
from promoter.model.platform import normal_platform
from promoter.model.ports import ImageDetails, Registry
from promoter.registries.content import objects_of, parse_object, texts_of
from promoter.registries.media_types import CONFIGS, INDEXES

_ANNOTATION = "org.opencontainers.image."
_CREATED = f"{_ANNOTATION}created"
_MOST_IMAGES = 64  # of one index; each costs two requests
_SECONDS = 120.0
_DEEPEST = 2  # an index may hold indexes (image-spec, image-index); nobody nests further

# Reproducible builds write a zero instead of a time: year 1, the epoch (or a second after it),
# 1980-01-01 (Buildpacks, ZIP). No real image is that old.
_FIRST_CREDIBLE = datetime(1980, 1, 2, tzinfo=UTC)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


@dataclass(frozen=True)
class _Part:
    """Details of a manifest or an index while they are put together."""

    created: datetime | None
    labels: dict[str, str]
    platforms: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Patience:
    """For all requests of one question: what came in time is kept, so that the next look, which
    asks anew, comes further."""

    clock: Callable[[], float]
    until: float

    @property
    def is_over(self) -> bool:
        return self.clock() > self.until


def read_details(
    registry: Registry, repository: str, digest: str, clock: Callable[[], float] = time.monotonic
) -> ImageDetails | None:
    """The details of a manifest or an index; None where the registry does not know the digest.

    Of an index: the newest creation time, the labels of the first image, all platforms (spelled
    as `model.platform` does), those that it declares without looking at its images.
    Annotations `org.opencontainers.image.*` count as labels that the config lacks. A creation
    time that a reproducible build made up is None. Raises what the registry raises, InputError
    where the content is no image, TransientError where parts of it are not there, or all of them
    take too long.
    """
    part = _read(registry, repository, digest, _Patience(clock, clock() + _SECONDS), depth=0)
    if part is None:
        return None
    return ImageDetails(part.created, tuple(sorted(part.labels.items())), part.platforms)


def parse_time(text: str) -> datetime | None:
    """An RFC 3339 time in UTC, cut to microseconds; None where it is none, or no credible one."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(
            f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{zone.upper().replace('Z', '+00:00')}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):  # a month 13; a year before 1 in UTC
        return None
    return moment if moment >= _FIRST_CREDIBLE else None


def _read(
    registry: Registry, repository: str, digest: str, patience: _Patience, depth: int
) -> _Part | None:
    data = registry.manifest(repository, digest)
    if data is None:
        return None
    content = parse_object(data)
    if content is None:
        _refuse(repository, digest, "is not JSON")
    annotations = _image_annotations(content)
    if content.get("mediaType") in INDEXES or isinstance(content.get("manifests"), list):
        if depth == _DEEPEST:
            _refuse(repository, digest, "is an index too deep in other indexes")
        part = _read_index(registry, repository, digest, content, patience, depth)
    elif isinstance(content.get("config"), dict):
        part = _read_image(registry, repository, digest, content["config"])
    else:
        _refuse(repository, digest, "is neither an image manifest (version 2) nor an index")
    created = part.created or parse_time(annotations.get(_CREATED, ""))
    return _Part(created, {**annotations, **part.labels}, part.platforms)


def _read_image(registry: Registry, repository: str, digest: str, descriptor: object) -> _Part:
    config_digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    kind = descriptor.get("mediaType") if isinstance(descriptor, dict) else None
    if kind not in CONFIGS:
        return _Part(None, {})  # a chart or another artifact: its annotations tell all
    if not isinstance(config_digest, str) or not is_digest(config_digest):
        _refuse(repository, digest, "names no valid config")
    data = registry.blob(repository, config_digest)
    if data is None:
        raise TransientError(
            f"{repository}@{short_digest(digest)}: its config"
            f" {short_digest(config_digest)} is not in the registry (yet)"
        )
    config = parse_object(data)
    if config is None:
        _refuse(repository, digest, "has a config that is not JSON")
    inner = config.get("config")
    labels = texts_of(inner.get("Labels")) if isinstance(inner, dict) else {}
    created = config.get("created")
    own = _platform(config)
    return _Part(
        parse_time(created) if isinstance(created, str) else None,
        labels,
        (own,) if own else (),
    )


def _read_index(
    registry: Registry,
    repository: str,
    digest: str,
    content: dict[str, object],
    patience: _Patience,
    depth: int,
) -> _Part:
    entries = [each for each in objects_of(content.get("manifests")) if not _is_attestation(each)]
    if len(entries) > _MOST_IMAGES:
        _refuse(repository, digest, f"is an index of more than {_MOST_IMAGES} images")
    parts: list[_Part] = []
    platforms: list[str] = []
    for entry in entries:
        child = entry.get("digest")
        if not isinstance(child, str) or not is_digest(child):
            _refuse(repository, digest, "is an index with an invalid digest")
        if patience.is_over:
            raise TransientError(
                f"{repository}@{short_digest(digest)}: its images did not come within"
                f" {_SECONDS:.0f} s"
            )
        part = _read(registry, repository, child, patience, depth + 1)
        described = entry.get("platform")
        declared = _platform(described) if isinstance(described, dict) else ""
        platforms += [declared] if declared else part.platforms if part else []
        if part is not None:  # a mirror may leave platforms out
            parts.append(part)
    if entries and not parts:
        raise TransientError(
            f"{repository}@{short_digest(digest)}: none of its images is in the registry (yet)"
        )
    return _Part(
        _newest([part.created for part in parts]),
        parts[0].labels if parts else {},
        tuple(dict.fromkeys(platforms)),
    )


def _newest(times: Sequence[datetime | None]) -> datetime | None:
    return max((time for time in times if time is not None), default=None)


def _is_attestation(entry: dict[str, object]) -> bool:
    """BuildKit's attestations: an annotation says so, or the platform unknown/unknown."""
    kind = texts_of(entry.get("annotations")).get("vnd.docker.reference.type")
    return kind == "attestation-manifest" or _is_unknown(texts_of(entry.get("platform")))


def _is_unknown(platform: dict[str, str]) -> bool:
    return platform.get("os") == "unknown" and platform.get("architecture") == "unknown"


def _platform(of: dict[str, object]) -> str:
    """In the one spelling of `model.platform`; empty where it does not say."""
    texts = texts_of(of)
    parts = [texts.get(name, "") for name in ("os", "architecture", "variant")]
    return normal_platform("/".join(parts)) if parts[0] and parts[1] else ""


def _image_annotations(content: dict[str, object]) -> dict[str, str]:
    return {
        key: value
        for key, value in texts_of(content.get("annotations")).items()
        if key.startswith(_ANNOTATION)
    }


def _refuse(repository: str, digest: str, what: str) -> NoReturn:
    raise InputError(f"{repository}@{short_digest(digest)} {what}")
