"""What refers to a manifest: OCI distribution specification 1.1, "Listing Referrers"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from promoter.model.image import is_digest
from promoter.model.ports import Referrer
from promoter.registries.content import objects_of, parse_object, texts_of

_ALGORITHM, _ENCODED = 32, 64  # the most characters of each that the fallback tag takes
_MOST_DESCRIPTORS = 10_000


def fallback_tag(digest: str) -> str:
    """Where referrers are listed that a registry without the API holds ("Referrers Tag Schema")."""
    algorithm, _, encoded = digest.partition(":")
    tag = f"{algorithm[:_ALGORITHM]}-{encoded[:_ENCODED]}"
    return re.sub(r"[^a-zA-Z0-9._-]", "-", tag)


def read_referrers(data: bytes) -> tuple[Referrer, ...]:
    """The descriptors of an index; raises ValueError, which says what is wrong with it."""
    manifests = (parse_object(data) or {}).get("manifests", ())
    if manifests is None:  # what Go makes of an empty list
        return ()
    entries = objects_of(manifests)
    if not isinstance(manifests, list) or len(entries) != len(manifests):
        raise ValueError("is no image index")
    if len(entries) > _MOST_DESCRIPTORS:
        raise ValueError(f"holds more than {_MOST_DESCRIPTORS:,} entries")
    return once(_referrer(each) for each in entries)


def once(referrers: Iterable[Referrer]) -> tuple[Referrer, ...]:
    """Each digest once, as it came first."""
    found: dict[str, Referrer] = {}
    for each in referrers:
        found.setdefault(each.digest, each)
    return tuple(found.values())


def describe(digest: str, manifest: dict[str, object]) -> Referrer:
    """A manifest as a list of referrers would show it: where it has no `artifactType`, its
    config's media type tells what it is."""
    config = manifest.get("config")
    kind = texts_of(manifest).get("artifactType") or texts_of(config).get("mediaType", "")
    return _referrer({**manifest, "digest": digest, "artifactType": kind})


def _referrer(descriptor: dict[str, object]) -> Referrer:
    digest = descriptor.get("digest")
    if not isinstance(digest, str) or not is_digest(digest):
        raise ValueError("holds an entry without a valid digest")
    texts = texts_of(descriptor)
    return Referrer(
        digest,
        texts.get("mediaType", ""),
        texts.get("artifactType", ""),
        tuple(sorted(texts_of(descriptor.get("annotations")).items())),
    )
