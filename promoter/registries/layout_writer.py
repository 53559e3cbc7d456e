"""Writes images into a directory of OCI image layouts, for the demo and for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from promoter.errors import InputError, Where
from promoter.registries.content import check_repository, check_tag, texts_of
from promoter.registries.images import BuiltImage, build_image
from promoter.registries.layout import (
    INDEX_FILE,
    LAYOUT_FILE,
    LAYOUT_VERSION,
    REF_NAME,
    blob_file,
    read_index,
)
from promoter.registries.media_types import OCI_INDEX


def write_image(
    path: Path,
    repository: str,
    tag: str,
    *,
    created: datetime,
    labels: Mapping[str, str],
    platforms: Sequence[str] = ("linux/amd64",),
) -> str:
    """Write a small image as `repository:tag` below `path`; returns its digest.

    A tag that exists moves to it; the image it named before stays readable by digest. The
    index is replaced in one step, after all that it names. One writer at a time.
    """
    image = build_image(created, labels, platforms)
    layout = path / check_repository(repository)
    check_tag(tag)
    try:
        _write(layout, tag, image)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", where=Where(str(layout))) from None
    return image.digest


def remove_tag(path: Path, repository: str, tag: str) -> None:
    """Take a tag away; its image stays readable by digest, as in a registry before it collects
    its garbage. A tag that is not there is no error."""
    layout = path / check_repository(repository)
    _write_index(layout, _entries_but(layout, check_tag(tag)))


def _write(layout: Path, tag: str, image: BuiltImage) -> None:
    contents = {**image.blobs, **{each.digest: each.data for each in image.manifests}}
    for digest, data in contents.items():
        file = blob_file(layout, digest)
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace(file, data)
    _replace(layout / LAYOUT_FILE, json.dumps({"imageLayoutVersion": LAYOUT_VERSION}).encode())
    top = {
        "mediaType": image.top.media_type,
        "digest": image.digest,
        "size": len(image.top.data),
        "annotations": {REF_NAME: tag},
    }
    _write_index(layout, [*_entries_but(layout, tag), top])


def _entries_but(layout: Path, tag: str) -> list[dict[str, object]]:
    index = layout / INDEX_FILE
    return [
        each
        for each in (read_index(index) if index.exists() else ())
        if texts_of(each.get("annotations")).get(REF_NAME) != tag
    ]


def _write_index(layout: Path, manifests: Sequence[Mapping[str, object]]) -> None:
    whole = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(manifests)}
    _replace(layout / INDEX_FILE, json.dumps(whole, indent=2, sort_keys=True).encode() + b"\n")


def _replace(file: Path, data: bytes) -> None:
    """A reader sees the old bytes or the new ones, never half of them."""
    draft = file.with_name(f".{file.name}.new")
    draft.write_bytes(data)
    draft.replace(file)
