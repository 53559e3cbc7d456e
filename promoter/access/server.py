"""One server as this process knows it: its connections, its budget, and whether it is there."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from urllib3.util import parse_url

from promoter.access.budget import Budget, Rate
from promoter.access.circuit import Circuit
from promoter.access.origin import Origin, origin_of, prefix_of
from promoter.access.pools import Pool, Pools

_MOST = 512  # servers that are remembered; redirects may lead to any number of them
_LOOK_AGAIN = 60.0  # seconds after which the certificate files are looked at again
# A path and query that urllib3 would leave as they are.
_PLAIN_TARGET = re.compile(
    r"(?:/[A-Za-z0-9_~:@-][A-Za-z0-9_~:@.-]*)+/?(?:\?[A-Za-z0-9_~:@./=&-]*)?"
)


@dataclass
class Server:
    """`pool` is made again where the certificate files changed. Times as the clock of `Servers`."""

    origin: Origin
    pool: Pool
    budget: Budget
    circuit: Circuit
    looked_at: float
    asked_at: float

    def worth(self, now: float) -> tuple[bool, float]:
        """What is known of it that would be missed, and then how recently it was asked."""
        return self.budget.matters(now) or self.circuit.matters(), self.asked_at


class Servers:
    """The server of each URL; thread-safe. `rates` by `HOST` or `HOST:PORT`, as origins print."""

    def __init__(self, pools: Pools, rates: Mapping[str, Rate], clock: Callable[[], float]) -> None:
        self._pools = pools
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._by_prefix: dict[str, Server] = {}  # one server may have several: upper case, port
        self._by_origin: dict[Origin, Server] = {}

    def __len__(self) -> int:
        return len(self._by_origin)

    def find(self, url: str) -> tuple[Server, str]:
        """The server, and what to ask it for.

        Raises InputError for a URL that is none, and for a TLS file that is wrong.
        """
        prefix = prefix_of(url)
        server = self._by_prefix.get(prefix)
        now = self._clock()
        if server is None:
            server = self._learn(url, prefix)
        elif now - server.looked_at > _LOOK_AGAIN:
            self._look_again(server)
        server.asked_at = now
        target = url[len(prefix) :]
        if not _PLAIN_TARGET.fullmatch(target):
            target = parse_url(url).request_uri
        return server, target

    def close(self) -> None:
        with self._lock:
            for server in self._by_origin.values():
                server.pool.close()

    def _learn(self, url: str, prefix: str) -> Server:
        origin = origin_of(url)
        with self._lock:
            server = self._by_origin.get(origin)
            if server is None:
                server = self._make(origin)
                if len(self._by_origin) >= _MOST:
                    self._forget_one()
                self._by_origin[origin] = server
            if len(self._by_prefix) >= 2 * _MOST:
                self._by_prefix.clear()
            self._by_prefix[prefix] = server
            return server

    def _make(self, origin: Origin) -> Server:
        rate = self._rates.get(str(origin)) or self._rates.get(f"{origin.host}:{origin.port}")
        now = self._clock()
        return Server(
            origin, self._pools.make(origin), Budget(f"{origin}", rate), Circuit(), now, now
        )

    def _forget_one(self) -> None:
        """A registry that redirects to hundreds of hosts must not make us forget its own rest."""
        now = self._clock()
        old = min(self._by_origin.values(), key=lambda server: server.worth(now))
        del self._by_origin[old.origin]
        for prefix in [each for each, server in self._by_prefix.items() if server is old]:
            del self._by_prefix[prefix]

    def _look_again(self, server: Server) -> None:
        with self._lock:
            server.pool = self._pools.make(server.origin, server.pool)
            server.looked_at = self._clock()
