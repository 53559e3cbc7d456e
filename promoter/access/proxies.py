"""Which hosts are reached without the proxy: what `no_proxy` means. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PORT = re.compile(r"(?P<host>\[[^]]*\]|[^:]*):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class NoProxy:
    """`everything`: the list holds `*`. Hosts are lower-case, a port of None means all ports."""

    everything: bool = False
    domains: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[_Network, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Commas or blanks between entries: a domain (with all below it, a dot or `*.` in front
        changes nothing), an address, a range (`10.0.0.0/8`, `fd00::/8`), each but the range also
        with a port, or `*`. What is none of these matches nothing, as everywhere else."""
        domains: set[tuple[str, int | None]] = set()
        networks: list[tuple[_Network, int | None]] = []
        everything = False
        for entry in text.lower().replace(",", " ").split():
            match = _PORT.fullmatch(entry)
            host, port = (match["host"], int(match["port"])) if match else (entry, None)
            everything = everything or entry == "*"
            try:
                networks.append((ipaddress.ip_network(host.strip("[]"), strict=False), port))
            except ValueError:
                domains.add((host.removeprefix("*").lstrip(".").rstrip("."), port))
        return cls(everything, frozenset(domains - {("", None)}), tuple(networks))

    def covers(self, host: str, port: int) -> bool:
        """Whether a host (as in a URL, IPv6 in brackets) is reached directly.

        This machine itself always is: what it calls localhost, a proxy would take for its own.
        """
        host = host.lower().rstrip(".")
        try:
            address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            labels = host.split(".")
            parents = [".".join(labels[n:]) for n in range(len(labels))]
            return (
                self.everything
                or parents[-1] == "localhost"
                or any((each, p) in self.domains for each in parents for p in (port, None))
            )
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return (
            self.everything
            or address.is_loopback
            or any(p in (port, None) and address in each for each, p in self.networks)
        )
