"""Bearer tokens as the distribution token specification has them (docs: "Token authentication").

The registry's 401 names a realm; the realm trades the credential (or nothing, for public
repositories) for a short-lived token that may pull one repository.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from urllib3.util import make_headers

from promoter.access.credentials import Credential
from promoter.access.http import HttpClient
from promoter.access.origin import origin_of
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from promoter.registries.content import parse_object
from promoter.registries.headers import Challenge

_LIMIT = 1 << 20
_LIFETIME = 60.0  # seconds, where the realm does not say
_MARGIN = 0.9  # of the lifetime: a token must still be valid when it arrives


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    until: float


def basic(credential: Credential) -> str:
    """The value of an Authorization header for Basic (RFC 7617, in UTF-8)."""
    pair = f"{credential.username}:{credential.password}"
    # make_headers writes latin-1; bytes of UTF-8 pass through it unharmed.
    return make_headers(basic_auth=pair.encode().decode("latin-1"))["authorization"]


class Tokens:
    """The tokens of one registry, by what they are for; thread-safe, one request per token."""

    def __init__(
        self,
        host: str,
        http: HttpClient,
        credential: Credential | None,
        *,
        plain_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._http = http
        self._credential = credential
        self._plain_http = plain_http
        self._clock = clock
        self._guard = threading.Lock()
        self._locks: dict[tuple[str, str, str], threading.Lock] = {}
        self._tokens: dict[tuple[str, str, str], _Token] = {}

    def get(self, challenge: Challenge, repository: str, refused: str | None = None) -> str:
        """A token that may pull `repository`; never the one that was `refused`.

        Raises InputError where the realm refuses or is no safe place for a credential,
        TransientError where it gives no usable answer.
        """
        realm = challenge.parameters.get("realm", "")
        key = (realm, challenge.parameters.get("service", ""), repository)
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            token = self._tokens.get(key)
            if token is None or token.text == refused or token.until <= self._clock():
                token = self._fetch(*key)
                self._tokens[key] = token
            return token.text

    def _fetch(self, realm: str, service: str, repository: str) -> _Token:
        try:
            origin = origin_of(realm)
        except InputError:
            raise InputError(
                f"{self._host} wants a token and does not say where to fetch it (its 'realm' is"
                " no http or https address); check that a registry answers there"
            ) from None
        if origin.scheme != "https" and not self._plain_http:
            raise InputError(
                redact(
                    f"{self._host} wants its tokens fetched over plain HTTP at {origin}; no"
                    " credential is sent that way"
                )
            )
        query = {"scope": f"repository:{repository}:pull"}
        if service:
            query["service"] = service
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        headers = {"Authorization": basic(self._credential)} if self._credential else {}
        # Asked before the request: the lifetime must not begin later than the realm counts it.
        now = self._clock()
        response = self._http.request("GET", url, headers=headers, limit=_LIMIT)
        if response.status in (401, 403):
            raise InputError(redact(self._refused(f"{origin}", repository, response.status)))
        answer = parse_object(response.body) if response.status == 200 else None
        text = (answer or {}).get("token") or (answer or {}).get("access_token")
        if answer is None or not isinstance(text, str) or not _is_sendable(text):
            raise TransientError(
                redact(f"{origin} gave no token for {self._host} ({response.status})")
            )
        lifetime = answer.get("expires_in")
        if not isinstance(lifetime, int | float) or lifetime <= 0:
            lifetime = _LIFETIME
        return _Token(text, now + _MARGIN * lifetime)

    def _refused(self, realm: str, repository: str, status: int) -> str:
        head = f"{self._host}: {realm} gives no token to pull '{repository}' ({status})"
        if self._credential is None:
            return (
                f"{head} without a credential; add an entry '{self._host}' to the credentials"
                " file, or check that the repository exists"
            )
        return (
            f"{head} to user '{self._credential.username}'; check username, password and the right"
            f" to pull of the entry '{self._host}' in the credentials file"
        )


def _is_sendable(token: str) -> bool:
    """Whether it fits in a header; http.client would quote it in its complaint otherwise."""
    return token.isascii() and token.isprintable() and " " not in token
