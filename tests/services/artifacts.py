"""What a registry holds beside images: Helm charts, and manifests that refer to other ones."""

from __future__ import annotations

import json
from collections.abc import Mapping

from promoter.registries.content import digest_of
from promoter.registries.images import BuiltImage, Manifest
from promoter.registries.media_types import OCI_MANIFEST

HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
HELM_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"


def build_chart(name: str, version: str) -> BuiltImage:
    """A Helm chart; like those that Helm pushes, its manifest has no `mediaType` field."""
    chart = {"apiVersion": "v2", "name": name, "version": version, "appVersion": version}
    return _build(chart, HELM_CONFIG, HELM_CONTENT, f"{name} {version}", {})


def build_referrer(
    subject: str, artifact_type: str, annotations: Mapping[str, str] | None = None
) -> BuiltImage:
    """A manifest about `subject` (a digest), as a signature or an SBOM has it."""
    more = {
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1},
        "annotations": dict(annotations or {}),
    }
    return _build({}, EMPTY, "text/plain", f"about {subject}", more)


def referrer_entry(
    referrer: BuiltImage, artifact_type: str, annotations: Mapping[str, str]
) -> dict[str, object]:
    """The entry of a referrer in the index that lists the referrers of its subject."""
    return {
        "mediaType": OCI_MANIFEST,
        "digest": referrer.digest,
        "size": len(referrer.top.data),
        "artifactType": artifact_type,
        "annotations": dict(annotations),
    }


def _build(
    config: Mapping[str, object],
    config_type: str,
    layer_type: str,
    content: str,
    more: Mapping[str, object],
) -> BuiltImage:
    blobs = {}
    descriptors = []
    parts = ((config_type, json.dumps(config).encode()), (layer_type, content.encode()))
    for media_type, data in parts:
        blobs[digest_of(data)] = data
        descriptors.append({"mediaType": media_type, "digest": digest_of(data), "size": len(data)})
    whole = {"schemaVersion": 2, "config": descriptors[0], "layers": descriptors[1:], **more}
    data = json.dumps(whole).encode()
    return BuiltImage((Manifest(digest_of(data), OCI_MANIFEST, data),), blobs)
