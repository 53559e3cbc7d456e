"""Content by its digest, and the names it is asked for by: what every registry checks alike."""

from __future__ import annotations

import hashlib
import json
from typing import cast

from promoter.errors import InputError
from promoter.model.image import ImageName, is_digest, is_tag

MANIFEST_LIMIT = 4 << 20
"""Bytes; the OCI distribution specification asks registries to accept at least this much."""
BLOB_LIMIT = 8 << 20


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def verify(data: bytes, digest: str, source: str) -> bytes:
    """`data` itself; raises InputError where it is not what `digest` names."""
    actual = digest_of(data, digest.partition(":")[0])
    if actual != digest:
        raise InputError(f"{source}: digest mismatch: asked {digest}, got {actual}; not used")
    return data


def is_content_of(data: bytes, digest: str) -> bool:
    return digest_of(data, digest.partition(":")[0]) == digest


def check_repository(repository: str) -> str:
    """`repository` itself; raises InputError where it can't be one (so it can't climb either)."""
    try:
        if ImageName.parse(f"registry.invalid/{repository}").path == repository:
            return repository
    except ValueError:
        pass
    raise InputError(
        f"{repository!r} is not a repository name: lower-case letters, digits and single"
        " separators (. _ __ -) between slashes"
    )


def check_tag(tag: str) -> str:
    if not is_tag(tag):
        raise InputError(f"{tag!r} is not a tag: up to 128 letters, digits, '_', '.' and '-'")
    return tag


def check_digest(digest: str) -> str:
    if not is_digest(digest):
        raise InputError(f"{digest!r} is not a sha256 or sha512 digest")
    return digest


def parse_object(data: bytes) -> dict[str, object] | None:
    """The JSON object in `data`; None where it is not JSON or not an object."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def texts_of(value: object) -> dict[str, str]:
    """The entries of a JSON object whose values are strings; empty for anything else."""
    if not isinstance(value, dict):
        return {}
    return {key: each for key, each in value.items() if isinstance(each, str)}


def objects_of(value: object) -> list[dict[str, object]]:
    """The objects in a JSON list; empty for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
