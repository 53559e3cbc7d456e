"""Bearer tokens as the distribution token specification has them (docs: "Token authentication",
"Oauth2 token authentication").

The registry's 401 names a realm; the realm trades the credential (or nothing, for public
repositories) for a short-lived token that may pull one repository.

A realm may be at another host than its registry (Docker Hub's is): the registry names it over a
connection that is as safe as the one that would carry the credential itself under Basic, so it
learns nothing that it could not have asked for. It must be https. Plain HTTP is followed only
where it was allowed for the registry, and then only to the registry's own host name.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import NamedTuple, Self
from urllib.parse import urlencode

from urllib3.util import make_headers

from promoter.access.call import Peer
from promoter.access.credentials import Credential, CredentialsOf, why_none
from promoter.access.credentials.seconds import seconds_from
from promoter.access.http import HttpClient, Response
from promoter.access.origin import Origin, origin_of
from promoter.access.redaction import redact, register_passing
from promoter.errors import InputError, TransientError
from promoter.registries.content import parse_object
from promoter.registries.details import parse_time
from promoter.registries.headers import Challenge
from promoter.registries.place import Place
from promoter.registries.presentations import Presentations, owner_of, what_to_check

_LIMIT = 1 << 20
_LONGEST_TOKEN = 1 << 14  # characters; servers take no longer headers, and many are remembered
_LIFETIME = 60.0  # seconds, where the realm does not say
_SHORTEST = 5.0  # whatever clocks say: else each request would fetch a token of its own
_LONGEST = 86_400.0
_MARGIN = 0.9  # of the lifetime: a token must still be valid when it arrives
_MOST_TOKENS = 10_000
_CLIENT = "promoter"
_REFUSALS = frozenset({400, 401, 403})
# GCR answers 404 to the POST, Artifactory 401; both take the same secret by Basic.
_NO_POST = frozenset({401, 404, 405})


class _Key(NamedTuple):
    realm: str
    service: str
    repository: str

    @classmethod
    def of(cls, challenge: Challenge, repository: str) -> Self:
        _, realm, service = challenge.leads_to
        return cls(realm, service, repository)


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    credential: Credential | None
    until: float


@dataclass
class _Slot:
    """One at a time fetches what stands here; `token` None: nothing yet."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: _Token | None = None


def basic(credential: Credential) -> str:
    """The value of an Authorization header for Basic (RFC 7617, in UTF-8)."""
    pair = f"{credential.username}:{credential.password}"
    # make_headers writes latin-1; bytes of UTF-8 pass through it unharmed.
    return make_headers(basic_auth=pair.encode().decode("latin-1"))["authorization"]


class Tokens:
    """The tokens of one registry, by what they are for; thread-safe, one request per token.

    The least recently used one is forgotten when there are too many. A token of one repository
    is never given for another.
    """

    def __init__(
        self,
        host: str,
        http: HttpClient,
        credentials: CredentialsOf,
        place: Place,
        presentations: Presentations,
        *,
        clock: Callable[[], float] = time.monotonic,
        most: int = _MOST_TOKENS,
    ) -> None:
        self._host = host
        self._http = http
        self._peer = Peer("token", host)
        self._credentials = credentials
        self._place = place
        self._presentations = presentations
        self._clock = clock
        self._most = most
        self._guard = threading.Lock()
        self._slots: OrderedDict[_Key, _Slot] = OrderedDict()

    def kept(self, challenge: Challenge, repository: str) -> tuple[str, Credential | None] | None:
        """The token that is there and still good, and whose it is: as `get`, without a request."""
        with self._guard:
            slot = self._slots.get(_Key.of(challenge, repository))
        token = slot.token if slot else None
        if token is None or token.until <= self._clock():
            return None
        return token.text, token.credential

    def get(
        self,
        challenge: Challenge,
        repository: str,
        credential: Credential | None,
        refused: str | None = None,
    ) -> tuple[str, Credential | None]:
        """A token that may pull `repository`, and whose it is; never the one that was `refused`
        by the registry, except where the realm gives it again.

        Where the realm refuses `credential`, its source is asked for another one, once. Raises
        InputError where the realm refuses or is no safe place for a credential, TransientError
        where it gives no usable answer.
        """
        key = _Key.of(challenge, repository)
        slot = self._slot(key)
        with slot.lock:
            token = slot.token
            if token is None or token.text == refused or token.until <= self._clock():
                token = slot.token = self._fetch(key, credential)
            return token.text, token.credential

    def _slot(self, key: _Key) -> _Slot:
        with self._guard:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self._most:
                self._slots.popitem(last=False)
            return slot

    def _fetch(self, key: _Key, credential: Credential | None) -> _Token:
        origin = self._check_realm(key.realm)
        # Asked before the request: the lifetime must not begin later than the realm counts it.
        now = self._clock()
        response = self._show(key, credential)
        if credential is not None and (isinstance(response, str) or response.status in _REFUSALS):
            other = self._credentials(key.repository, credential)
            if other is not None and other != credential:
                credential = other
                response = self._show(key, credential)
        if isinstance(response, str):
            raise InputError(redact(f"{origin}: {response}"))
        if response.status in (401, 403):
            raise InputError(redact(self._refused(origin, key, credential, response.status)))
        answer = parse_object(response.body) if response.status == 200 else None
        text = (answer or {}).get("token") or (answer or {}).get("access_token")
        if answer is None or not isinstance(text, str) or not _is_sendable(text):
            raise TransientError(
                redact(f"{origin} gave no usable token for {self._host} ({response.status})")
            )
        register_passing(text)
        return _Token(text, credential, now + _MARGIN * _lifetime(answer, response))

    def _check_realm(self, realm: str) -> Origin:
        try:
            origin = origin_of(realm)
        except InputError:
            raise InputError(
                f"{self._host} wants a token and does not say where to fetch it (its 'realm' is"
                " no http or https address); check that a registry answers there"
            ) from None
        ours = self._place.origin
        if origin.scheme == "https" or (ours.scheme == "http" and origin.host == ours.host):
            return origin
        raise InputError(
            redact(
                f"{self._host} wants its tokens fetched over plain HTTP at {origin}; no"
                " credential is sent that way"
            )
        )

    def _show(self, key: _Key, credential: Credential | None) -> Response | str:
        """The realm's answer; a text says why the credential is not to be sent now."""
        if credential is None:
            return self._ask(key, None)
        ask = partial(self._ask, key, credential)
        return self._presentations.show(credential, key.repository, key.realm, ask)

    def _ask(self, key: _Key, credential: Credential | None) -> Response:
        query = {"scope": f"repository:{self._place.name(key.repository)}:pull"}
        if key.service:
            query["service"] = key.service
        if credential is not None and credential.kind == "identity-token":
            form = {
                "grant_type": "refresh_token",
                "client_id": _CLIENT,
                "refresh_token": credential.password,
                **query,
            }
            response = self._http.request(
                "POST",
                key.realm,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode(form).encode(),
                limit=_LIMIT,
                peer=self._peer,
            )
            if response.status not in _NO_POST:
                return response
        url = f"{key.realm}{'&' if '?' in key.realm else '?'}{urlencode(query)}"
        headers = {"Authorization": basic(credential)} if credential else {}
        return self._http.request("GET", url, headers=headers, limit=_LIMIT, peer=self._peer)

    def _refused(self, realm: Origin, key: _Key, credential: Credential | None, status: int) -> str:
        head = f"{self._host}: {realm} gives no token to pull '{key.repository}' ({status})"
        if credential is None:
            why = why_none(self._credentials, self._host, key.repository)
            return f"{head} without a credential; {why}"
        return f"{head} to {owner_of(credential)}; {what_to_check(credential, self._place)}"


def _lifetime(answer: dict[str, object], response: Response) -> float:
    """Seconds that a token has left. Of a token that a realm hands out again, what passed since
    `issued_at` is gone; it counts by the realm's own Date, so no clock of ours is involved."""
    lifetime = seconds_from(answer.get("expires_in")) or _LIFETIME
    return max(min(lifetime, _LONGEST) - _age(answer.get("issued_at"), response), _SHORTEST)


def _age(issued_at: object, response: Response) -> float:
    issued = parse_time(issued_at) if isinstance(issued_at, str) else None
    try:
        said: datetime = parsedate_to_datetime(response.headers.get("Date", ""))
        return max((said - issued).total_seconds(), 0.0) if issued else 0.0
    except (TypeError, ValueError, OverflowError):  # no date, none of this era, or without a zone
        return 0.0


def _is_sendable(token: str) -> bool:
    """Whether it fits in a header; http.client would quote it in its complaint otherwise."""
    whole = token.isascii() and token.isprintable() and " " not in token
    return whole and 0 < len(token) <= _LONGEST_TOKEN
