from __future__ import annotations

from promoter.access.credentials import Credential
from promoter.access.http import HttpClient
from promoter.registries.distribution import DistributionRegistry


def connect(
    host: str, http: HttpClient, credential: Credential | None = None, *, plain_http: bool = True
) -> DistributionRegistry:
    """A client of a registry on this machine, with one credential for all its repositories."""
    return DistributionRegistry(host, http, credential, plain_http=plain_http)
