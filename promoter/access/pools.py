"""The connections to each server: kept alive, perhaps through a proxy, with the right identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ssl import SSLContext
from urllib.parse import unquote

from urllib3 import BaseHTTPResponse, ProxyManager, Retry, Timeout
from urllib3.util import make_headers, parse_url

from promoter.access import redaction
from promoter.access.origin import DEFAULT_PORTS, Origin, origin_of
from promoter.access.patience import PatientPool, PatientTlsPool
from promoter.access.proxies import NoProxy
from promoter.access.tls import SYSTEM_TRUST, Contexts, TlsIdentity
from promoter.errors import InputError

_CONNECTIONS = 64  # per server; measured in STACK.md
_ONCE = Retry(total=False, redirect=False)  # repeating and redirecting is `HttpClient`'s work


@dataclass(frozen=True)
class Pool:
    """The connections to one origin. `context` is None for plain HTTP."""

    identity: TlsIdentity
    context: SSLContext | None
    _connections: PatientPool | PatientTlsPool | ProxyManager

    def ask(
        self,
        method: str,
        url: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: Timeout,
    ) -> BaseHTTPResponse:
        """Ask for `target` (the path and query of `url`); the body is not read yet.

        Raises what urllib3 raises.
        """
        if isinstance(self._connections, ProxyManager):
            return self._connections.urlopen(
                method,
                url,
                redirect=False,
                headers=headers,
                body=body,
                timeout=timeout,
                retries=_ONCE,
                preload_content=False,
            )
        return self._connections.urlopen(
            method,
            target,
            body,
            headers,
            _ONCE,
            redirect=False,
            assert_same_host=False,
            timeout=timeout,
            preload_content=False,
        )

    def close(self) -> None:
        if isinstance(self._connections, ProxyManager):
            self._connections.clear()
        else:
            self._connections.close()


class Pools:
    """Makes the pool of an origin. `proxies` is as of `urllib.request.getproxies()`.

    Raises InputError for a proxy that is none.
    """

    def __init__(
        self,
        proxies: Mapping[str, str],
        identities: Callable[[Origin], TlsIdentity],
        contexts: Contexts,
    ) -> None:
        self._identities = identities
        self._contexts = contexts
        self._no_proxy = NoProxy.parse(proxies.get("no", ""))
        self._proxies = {
            scheme: _parse_proxy(address)
            for scheme in DEFAULT_PORTS
            if (address := proxies.get(scheme) or proxies.get("all"))
        }

    def make(self, origin: Origin, before: Pool | None = None) -> Pool:
        """The pool for an origin as things stand now: `before` itself where nothing changed.

        Raises InputError for a TLS file that is wrong.
        """
        identity, context = SYSTEM_TRUST, None
        if origin.scheme == "https":
            identity = self._identities(origin)
            context = self._contexts.of(identity)
        if before is not None and before.context is context:
            return before
        proxy = self._proxies.get(origin.scheme)
        if proxy is not None and not self._no_proxy.covers(origin.host, origin.port):
            return Pool(identity, context, self._through(proxy, context))
        if context is None:
            return Pool(identity, None, PatientPool(origin.host, origin.port, maxsize=_CONNECTIONS))
        connections = PatientTlsPool(
            origin.host, origin.port, maxsize=_CONNECTIONS, ssl_context=context
        )
        return Pool(identity, context, connections)

    def _through(self, proxy: _Proxy, context: SSLContext | None) -> ProxyManager:
        own = self._contexts.of(SYSTEM_TRUST) if proxy.url.startswith("https") else None
        manager = ProxyManager(
            proxy.url,
            maxsize=_CONNECTIONS,
            proxy_headers=proxy.headers,
            ssl_context=context,
            proxy_ssl_context=own,
        )
        manager.pool_classes_by_scheme = {"http": PatientPool, "https": PatientTlsPool}
        return manager


@dataclass(frozen=True)
class _Proxy:
    url: str
    headers: Mapping[str, str] | None


def _parse_proxy(address: str) -> _Proxy:
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
    return _Proxy(f"{origin.scheme}://{origin.host}:{origin.port}", headers)
