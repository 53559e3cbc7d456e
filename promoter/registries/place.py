"""Where a registry is served: a host of its own, a mirror, a proxy cache below a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from promoter.access.credentials.hosts import name_at
from promoter.access.origin import Origin, origin_of
from promoter.access.redaction import redact
from promoter.errors import InputError
from promoter.model.image import DOCKER_HUB
from promoter.registries.content import check_repository

_SERVED_AT = {DOCKER_HUB: "registry-1.docker.io"}
_API = "v2"


@dataclass(frozen=True)
class Place:
    """`root` is what stands before `/v2/`; `prefix` what every repository name begins with there
    (`dockerhub/`, or nothing). Credentials go to `origin` and nowhere else; `entry` is what people
    look for where they are kept: `'mirror:5000' or 'docker.io'`."""

    root: str
    prefix: str
    origin: Origin
    entry: str

    @classmethod
    def of(cls, host: str, base: str | None, *, plain_http: bool) -> Self:
        """`base` None: at its own name. A base with `/v2/` in its path serves the host's
        repositories below what follows it, as proxy caches do; raises InputError where it is no
        such address, or would be asked over plain HTTP without `plain_http`."""
        scheme = "http" if plain_http else "https"
        whole = (base or f"{scheme}://{_SERVED_AT.get(host, host)}").rstrip("/")
        origin = origin_of(whole)
        if origin.scheme != "https" and not plain_http:
            raise InputError(
                redact(f"{host} would be asked over plain HTTP at {origin}; allow it by name")
            )
        head, _, tail = whole.partition("://")
        parts = tail.split("/")
        there = name_at(host, origin)
        entry = f"'{host}'" if there == host else f"'{there}' or '{host}'"
        if _API not in parts[1:]:
            return cls(whole, "", origin, entry)
        at = parts.index(_API, 1)
        below = "/".join(parts[at + 1 :])
        root = f"{head}://{'/'.join(parts[:at])}"
        try:
            return cls(root, f"{check_repository(below)}/" if below else "", origin, entry)
        except InputError as error:
            message = f"where {host} is served, behind /v2/ at {origin}: {error.message}"
            raise InputError(redact(message)) from None

    def name(self, repository: str) -> str:
        """What a repository is called there; raises InputError where it can't be one."""
        return f"{self.prefix}{check_repository(repository)}"

    def url(self, repository: str, kind: str, reference: str) -> str:
        return f"{self.root}/{_API}/{self.name(repository)}/{kind}/{reference}"

    def holds(self, url: str) -> bool:
        """Whether a URL is of the same origin; most are our own and need no parsing."""
        return url.startswith(f"{self.root}/") or origin_of(url) == self.origin
