"""The one HTTP client of the process: pooled, bounded in time and size, thread-safe.

It answers with whatever the server says below 500, except 429. Everything else is an error
of `promoter.errors` whose text holds the host and what happened, never a query or a header.
Redirects are followed here, by hand, because what may travel along (credentials)
depends on where they lead.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from promoter.access import patience
from promoter.access.budget import Rate, Slot, told
from promoter.access.call import OTHER, Peer, measured, refusals, tell_budget
from promoter.access.origin import Origin, origin_of
from promoter.access.pools import Pools
from promoter.access.redaction import redact
from promoter.access.server import Server, Servers
from promoter.access.tls import Contexts, TlsIdentity, trust_system
from promoter.access.trouble import (
    SilentError,
    TooLargeError,
    busy,
    proxy_wants_password,
    translate,
)
from promoter.errors import InputError, PromoterError, TransientError
from promoter.version import VERSION

DEFAULT_LIMIT = 4 << 20
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE = frozenset({"GET", "HEAD"})
_IDEMPOTENT = _SAFE | {"PUT", "DELETE", "OPTIONS"}
_WORTH_REPEATING = frozenset({429, 502, 503, 504})
# What another origin may see. Not the others: clouds put their tokens into headers of any name.
_FOR_ANYBODY = frozenset({"accept", "user-agent", "if-none-match"})
_USER_AGENT = f"promoter/{VERSION}"
_NO_RATES: Mapping[str, Rate] = MappingProxyType({})


@dataclass(frozen=True)
class Response:
    """A whole answer. `url` is where it came from in the end, after redirects."""

    url: str = field(repr=False)  # the query of a presigned one is a credential
    status: int
    headers: urllib3.HTTPHeaderDict = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case; empty where none was sent."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class _Request:
    """One request with all its tries; `until`: when the clock shows that, it is given up."""

    method: str
    url: str = field(repr=False)  # the query of a presigned one is a credential
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    limit: int
    until: float
    peer: Peer

    @property
    def is_pull(self) -> bool:
        """Whether Docker Hub counts it against the pull limit."""
        return self.method == "GET" and "/manifests/" in self.url

    @property
    def question(self) -> int:
        """Equal for what asks the same: a token endpoint is told in the body what is wanted."""
        return hash((self.url, self.body))


class HttpClient:
    """All times are in seconds; `longest_request` bounds a whole `request`, retries included,
    `longest_wait` one wait for a server that is busy or a budget that is used up.

    `proxies` is what `urllib.request.getproxies()` gives (scheme -> address, `no` -> list of
    hosts); None: ask it. `identities`: how a host is trusted (`promoter.access.tls`). `rates`:
    how often a `HOST` or `HOST:PORT` may be asked. `redirects` False: they are answers, not
    followed. `pause` waits, by `clock`; `now` tells whether a certificate has expired (None: not
    asked before a server says so).
    """

    def __init__(
        self,
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        longest_request: float = 60.0,
        tries: int = 3,
        longest_wait: float = 5.0,
        proxies: Mapping[str, str] | None = None,
        identities: Callable[[Origin], TlsIdentity] = trust_system,
        rates: Mapping[str, Rate] = _NO_RATES,
        redirects: bool = True,
        pause: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._timeout = Timeout(connect=connect_timeout, read=read_timeout)
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._longest_request = longest_request
        self._tries = tries
        self._longest_wait = longest_wait
        self._redirects = redirects
        self._pause = pause
        self._clock = clock
        found = urllib.request.getproxies() if proxies is None else proxies
        self._servers = Servers(Pools(found, identities, Contexts(now)), rates, clock)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = DEFAULT_LIMIT,
        peer: Peer = OTHER,
    ) -> Response:
        """Ask, and read at most `limit` bytes of the answer; it is counted as one of `peer`'s.

        Raises TransientError for network trouble, 429 and 5xx (with the wait the server asked
        for), after repeating idempotent requests; InputError for an untrusted certificate, an
        answer over the limit, and redirects that are endless or leave TLS.
        """
        until = self._clock() + self._longest_request
        sent = {"User-Agent": _USER_AGENT, **(headers or {})}
        first = url
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._persist(_Request(method, url, sent, body, limit, until, peer))
            is_redirect = response.status in _REDIRECTS and method in _SAFE
            if not is_redirect or not self._redirects:
                return response
            location = response.headers.get("Location")
            if not location:
                raise TransientError(
                    redact(f"{origin_of(first)} redirects without saying where to")
                )
            here = origin_of(url)
            try:
                url = urljoin(url, location)
                there = origin_of(url)
            except (InputError, ValueError):  # urljoin raises it for half an IPv6 address
                # Not repeated: a server may put there what it was told, in any encoding.
                raise InputError(
                    redact(f"{here} redirects to what is not an http or https address")
                ) from None
            if here.scheme == "https" and there.scheme != "https":
                raise InputError(
                    redact(f"{here} redirects from https to plain http at {there}; not followed")
                )
            if there != here:
                sent = {name: value for name, value in sent.items() if name.lower() in _FOR_ANYBODY}
        raise InputError(
            redact(
                f"{origin_of(first)} redirects more than {_MOST_REDIRECTS} times; check its address"
            )
        )

    def close(self) -> None:
        self._servers.close()

    def _persist(self, request: _Request) -> Response:
        """Ask until there is an answer, or no more sense in asking."""
        server, target = self._servers.find(request.url)
        slot, answers = self._take_turn(server, request, 0.0)
        tries = self._tries if request.method in _IDEMPOTENT else 1
        backoff = 0.25
        while True:
            tries -= 1
            try:
                response = self._try(server, target, request, answers)
            except TransientError as error:
                trouble, repeat, pause = error, True, 0.0
            else:
                said = told(response.status, response.headers)
                server.budget.learn(slot, said, self._clock())
                if response.status < 500 and response.status != 429:
                    return response
                trouble = busy(server.origin, response.status, said)
                repeat = response.status in _WORTH_REPEATING
                pause = said.pause or 0.0
            if not repeat or tries < 1:
                raise trouble
            try:
                slot, answers = self._take_turn(server, request, max(backoff, pause))
            except TransientError:
                raise trouble from None
            backoff *= 4

    def _take_turn(self, server: Server, request: _Request, at_least: float) -> tuple[Slot, int]:
        """Wait until this request may go out; raises TransientError where that is too long."""
        while True:
            now = self._clock()
            most = min(self._longest_wait, request.until - now)
            with refusals(request.peer, "budget"):
                slot = server.budget.reserve(
                    now, most, at_least=at_least, pull=request.is_pull, question=request.question
                )
            tell_budget(request.peer, server.budget.left)
            if slot.wait > 0:
                self._pause(slot.wait)
                at_least = 0.0
            if slot.wait <= 0 or server.budget.holds(slot):
                with refusals(request.peer, "silence"):
                    return slot, server.circuit.check(request.question, self._clock())

    def _try(self, server: Server, target: str, request: _Request, answers: int) -> Response:
        """One try, and what it says of whether the server is there."""
        try:
            with measured(request.peer, request.method, server.origin.host) as call:
                response = self._send(server, target, request)
                call.answered(response.status, response.headers)
        except SilentError as error:
            server.circuit.failed(request.question, answers, error.message, self._clock())
            raise
        except PromoterError:
            server.circuit.answered(request.question)
            raise
        except ValueError:
            # http.client quotes the offending header in its message: it must not be shown.
            raise InputError(
                redact(f"{server.origin}: the request holds characters that HTTP can't carry")
            ) from None
        server.circuit.answered(request.question)
        return response

    def _send(self, server: Server, target: str, request: _Request) -> Response:
        left = request.until - self._clock()
        timeout = self._timeout
        if left < self._connect_timeout or left < self._read_timeout:
            left = max(left, 0.001)
            timeout = Timeout(
                connect=min(self._connect_timeout, left), read=min(self._read_timeout, left)
            )
        pool = server.pool
        patience.until.set(time.monotonic() + left)
        try:
            reply = pool.ask(
                request.method, request.url, target, request.headers, request.body, timeout
            )
            try:
                # Nobody reads the body of an error page, and it may be of any size.
                wanted = reply.status < 500 and reply.status != 429
                has_body = wanted and request.method != "HEAD"
                content = self._read(reply, request, server.origin) if has_body else b""
            except BaseException:
                reply.close()
                raise
            if wanted:
                reply.release_conn()
            else:
                reply.close()
        except HTTPError as error:
            raise translate(error, server.origin, pool.identity) from None
        if reply.status == 407:
            raise proxy_wants_password(server.origin)
        return Response(request.url, reply.status, reply.headers, content)

    def _read(self, reply: urllib3.BaseHTTPResponse, request: _Request, origin: Origin) -> bytes:
        chunks = []
        size = 0
        # read1 comes back with what is there, so that a server that drips can't outlive `until`
        while chunk := reply.read1(1 << 16):
            chunks.append(chunk)
            size += len(chunk)
            if size > request.limit:
                raise TooLargeError(
                    redact(f"{origin}: the answer is larger than {request.limit:,} bytes; not read")
                )
            if self._clock() > request.until:
                raise TransientError(redact(f"{origin} did not finish its answer in time"))
        return b"".join(chunks)
