"""A container registry over HTTP: OCI distribution specification 1.1, pulling and listing tags."""

from __future__ import annotations

import time

from promoter.access.credentials import Credential, CredentialsOf
from promoter.access.http import HttpClient, Response
from promoter.access.origin import origin_of
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from promoter.model.image import is_digest, short_digest
from promoter.model.ports import Referrer
from promoter.registries.content import (
    BLOB_LIMIT,
    MANIFEST_LIMIT,
    check_digest,
    check_tag,
    digest_of,
    parse_object,
    verify,
)
from promoter.registries.conversation import PAGES, Conversation, error_codes
from promoter.registries.media_types import ACCEPTED_MANIFESTS, INDEXES, OCI_INDEX, SCHEMA_1
from promoter.registries.pages import Walk, next_page
from promoter.registries.place import Place
from promoter.registries.presence import Presence
from promoter.registries.referrers import fallback_tag, once, read_referrers
from promoter.registries.store import ContentStore
from promoter.registries.tag_list import check_listed, list_tags

_UNKNOWN = frozenset({"MANIFEST_UNKNOWN", "BLOB_UNKNOWN"})
# How registries say that they list no referrers; Artifactory by 406, others by 200 and whatever.
_NO_API = frozenset({400, 404, 405, 406})
_MOST_PAGES = 100
_USELESS_AFTER = 3  # times in a row that GET had to tell what HEAD did not


class DistributionRegistry:
    """One registry host; implements `model.ports.Registry`.

    `host` is what image names and `credentials` say; `base` is the URL that serves it where that
    is another one: a mirror, or, with `/v2/` in its path, a proxy cache that holds the host's
    repositories below a prefix (`https://harbor.example.com/v2/dockerhub`). Plain HTTP needs
    `plain_http`. What `store` holds is not read again as long as the registry says that it is
    still there: a tag that names it, a manifest that refers to it, or a HEAD.
    """

    def __init__(
        self,
        host: str,
        http: HttpClient,
        credentials: CredentialsOf | None = None,
        *,
        plain_http: bool = False,
        base: str | None = None,
        store: ContentStore | None = None,
    ) -> None:
        place = Place.of(host, base, plain_http=plain_http)
        self._host = host
        self._origin = place.origin
        self._registry = Conversation(host, http, credentials or _nobody, place)
        self._store = store or ContentStore()
        self._presence = Presence(time.monotonic)
        self._head_failures = 0

    def tags(self, repository: str) -> tuple[str, ...]:
        """Every tag, over all pages; see `Registry.tags`."""
        return list_tags(self._registry, repository)

    def digest(self, repository: str, tag: str) -> str | None:
        """See `Registry.digest`; what HEAD leaves open is settled by GET.

        HEAD first, because Docker Hub counts no HEAD as a pull. A registry whose HEAD says
        nothing is soon asked by GET at once.
        """
        url = self._registry.place.url(repository, "manifests", check_tag(tag))
        if self._head_failures < _USELESS_AFTER:
            head = self._registry.head(repository, url, ACCEPTED_MANIFESTS)
            named = head.headers.get("Docker-Content-Digest", "")
            if (
                head.status == 200
                and is_digest(named)
                and head.media_type not in PAGES
                and head.media_type not in SCHEMA_1
            ):
                self._head_failures = 0
                self._presence.add(repository, (named,))
                return named
        digest = self._get_tagged(repository, tag, url)
        if digest is not None:
            self._head_failures += 1
        return digest

    def manifest(self, repository: str, digest: str) -> bytes | None:
        """See `Registry.manifest`."""
        data = self._kept(repository, "manifests", check_digest(digest))
        if data is None:
            data = self._read(repository, "manifests", digest, ACCEPTED_MANIFESTS, MANIFEST_LIMIT)
        if data is not None:
            self._presence.add_references(repository, digest, data)
        return data

    def blob(self, repository: str, digest: str) -> bytes | None:
        """See `Registry.blob`."""
        data = self._kept(repository, "blobs", check_digest(digest))
        if data is None:
            data = self._read(repository, "blobs", digest, "*/*", BLOB_LIMIT)
        return data

    def referrers(self, repository: str, digest: str) -> tuple[Referrer, ...]:
        """See `Registry.referrers`. Not filtered by type: registries need not know how."""
        short = short_digest(check_digest(digest))
        url: str | None = self._registry.place.url(repository, "referrers", digest)
        what = f"{self._host}: the list of what refers to {repository}@{short}"
        found: list[Referrer] = []
        walk = Walk(what, _MOST_PAGES)
        while url is not None:
            first = not walk.has_begun
            walk.enter(url)
            also = _NO_API | {200} if first else ()
            response = self._registry.get(repository, url, OCI_INDEX, MANIFEST_LIMIT, also=also)
            if first and (response.status != 200 or response.media_type not in INDEXES):
                return self._tagged_referrers(repository, digest, what)
            if response.status == 404:  # it did list the others
                raise TransientError(redact(f"{what} breaks off"))
            found += _read_index(response.body, what)
            url = next_page(response, f"/referrers/{digest}", what)
        return once(found)

    def _tagged_referrers(self, repository: str, digest: str, what: str) -> tuple[Referrer, ...]:
        tag = fallback_tag(digest)
        url = self._registry.place.url(repository, "manifests", tag)
        response = self._get_manifest(repository, url)
        if response is None:
            return ()
        self._verify_tagged(repository, tag, response)
        return _read_index(response.body, f"{what}, tag {tag},")

    def _get_tagged(self, repository: str, tag: str, url: str) -> str | None:
        """The digest of what a tag names, by GET."""
        response = self._get_manifest(repository, url)
        if response is None:
            return None
        content = parse_object(response.body)
        if content is None:
            raise TransientError(
                redact(f"{self._host}: the manifest of {repository}:{tag} is not JSON")
            )
        if content.get("schemaVersion") != 2:
            raise InputError(
                redact(
                    f"{self._host}: {repository}:{tag} is no OCI or Docker schema 2 image; push it"
                    " again with a current tool"
                )
            )
        digest = self._verify_tagged(repository, tag, response)
        self._store.put(self._scope(repository), digest, response.body)
        self._presence.add(repository, (digest,))
        return digest

    def _verify_tagged(self, repository: str, tag: str, response: Response) -> str:
        named = response.headers.get("Docker-Content-Digest", "")
        if not is_digest(named):
            return digest_of(response.body)
        verify(response.body, named, f"{self._host}/{repository}:{tag}")
        return named

    def _get_manifest(self, repository: str, url: str) -> Response | None:
        """What a tag names; None where it names nothing. Asked conditionally."""
        response = self._registry.get(
            repository, url, ACCEPTED_MANIFESTS, MANIFEST_LIMIT, conditional=True
        )
        if response.status == 404:
            self._confirm_absence(repository, response)
            return None
        return response

    def _kept(self, repository: str, kind: str, digest: str) -> bytes | None:
        """What the store holds, where the registry still does."""
        data = self._store.get(self._scope(repository), digest)
        if data is None or self._presence.has(repository, digest):
            return data
        if self._head_failures >= _USELESS_AFTER:
            return None
        url = self._registry.place.url(repository, kind, digest)
        accept = ACCEPTED_MANIFESTS if kind == "manifests" else "*/*"
        head = self._registry.head(repository, url, accept)
        if head.status != 200 or head.media_type in PAGES:
            return None  # GET tells why
        self._presence.add(repository, (digest,))
        return data

    def _read(
        self, repository: str, kind: str, digest: str, accept: str, limit: int
    ) -> bytes | None:
        url = self._registry.place.url(repository, kind, digest)
        response = self._registry.get(repository, url, accept, limit)
        if response.status == 404:
            self._confirm_absence(repository, response)
            return None
        data = verify(response.body, digest, f"{self._host}/{repository}")
        self._store.put(self._scope(repository), digest, data)
        self._presence.add(repository, (digest,))
        return data

    def _scope(self, repository: str) -> str:
        return f"{self._host}/{repository}"

    def _confirm_absence(self, repository: str, response: Response) -> None:
        """Raises unless this 404 means that the repository is there and the content is not."""
        codes = error_codes(response)
        if "NAME_UNKNOWN" in codes:
            self._registry.refuse_repository(repository)
        if not codes & _UNKNOWN:
            there = origin_of(response.url)
            if there != self._origin:
                raise TransientError(
                    redact(f"{self._host} sends on to {there}, which answers 404 without a reason")
                )
            # No reason given: believed only of a repository that is there.
            check_listed(self._registry, repository)


def _read_index(data: bytes, what: str) -> tuple[Referrer, ...]:
    try:
        return read_referrers(data)
    except ValueError as error:
        raise InputError(redact(f"{what} {error}")) from None


def _nobody(repository: str, refused: Credential | None = None) -> None:
    """No credentials at all."""
