"""Small, whole images made from nothing, for the demo and for tests; pure and deterministic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from promoter.registries.content import digest_of
from promoter.registries.media_types import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
)

Flavour = Literal["oci", "docker"]

# An empty tar (two zero blocks) and the same in gzip. Written out, because builds of zlib
# compress differently, and the digests must be the same everywhere.
_TAR = bytes(1024)
_LAYER = bytes.fromhex("1f8b080000000000020363601805a360148c5400002eafb5ef00040000")


@dataclass(frozen=True)
class Manifest:
    """A manifest or an index, as it is pushed."""

    digest: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class BuiltImage:
    """All parts of an image. `manifests` ends with the one that a tag names: `top`."""

    manifests: tuple[Manifest, ...]
    blobs: Mapping[str, bytes]

    @property
    def top(self) -> Manifest:
        return self.manifests[-1]

    @property
    def digest(self) -> str:
        return self.top.digest


def build_image(
    created: datetime,
    labels: Mapping[str, str],
    platforms: Sequence[str] = ("linux/amd64",),
    *,
    flavour: Flavour = "oci",
    annotations: Mapping[str, str] | None = None,
) -> BuiltImage:
    """One image manifest, or an index over one for each platform where there are several.

    `platforms` are `os/architecture` or `os/architecture/variant`; `annotations` go on the
    top manifest. `created` must be aware of its time zone.
    """
    blobs = {digest_of(_LAYER): _LAYER}
    children = []
    for platform in platforms:
        config = _to_json(_config(created, labels, platform))
        blobs[digest_of(config)] = config
        own = annotations if len(platforms) == 1 else None
        children.append(_manifest(_image(config, flavour), own))
    if len(children) == 1:
        return BuiltImage(tuple(children), blobs)
    index = _manifest(
        {
            "mediaType": OCI_INDEX if flavour == "oci" else DOCKER_INDEX,
            "manifests": [
                {**_descriptor(child.media_type, child.data), "platform": _platform(platform)}
                for child, platform in zip(children, platforms, strict=True)
            ],
        },
        annotations,
    )
    return BuiltImage((*children, index), blobs)


def _image(config: bytes, flavour: Flavour) -> dict[str, object]:
    oci = flavour == "oci"
    return {
        "mediaType": OCI_MANIFEST if oci else DOCKER_MANIFEST,
        "config": _descriptor(OCI_CONFIG if oci else DOCKER_CONFIG, config),
        "layers": [_descriptor(OCI_LAYER if oci else DOCKER_LAYER, _LAYER)],
    }


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def _config(created: datetime, labels: Mapping[str, str], platform: str) -> dict[str, object]:
    moment = created.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        **_platform(platform),
        "created": moment,
        "config": {"Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(_TAR)]},
        "history": [{"created": moment, "created_by": "promoter"}],
    }


def _platform(platform: str) -> dict[str, str]:
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


def _manifest(content: dict[str, object], annotations: Mapping[str, str] | None) -> Manifest:
    whole = {"schemaVersion": 2, **content}
    if annotations:
        whole["annotations"] = dict(annotations)
    data = _to_json(whole)
    return Manifest(digest_of(data), str(content["mediaType"]), data)


def _to_json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
