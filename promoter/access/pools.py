"""The connections to each server: kept alive, perhaps through a proxy, with the right identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from urllib.parse import unquote

from urllib3 import BaseHTTPResponse, ProxyManager, Retry, Timeout
from urllib3.util import make_headers, parse_url

from promoter.access import redaction
from promoter.access.origin import DEFAULT_PORTS, Origin, origin_of, prefix_of
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
    """Makes the pool of an origin. `proxies` is as of `urllib.request.getproxies()`."""

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
            scheme: (name, address)
            for scheme in DEFAULT_PORTS
            for name in ("all", scheme)
            if (address := proxies.get(name))
        }
        for _, address in self._proxies.values():
            _register(address)

    def make(self, origin: Origin, before: Pool | None = None) -> Pool:
        """The pool for an origin as things stand now: `before` itself where nothing changed.

        Raises InputError for a TLS file that is wrong, and for a proxy that is none.
        """
        identity, context = SYSTEM_TRUST, None
        if origin.scheme == "https":
            identity = self._identities(origin)
            context = self._contexts.of(identity)
        if before is not None and before.context is context:
            return before
        proxy = self._proxies.get(origin.scheme)
        if proxy is not None and not self._no_proxy.covers(origin.host, origin.port):
            return Pool(identity, context, self._through(_parse_proxy(*proxy), context))
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
    headers: Mapping[str, str] | None = field(repr=False)


def _parse_proxy(name: str, address: str) -> _Proxy:
    """`name`: under which the environment has it, for the message, which never shows the value:
    a password with a slash in it can't be told from the rest."""
    if "://" not in address:
        address = f"http://{address}"
    prefix = prefix_of(address)
    is_whole = "@" not in address[len(prefix) :]
    try:
        origin = origin_of(prefix if is_whole else "")
    except InputError:
        raise InputError(
            f"the proxy in {name.upper()}_PROXY of the environment is no http or https address;"
            " write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with / ? # @ of the"
            " password as %2F %3F %23 %40"
        ) from None
    user_info = parse_url(prefix).auth
    headers = None
    if user_info:
        username, _, password = user_info.partition(":")
        pair = f"{unquote(username)}:{unquote(password)}"
        # make_headers writes latin-1; bytes of UTF-8 pass through it unharmed.
        headers = make_headers(proxy_basic_auth=pair.encode().decode("latin-1"))
    return _Proxy(f"{origin.scheme}://{origin.host}:{origin.port}", headers)


def _register(address: str) -> None:
    """Mask the credential of a proxy, whether its address can be read or not."""
    scheme, found, rest = address.partition("://")
    user_info, _, _ = (rest if found else scheme).rpartition("@")
    username, _, password = user_info.partition(":")
    if password:
        redaction.register(password)
        redaction.register_pair(unquote(username), unquote(password))
