"""The one HTTP client of the process: pooled, bounded in time and size, thread-safe.

It answers with whatever the server says below 500, except 429. Everything else is an error
of `promoter.errors` whose text holds the host and what happened, never a query or a header.
Redirects are followed here, by hand, because what may travel along (credentials)
depends on where they lead.
"""

from __future__ import annotations

import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, make_headers, parse_url

from promoter.access import redaction
from promoter.access.origin import DEFAULT_PORTS, Origin, origin_of
from promoter.access.redaction import redact
from promoter.access.trouble import busy, retry_after, translate
from promoter.errors import InputError, TransientError
from promoter.version import VERSION

DEFAULT_LIMIT = 4 << 20
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE = frozenset({"GET", "HEAD"})
_IDEMPOTENT = _SAFE | {"PUT", "DELETE", "OPTIONS"}
_WORTH_REPEATING = frozenset({429, 502, 503, 504})
_CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_CONNECTIONS = 64  # per host; measured in STACK.md


@dataclass(frozen=True)
class Response:
    """A whole answer. `url` is where it came from in the end, after redirects."""

    url: str
    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case; empty where none was sent."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class _Deadline:
    at: float

    def left(self) -> float:
        return self.at - time.monotonic()


class HttpClient:
    """All times are in seconds; `longest_request` bounds a whole `request`, retries included.

    `proxies` is what `urllib.request.getproxies()` gives (scheme -> address, `no` -> list of
    hosts); None: ask it. `pause` waits between two tries.
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
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._longest_request = longest_request
        self._tries = tries
        self._longest_wait = longest_wait
        self._pause = pause
        self._proxies = dict(urllib.request.getproxies() if proxies is None else proxies)
        # One context for all: reading the trust store costs more than a handshake.
        self._tls = ssl.create_default_context()
        self._direct = urllib3.PoolManager(
            num_pools=_CONNECTIONS, maxsize=_CONNECTIONS, ssl_context=self._tls
        )
        self._by_proxy = {
            scheme: self._proxy_pool(address)
            for scheme in DEFAULT_PORTS
            if (address := self._proxies.get(scheme) or self._proxies.get("all"))
        }

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Response:
        """Ask, and read at most `limit` bytes of the answer.

        Raises TransientError for network trouble, 429 and 5xx (with the wait the server asked
        for), after repeating idempotent requests; InputError for an untrusted certificate, an
        answer over the limit, and redirects that are endless or leave TLS.
        """
        deadline = _Deadline(time.monotonic() + self._longest_request)
        sent = {"User-Agent": f"promoter/{VERSION}", **(headers or {})}
        asked = origin_of(url)
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._persist(method, url, sent, body, limit, deadline)
            if method not in _SAFE or response.status not in _REDIRECTS:
                return response
            location = response.headers.get("Location")
            if not location:
                raise TransientError(redact(f"{asked} redirects without saying where to"))
            here = origin_of(url)
            url = urljoin(url, location)
            there = origin_of(url)
            if here.scheme == "https" and there.scheme != "https":
                raise InputError(
                    redact(f"{here} redirects from https to plain http at {there}; not followed")
                )
            if there != here:
                sent = {
                    name: value
                    for name, value in sent.items()
                    if name.lower() not in _CREDENTIAL_HEADERS
                }
        raise InputError(
            redact(f"{asked} redirects more than {_MOST_REDIRECTS} times; check its address")
        )

    def close(self) -> None:
        for pool in (self._direct, *self._by_proxy.values()):
            pool.clear()

    def _persist(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
        deadline: _Deadline,
    ) -> Response:
        tries = self._tries if method in _IDEMPOTENT else 1
        wait = 0.25
        while True:
            tries -= 1
            asked_wait: float | None = None
            try:
                response = self._send(method, url, headers, body, limit, deadline)
            except TransientError as error:
                trouble, repeat = error, True
            else:
                if response.status < 500 and response.status != 429:
                    return response
                asked_wait = retry_after(response.headers)
                trouble = busy(origin_of(url), response.status, asked_wait)
                repeat = response.status in _WORTH_REPEATING
            pause = max(wait, asked_wait or 0.0)
            if not repeat or tries < 1 or pause > min(self._longest_wait, deadline.left()):
                raise trouble
            self._pause(pause)
            wait *= 4

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
        deadline: _Deadline,
    ) -> Response:
        origin = origin_of(url)
        left = max(deadline.left(), 0.001)
        timeout = Timeout(
            connect=min(self._connect_timeout, left), read=min(self._read_timeout, left)
        )
        try:
            reply = self._pool(origin).request(
                method,
                url,
                headers=headers,
                body=body,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                # Nobody reads the body of an error page, and it may be of any size.
                wanted = reply.status < 500 and reply.status != 429
                content = _read(reply, limit, deadline, origin) if wanted else b""
            except BaseException:
                reply.close()
                raise
            if wanted:
                reply.release_conn()
            else:
                reply.close()
        except HTTPError as error:
            raise translate(error, origin) from None
        except ValueError:
            # http.client quotes the offending header in its message: it must not be shown.
            raise InputError(
                redact(f"{origin}: the request holds characters that HTTP can't carry")
            ) from None
        return Response(url, reply.status, reply.headers, content)

    def _pool(self, origin: Origin) -> urllib3.PoolManager:
        proxied = self._by_proxy.get(origin.scheme)
        if proxied is None:
            return self._direct
        address = f"{origin.host}:{origin.port}"
        # Unlike proxy_bypass it takes the list instead of reading the environment each time;
        # every platform has it, typeshed just does not list it.
        bypass = urllib.request.proxy_bypass_environment(address, self._proxies)  # type: ignore[attr-defined]
        return self._direct if bypass else proxied

    def _proxy_pool(self, address: str) -> urllib3.ProxyManager:
        if "://" not in address:
            address = f"http://{address}"
        try:
            origin = origin_of(address)
        except InputError as error:
            raise InputError(f"the proxy of the environment: {error}") from None
        user_info = parse_url(address).auth
        headers = None
        if user_info:
            username, _, password = unquote(user_info).partition(":")
            redaction.register_pair(username, password)
            headers = make_headers(proxy_basic_auth=f"{username}:{password}")
        return urllib3.ProxyManager(
            f"{origin.scheme}://{origin.host}:{origin.port}",
            num_pools=_CONNECTIONS,
            maxsize=_CONNECTIONS,
            proxy_headers=headers,
            ssl_context=self._tls,
            proxy_ssl_context=self._tls,
        )


def _read(
    reply: urllib3.BaseHTTPResponse, limit: int, deadline: _Deadline, origin: Origin
) -> bytes:
    chunks = []
    size = 0
    # read1 comes back with what is there, so that a server that drips can't outlive the deadline
    while chunk := reply.read1(1 << 16):
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise InputError(
                redact(f"{origin}: the answer is larger than {limit:,} bytes; not read")
            )
        if deadline.left() < 0:
            raise TransientError(redact(f"{origin} did not finish its answer in time"))
    return b"".join(chunks)
