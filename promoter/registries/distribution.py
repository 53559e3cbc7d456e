"""A container registry over HTTP: OCI distribution specification 1.1, pulling and listing tags."""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urljoin

from promoter.access.credentials import Credential
from promoter.access.http import HttpClient, Response
from promoter.access.origin import origin_of
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from promoter.model.image import DOCKER_HUB, is_digest, is_tag
from promoter.registries.authorization import Authorization
from promoter.registries.bearer import Tokens
from promoter.registries.content import (
    BLOB_LIMIT,
    MANIFEST_LIMIT,
    check_digest,
    check_repository,
    check_tag,
    digest_of,
    objects_of,
    parse_object,
    verify,
)
from promoter.registries.headers import challenges, next_link
from promoter.registries.media_types import ACCEPTED_MANIFESTS

_SERVED_AT = {DOCKER_HUB: "registry-1.docker.io"}
_PAGE_SIZE = 1000  # the most that every registry in use accepts
_PAGE_LIMIT = 16 << 20
_MOST_PAGES = 1000
_UNKNOWN = frozenset({"MANIFEST_UNKNOWN", "BLOB_UNKNOWN"})
_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class DistributionRegistry:
    """One registry host; implements `model.ports.Registry`.

    `host` is what image names and the credentials file say; `base` is the URL that serves
    it where that is another one (a mirror). Plain HTTP needs `plain_http`, for every host.
    """

    def __init__(
        self,
        host: str,
        http: HttpClient,
        credential: Credential | None = None,
        *,
        plain_http: bool = False,
        base: str | None = None,
    ) -> None:
        scheme = "http" if plain_http else "https"
        self._host = host
        self._http = http
        self._credential = credential
        self._base = (base or f"{scheme}://{_SERVED_AT.get(host, host)}").rstrip("/")
        self._origin = origin_of(self._base)
        if self._origin.scheme != "https" and not plain_http:
            raise InputError(
                redact(f"{host} would be asked over plain HTTP at {self._origin}; allow it by name")
            )
        self._authorization = Authorization(
            credential, Tokens(host, http, credential, plain_http=plain_http)
        )

    def tags(self, repository: str) -> tuple[str, ...]:
        """Every tag, over all pages; see `Registry.tags`."""
        url: str | None = self._tags_url(repository)
        asked: set[str] = set()
        found: dict[str, None] = {}
        while url is not None:
            if url in asked or len(asked) == _MOST_PAGES:
                raise TransientError(redact(f"{self._host}: the tags of {repository} never end"))
            asked.add(url)
            tags, url = self._tag_page(repository, url)
            found.update(dict.fromkeys(tags))
        return tuple(found)

    def digest(self, repository: str, tag: str) -> str | None:
        """See `Registry.digest`; what HEAD leaves open is settled by GET."""
        url = self._url(repository, "manifests", check_tag(tag))
        head, sent = self._send("HEAD", repository, url, ACCEPTED_MANIFESTS, 0)
        if head.status == 401:
            raise InputError(redact(self._denied(repository, head.status, sent)))
        named = head.headers.get("Docker-Content-Digest", "")
        if head.status == 200 and is_digest(named) and head.media_type not in _PAGES:
            return named
        response = self._get(repository, url, ACCEPTED_MANIFESTS, MANIFEST_LIMIT)
        if response.status == 404:
            self._confirm_absence(repository, response)
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
        named = response.headers.get("Docker-Content-Digest", "")
        if not is_digest(named):
            return digest_of(response.body)
        verify(response.body, named, f"{self._host}/{repository}:{tag}")
        return named

    def manifest(self, repository: str, digest: str) -> bytes | None:
        return self._content(repository, "manifests", digest, ACCEPTED_MANIFESTS, MANIFEST_LIMIT)

    def blob(self, repository: str, digest: str) -> bytes | None:
        return self._content(repository, "blobs", digest, "*/*", BLOB_LIMIT)

    def _content(
        self, repository: str, kind: str, digest: str, accept: str, limit: int
    ) -> bytes | None:
        url = self._url(repository, kind, check_digest(digest))
        response = self._get(repository, url, accept, limit)
        if response.status == 404:
            self._confirm_absence(repository, response)
            return None
        return verify(response.body, digest, f"{self._host}/{repository}")

    def _url(self, repository: str, kind: str, reference: str) -> str:
        return f"{self._base}/v2/{check_repository(repository)}/{kind}/{reference}"

    def _tags_url(self, repository: str, size: int = _PAGE_SIZE) -> str:
        return f"{self._url(repository, 'tags', 'list')}?n={size}"

    def _tag_page(self, repository: str, url: str) -> tuple[list[str], str | None]:
        response = self._get(repository, url, "application/json", _PAGE_LIMIT)
        if response.status == 404:
            if _error_codes(response):
                self._refuse_repository(repository)
            raise InputError(
                redact(
                    f"{self._host} answers 404 to the tag list of '{repository}': there is no such"
                    " repository, or no registry at this address"
                )
            )
        content = parse_object(response.body)
        tags = content.get("tags", ()) if content is not None else ()
        if tags is None:  # what Go makes of an empty list
            tags = []
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise TransientError(redact(f"{self._host}: the tag list of '{repository}' is damaged"))
        following = next_link(", ".join(response.headers.getlist("Link")))
        if following is None:
            return list(filter(is_tag, tags)), None
        target = urljoin(response.url, following)
        if origin_of(target) != origin_of(response.url):
            raise InputError(
                redact(
                    f"{self._host}: the tag list of '{repository}' goes on at another address,"
                    f" {origin_of(target)}; not followed"
                )
            )
        return list(filter(is_tag, tags)), target

    def _confirm_absence(self, repository: str, response: Response) -> None:
        """Raises unless this 404 means that the repository is there and the content is not."""
        codes = _error_codes(response)
        if "NAME_UNKNOWN" in codes:
            self._refuse_repository(repository)
        if not codes & _UNKNOWN:
            there = origin_of(response.url)
            if there != self._origin:
                raise TransientError(
                    redact(f"{self._host} sends on to {there}, which answers 404 without a reason")
                )
            # No reason given: believed only of a repository that is there.
            self._tag_page(repository, self._tags_url(repository, 1))

    def _refuse_repository(self, repository: str) -> NoReturn:
        raise InputError(
            redact(f"{self._host} has no repository '{repository}'; check the image name")
        )

    def _get(self, repository: str, url: str, accept: str, limit: int) -> Response:
        """A 200 or a 404 of something that speaks like a registry; raises for all others."""
        response, sent = self._send("GET", repository, url, accept, limit)
        if response.status in (401, 403):
            raise InputError(redact(self._denied(repository, response.status, sent)))
        if response.media_type in _PAGES:
            raise InputError(
                redact(
                    f"{self._host} did not answer as a registry ({response.status},"
                    f" {response.media_type}); check the host, and whether a proxy or a login page"
                    " stands before it"
                )
            )
        if response.status not in (200, 404):
            codes = ", ".join(sorted(_error_codes(response)))
            raise InputError(
                redact(
                    f"{self._host} can't answer for '{repository}': status {response.status}"
                    + (f" ({codes[:100]})" if codes else "")
                )
            )
        return response

    def _send(
        self, method: str, repository: str, url: str, accept: str, limit: int
    ) -> tuple[Response, bool]:
        """The response, and whether something was sent to prove who asks."""
        headers = {"Accept": accept}
        # A page of tags may lie at another host, where a redirect led; nothing is sent there.
        ours = origin_of(url) == self._origin
        authorization = self._authorization.known(repository) if ours else None
        if authorization:
            headers["Authorization"] = authorization
        response = self._http.request(method, url, headers=headers, limit=limit)
        if response.status == 401 and origin_of(response.url) == self._origin:
            offered = challenges(response.headers.getlist("WWW-Authenticate"))
            answer = self._authorization.answer(offered, repository, authorization)
            if answer:
                authorization = headers["Authorization"] = answer
                response = self._http.request(method, url, headers=headers, limit=limit)
        return response, authorization is not None

    def _denied(self, repository: str, status: int, sent: bool) -> str:
        head = f"{self._host} refuses '{repository}' ({status})"
        entry = f"the entry '{self._host}' in the credentials file"
        if self._credential is None:
            return (
                f"{head}, and no credential was sent; add {entry}, or check that the repository"
                " exists"
            )
        if not sent:
            return f"{head} without asking for the credential, so none was sent; check {entry}"
        return (
            f"{head} although the credential of user '{self._credential.username}' was sent; check"
            f" username, password and the right to pull of {entry}"
        )


def _error_codes(response: Response) -> frozenset[str]:
    """The codes of a registry's error body (specification, section "Error Codes")."""
    errors = objects_of((parse_object(response.body) or {}).get("errors"))
    return frozenset(code for each in errors if isinstance(code := each.get("code"), str))
