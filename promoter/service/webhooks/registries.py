"""What registries send, each in its own format. Pure; each function raises MalformedError.

Only pushes by tag are looked at: rules follow tags, and every part of a multi-platform image is
pushed by digest before the one that matters. A scan or a replication is looked at as well.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from promoter.model.image import is_tag
from promoter.service.webhooks.nudge import ImagePushed, Nudge
from promoter.service.webhooks.payload import (
    MalformedError,
    host_in,
    items,
    load,
    member,
    needed,
    pushed,
    pushed_reference,
    text,
)
from promoter.service.webhooks.request import Headers

_DOCKER_HUB = "docker.io"


def read_distribution(_headers: Headers, body: object) -> Iterator[Nudge]:
    """The notifications of `registry`, also GitLab's (distribution, "Work with notifications")."""
    for event in items(body, "events"):
        yield from _distribution_event(event)


def read_acr(_headers: Headers, body: object) -> Iterator[Nudge]:
    """Azure Container Registry: one event of distribution without the envelope ("webhook schema
    reference")."""
    needed(body, "action")
    yield from _distribution_event(body)


def _distribution_event(event: object) -> Iterator[ImagePushed]:
    if text(event, "action") != "push":
        return
    path = needed(event, "target", "repository")
    tag = text(event, "target", "tag")
    host = host_in(text(event, "request", "host")) or host_in(text(event, "target", "url"))
    if tag:  # blobs have none, nor have the parts of an index
        yield pushed(path, host, tag)


def read_docker_hub(_headers: Headers, body: object) -> Iterator[Nudge]:
    """Docker Hub ("Webhooks")."""
    name = text(body, "repository", "repo_name")
    if not name:
        name = needed(body, "repository", "name")
        namespace = text(body, "repository", "namespace")
        name = f"{namespace}/{name}" if namespace else name
    path = name if "/" in name else f"library/{name}"
    yield pushed(path, _DOCKER_HUB, needed(body, "push_data", "tag"))


def read_quay(_headers: Headers, body: object) -> Iterator[Nudge]:
    """Quay ("Repository notifications"): a push, or vulnerabilities found by a scan."""
    path = needed(body, "repository")
    host = host_in(text(body, "docker_url"))
    if member(body, "vulnerability") is not None:
        yield pushed(path, host, None)
        return
    if member(body, "build_id") is not None:
        return
    tags = items(body, "updated_tags")
    if not tags:
        raise MalformedError("updated_tags is empty")
    for tag in tags:
        yield pushed(path, host, tag if isinstance(tag, str) else "")


def read_aliyun_acr(_headers: Headers, body: object) -> Iterator[Nudge]:
    """Alibaba Cloud ("Manage triggers"). The region does not tell by which of its names images
    call the registry: public, VPC, or an Enterprise instance's own."""
    path = needed(body, "repository", "repo_full_name")
    yield pushed(path, None, needed(body, "push_data", "tag"))


_HARBOR_SCANS = ("SCANNING_COMPLETED", "SCANNING_FAILED", "SCANNING_STOPPED")
_HARBOR_PUSHES = ("PUSH_ARTIFACT", "pushImage", "CREATE_TAG")
_HARBOR_CLOUD_EVENTS = {
    "harbor.artifact.pushed": "PUSH_ARTIFACT",
    "harbor.tag.created": "CREATE_TAG",
    "harbor.scan.completed": "SCANNING_COMPLETED",
    "harbor.scan.failed": "SCANNING_FAILED",
    "harbor.scan.stopped": "SCANNING_STOPPED",
    "harbor.replication.status.changed": "REPLICATION",
}


def read_harbor(_headers: Headers, body: object) -> Iterator[Nudge]:
    """Harbor, in both of its formats ("Configure webhook notifications")."""
    kind = needed(body, "type")
    if member(body, "specversion") is not None:
        yield from read_harbor_data(kind, member(body, "data"))
    else:
        yield from _harbor(kind, member(body, "event_data"))


def read_harbor_data(kind: str, data: object) -> Iterator[ImagePushed]:
    """The data of one of Harbor's CloudEvents."""
    yield from _harbor(_HARBOR_CLOUD_EVENTS.get(kind, ""), data)


def _harbor(kind: str, data: object) -> Iterator[ImagePushed]:
    if kind == "REPLICATION":
        yield from _harbor_replication(member(data, "replication"))
    if kind not in _HARBOR_PUSHES and kind not in _HARBOR_SCANS:
        return
    path = text(data, "repository", "repo_full_name")
    if not path:
        name = needed(data, "repository", "name")
        namespace = text(data, "repository", "namespace")
        path = f"{namespace}/{name}" if namespace else name
    resources = items(data, "resources")
    if not resources:
        raise MalformedError("event_data.resources is empty")
    for resource in resources:
        host = _harbor_host(text(resource, "resource_url"), path)
        tag = needed(resource, "tag")
        if is_tag(tag):
            yield pushed(path, host, tag)
        elif kind in _HARBOR_SCANS:  # of what was pushed by digest, which then stands for the tag
            yield pushed(path, host, None)


def _harbor_host(url: str, path: str) -> str | None:
    """The registry in `[https://]host/path:tag`, which must be of that path."""
    if not url:
        return None
    bare = url.removeprefix("https://").removeprefix("http://")
    host, _, rest = bare.partition("/")
    if rest.partition("@")[0].partition(":")[0] != path:
        raise MalformedError("resource_url is not of the repository")
    return host_in(host)


def _harbor_replication(replication: object) -> Iterator[ImagePushed]:
    if member(replication, "successful_artifact") is None:
        return
    namespace = text(replication, "dest_resource", "namespace")
    host = host_in(text(replication, "dest_resource", "endpoint"))
    for artifact in items(replication, "successful_artifact"):
        # `web:1.2`, or `web [3 item(s) in total]`
        name, _, tag = needed(artifact, "name_tag").partition(" ")[0].partition(":")
        yield pushed(f"{namespace}/{name}" if namespace else name, host, tag or None)


def read_google(_headers: Headers, body: object) -> Iterator[Nudge]:
    """Artifact Registry through a push subscription of the Pub/Sub topic `gcr` ("Configure Pub/Sub
    notifications", "Push subscriptions")."""
    try:
        data = load(base64.b64decode(needed(body, "message", "data"), validate=True))
    except binascii.Error:
        raise MalformedError("message.data is not Base64") from None
    if needed(data, "action") == "INSERT" and text(data, "tag"):
        yield pushed_reference(text(data, "tag"))


def read_jfrog(_headers: Headers, body: object) -> Iterator[Nudge]:
    """Artifactory ("Domain: docker"). Images are called by one of three names: behind the key of
    the repository that took them, behind a virtual one, or by a host of that repository's own."""
    if needed(body, "domain") != "docker" or needed(body, "event_type") == "deleted":
        return
    name = needed(body, "data", "image_name")
    key = text(body, "data", "repo_key")
    tag = needed(body, "data", "tag")
    if key:
        yield pushed(f"{key}/{name}", host_in(text(body, "jpd_origin")), tag)
    yield pushed(name, None, tag)


def read_nexus(headers: Headers, body: object) -> Iterator[Nudge]:
    """Nexus Repository ("Webhook: repository"). It does not tell at which host or port it serves
    the images."""
    needed(body, "action")
    if headers.get("x-nexus-webhook-id", "rm:repository:component") != "rm:repository:component":
        return
    if text(body, "component", "format") != "docker" or text(body, "action") == "DELETED":
        return
    tag = text(body, "component", "version")
    if is_tag(tag):
        yield pushed(needed(body, "component", "name"), None, tag)
