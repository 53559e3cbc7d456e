"""Images in a directory: one OCI image layout (image-spec, image-layout) for each repository.

Repository `shop/web` of the directory PATH is the layout PATH/shop/web; a tag is the
annotation `org.opencontainers.image.ref.name`. So `skopeo copy ... oci:PATH/shop/web:1.2.0`
fills it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from promoter.errors import InputError, Where
from promoter.model.image import is_digest, is_tag
from promoter.model.ports import Referrer
from promoter.registries.content import (
    BLOB_LIMIT,
    MANIFEST_LIMIT,
    check_digest,
    check_repository,
    check_tag,
    objects_of,
    parse_object,
    texts_of,
    verify,
)
from promoter.registries.referrers import describe, fallback_tag, once, read_referrers

LAYOUT_FILE = "oci-layout"
LAYOUT_VERSION = "1.0.0"
INDEX_FILE = "index.json"
REF_NAME = "org.opencontainers.image.ref.name"


class LayoutRegistry:
    """A directory of layouts; implements `model.ports.Registry`. Everything is read each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tags(self, repository: str) -> tuple[str, ...]:
        """Every tag; raises InputError with the file where the layout is damaged."""
        return tuple(self._digests(repository))

    def digest(self, repository: str, tag: str) -> str | None:
        return self._digests(repository).get(check_tag(tag))

    def manifest(self, repository: str, digest: str) -> bytes | None:
        return self._content(repository, digest, MANIFEST_LIMIT)

    def blob(self, repository: str, digest: str) -> bytes | None:
        return self._content(repository, digest, BLOB_LIMIT)

    def referrers(self, repository: str, digest: str) -> tuple[Referrer, ...]:
        """By the fallback tag, and by the `subject` of every manifest that index.json lists."""
        file = self._layout(repository) / INDEX_FILE
        found: list[Referrer] = []
        tagged = self._digests(repository).get(fallback_tag(check_digest(digest)))
        if tagged is not None:
            found += _referrers_of(self.manifest(repository, tagged), file)
        for descriptor in read_index(file):
            listed = descriptor.get("digest")
            if not isinstance(listed, str) or not is_digest(listed):
                continue
            content = parse_object(self.manifest(repository, listed) or b"") or {}
            subject = content.get("subject")
            if isinstance(subject, dict) and subject.get("digest") == digest:
                found.append(describe(listed, content))
        return once(found)

    def _content(self, repository: str, digest: str, limit: int) -> bytes | None:
        file = blob_file(self._layout(repository), check_digest(digest))
        data = _read(file, limit)
        return None if data is None else verify(data, digest, str(file))

    def _layout(self, repository: str) -> Path:
        """The layout's directory, checked to be one, below the registry's directory."""
        root = self._path.resolve()
        layout = (root / check_repository(repository)).resolve()
        if not root.is_dir():
            raise InputError("there is no such directory of image layouts", where=_at(self._path))
        if not layout.is_relative_to(root):
            raise InputError(
                f"repository '{repository}' is a link that leads out of it", where=_at(self._path)
            )
        if not layout.is_dir():
            raise InputError(
                f"has no repository '{repository}'; check the image name", where=_at(self._path)
            )
        file = layout / LAYOUT_FILE
        version = _read_object(file).get("imageLayoutVersion")
        if version != LAYOUT_VERSION:
            raise InputError(
                f"imageLayoutVersion must be '{LAYOUT_VERSION}', not {version!r}", where=_at(file)
            )
        return layout

    def _digests(self, repository: str) -> dict[str, str]:
        file = self._layout(repository) / INDEX_FILE
        found: dict[str, str] = {}
        for each in read_index(file):
            tag = texts_of(each.get("annotations")).get(REF_NAME)
            digest = each.get("digest")
            if tag is None or not is_tag(tag):
                continue  # an image without a name, or with one of another kind of tool
            if not isinstance(digest, str) or not is_digest(digest):
                raise InputError(f"tag '{tag}' has no valid digest", where=_at(file))
            if found.setdefault(tag, digest) != digest:
                raise InputError(f"tag '{tag}' names two images; remove one", where=_at(file))
        return found


def read_index(file: Path) -> list[dict[str, object]]:
    """The descriptors in an index.json; raises InputError where it is not one."""
    manifests = _read_object(file).get("manifests")
    if not isinstance(manifests, list) or len(objects_of(manifests)) != len(manifests):
        raise InputError("is not an image index: 'manifests' must be a list", where=_at(file))
    return objects_of(manifests)


def _referrers_of(index: bytes | None, file: Path) -> tuple[Referrer, ...]:
    if index is None:
        raise InputError("lists referrers that are missing", where=_at(file))
    try:
        return read_referrers(index)
    except ValueError as error:
        raise InputError(f"a list of referrers {error}", where=_at(file)) from None


def blob_file(layout: Path, digest: str) -> Path:
    algorithm, _, encoded = digest.partition(":")
    return layout / "blobs" / algorithm / encoded


def _read_object(file: Path) -> dict[str, object]:
    data = _read(file, MANIFEST_LIMIT)
    if data is None:
        raise InputError("is missing, so this is not an OCI image layout", where=_at(file))
    content = parse_object(data)
    if content is None:
        raise InputError("is not a JSON object; write the layout again", where=_at(file))
    return content


def _read(file: Path, limit: int) -> bytes | None:
    """The file's bytes, at most `limit`; None where it is absent."""
    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        _unreadable(file, error)
    if len(data) > limit:
        raise InputError(f"is larger than {limit:,} bytes; not read", where=_at(file))
    return data


def _unreadable(file: Path, error: OSError) -> NoReturn:
    raise InputError(f"can't be read: {error.strerror}", where=_at(file)) from None


def _at(path: Path) -> Where:
    return Where(str(path))
