"""Short-lived credentials that a cloud gives to what runs in it.

A cloud is asked only where the credentials file says `from:`, or where the host is that cloud's
beyond doubt and so is the environment. A metadata address is never tried out of curiosity.
"""

from __future__ import annotations

from collections.abc import Mapping

from promoter.access.credentials.clouds import aws, azure, google
from promoter.access.credentials.hosts_file import Cloud
from promoter.access.credentials.renewed import Lease
from promoter.access.credentials.surroundings import Surroundings

_FETCH = {"aws": aws.fetch, "azure": azure.fetch, "google": google.fetch}


def implied_cloud(host: str, environment: Mapping[str, str]) -> Cloud | None:
    """The cloud that both the host and the environment are of, beyond doubt."""
    if aws.is_implied(host, environment):
        return "aws"
    if google.is_implied(host, environment):
        return "google"
    return "azure" if azure.is_implied(host, environment) else None


def fetch_from(cloud: Cloud, host: str, around: Surroundings) -> Lease:
    """A fresh credential for the host. Raises InputError, TransientError."""
    return _FETCH[cloud](host, around)
