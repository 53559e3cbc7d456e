"""CloudEvents, and what comes inside: CDEvents, Tekton's, Amazon's, Harbor's. Pure; each function
raises MalformedError.

CloudEvents 1.0 over HTTP ("HTTP Protocol Binding", sections 3.1 to 3.3): the attributes stand in
headers, in the body beside the data, or in each entry of a list.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

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
from promoter.service.webhooks.registries import read_harbor_data
from promoter.service.webhooks.request import Headers


@dataclass(frozen=True)
class CloudEvent:
    type: str
    source: str
    subject: str
    data: object


def read_cloud_events(headers: Headers, body: object) -> Iterator[Nudge]:
    """One event or several, in any mode; those of types that we don't know name an image in their
    data, or are nothing to us."""
    for event in _cloud_events(headers, body):
        reader = next((each for prefix, each in _BY_TYPE if event.type.startswith(prefix)), None)
        yield from (reader or _read_any)(event)


def read_cdevents(headers: Headers, body: object) -> Iterator[Nudge]:
    """CDEvents, as they are or in a CloudEvent (cdevents.dev, "CloudEvents binding")."""
    if isinstance(body, dict) and "context" in body and "specversion" not in body:
        yield from _read_cdevent(CloudEvent(needed(body, "context", "type"), "", "", body))
    else:
        yield from read_cloud_events(headers, body)


def read_ecr(headers: Headers, body: object) -> Iterator[Nudge]:
    """Amazon ECR through EventBridge: its own format ("Sample events from Amazon ECR"), or made a
    CloudEvent by an input transformer."""
    kind = text(body, "detail-type")
    if not kind:
        yield from read_cloud_events(headers, body)
        return
    detail = member(body, "detail")
    host = _ecr_host(text(body, "account"), text(body, "region"))
    if kind in ("ECR Image Action", "ECR Replication Action"):
        if text(detail, "action-type") == "DELETE" or text(detail, "result") == "FAILURE":
            return
        path = needed(detail, "repository-name")
        if text(detail, "image-tag"):
            yield pushed(path, host, text(detail, "image-tag"))
    elif kind == "ECR Image Scan":
        yield pushed(needed(detail, "repository-name"), host, None)


def _cloud_events(headers: Headers, body: object) -> Iterator[CloudEvent]:
    if "ce-specversion" in headers:
        yield CloudEvent(
            headers.get("ce-type", ""),
            headers.get("ce-source", ""),
            headers.get("ce-subject", ""),
            body,
        )
        return
    for event in items(body) if isinstance(body, list) else (body,):
        needed(event, "specversion")
        yield CloudEvent(
            needed(event, "type"), text(event, "source"), text(event, "subject"), _data(event)
        )


def _data(event: object) -> object:
    packed = text(event, "data_base64")
    if not packed:
        return member(event, "data")
    try:
        return load(base64.b64decode(packed, validate=True))
    except binascii.Error:
        raise MalformedError("data_base64 is not Base64") from None


def _read_harbor(event: CloudEvent) -> Iterator[ImagePushed]:
    yield from read_harbor_data(event.type, event.data)


def _read_ecr_push(event: CloudEvent) -> Iterator[ImagePushed]:
    """What others make of an ECR push: `urn:aws:ecr:REGION:ACCOUNT:repository/NAME`."""
    named, _, labelled = event.subject.partition(":")
    path = text(event.data, "repositoryName") or named
    tag = text(event.data, "imageTag") or labelled
    if not path or not tag:
        raise MalformedError(f"data.{'imageTag' if path else 'repositoryName'} is missing")
    region = (event.source.split(":") + [""] * 4)[3]
    yield pushed(path, _ecr_host(text(event.data, "registryId"), region), tag)


def _ecr_host(account: str, region: str) -> str | None:
    if not account.isdecimal() or not region:
        return None
    china = ".cn" if region.startswith("cn-") else ""
    return host_in(f"{account}.dkr.ecr.{region}.amazonaws.com{china}")


def _read_cdevent(event: CloudEvent) -> Iterator[ImagePushed]:
    """An artifact that was packaged, published or signed; its id is a purl (CDEvents, "Artifact
    Published")."""
    kind = text(event.data, "context", "type") or event.type
    wanted = ("packaged.", "published.", "signed.")
    if kind.removeprefix("dev.cdevents.artifact.").startswith(wanted):
        yield from _read_purl(needed(event.data, "subject", "id"))


def _read_purl(purl: str) -> Iterator[ImagePushed]:
    """`pkg:oci/NAME@DIGEST?repository_url=HOST/PATH&tag=TAG` (purl, "OCI image"), also of type
    docker with its tag as the version; an artifact of another kind is nothing to us."""
    kind, _, rest = purl.removeprefix("pkg:").lstrip("/").partition("/")
    if not purl.startswith("pkg:") or kind.lower() not in ("oci", "docker"):
        return
    place, _, query = rest.partition("#")[0].partition("?")
    name, _, version = place.partition("@")
    try:
        told = {key: values[0] for key, values in parse_qs(query, max_num_fields=20).items()}
    except ValueError:
        raise MalformedError("subject.id has too many qualifiers") from None
    version = unquote(version)
    tag = told.get("tag") or (version if ":" not in version else "") or None
    url = told.get("repository_url", "")
    if not url:
        yield pushed(unquote(name), None, tag)
        return
    host, _, path = url.partition("://")[2].partition("/") if "://" in url else url.partition("/")
    yield pushed(path.strip("/"), host_in(host), tag)


def _read_tekton(event: CloudEvent) -> Iterator[ImagePushed]:
    """A run that built an image says so in its results IMAGE_URL and IMAGE_DIGEST (Tekton Chains,
    "Type hinting"). Pipelines send runs in v1beta1 and v1, whose statuses differ."""
    if not event.type.endswith(".successful.v1"):
        return
    for run, results in (
        ("pipelineRun", "pipelineResults"),
        ("pipelineRun", "results"),
        ("taskRun", "taskResults"),
        ("taskRun", "results"),
    ):
        if member(event.data, run, "status", results) is None:
            continue
        for result in items(event.data, run, "status", results):
            # `web-IMAGE_URL` and the like, where a run builds several
            if text(result, "name").endswith("IMAGE_URL"):
                yield pushed_reference(needed(result, "value").strip())


def _read_any(event: CloudEvent) -> Iterator[ImagePushed]:
    """Data that names an image under one of the usual names. Anything else is nothing to us: a
    broker hands on whatever there is."""

    def first(*names: str) -> str:
        found = (member(event.data, name) for name in names)
        return next((each for each in found if isinstance(each, str) and each), "")

    path = first("repository", "repositoryName", "repository_name")
    image = first("image", "imageUrl", "image_url", "imageName", "image_name")
    registry = first("registryUrl", "registry", "registry_url")
    if not registry and "://" in event.source:
        registry = event.source
    tag = first("tag", "imageTag", "image_tag")
    with suppress(MalformedError):
        if path:
            yield pushed(path, host_in(registry), tag or None)
        elif image:
            yield pushed_reference(image)


_BY_TYPE: tuple[tuple[str, Callable[[CloudEvent], Iterator[ImagePushed]]], ...] = (
    ("dev.cdevents.", _read_cdevent),
    ("dev.tekton.event.", _read_tekton),
    ("harbor.", _read_harbor),
    ("com.amazon.ecr.image.push", _read_ecr_push),
)
