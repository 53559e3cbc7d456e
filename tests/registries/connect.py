from __future__ import annotations

from promoter.access.credentials import Credential
from promoter.access.http import HttpClient
from promoter.registries.distribution import DistributionRegistry


def connect(
    host: str, http: HttpClient, credential: Credential | None = None, *, plain_http: bool = True
) -> DistributionRegistry:
    """A client of a registry on this machine, with one credential for all its repositories, and
    no other one when that is refused."""

    def give(repository: str, refused: Credential | None = None) -> Credential | None:
        return None if refused else credential

    return DistributionRegistry(host, http, give, plain_http=plain_http)
