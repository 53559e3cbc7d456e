"""Elastic Container Registry: the user AWS with a password for twelve hours.

Amazon ECR API Reference, "GetAuthorizationToken"; hosts: Amazon ECR User Guide, "Private registry
authentication" and "Making requests over IPv6"; for the public gallery the ECR Public API.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from promoter.access.credentials.clouds.aws_keys import endpoint, find_keys, is_offered
from promoter.access.credentials.clouds.aws_signature import sign
from promoter.access.credentials.clouds.exchange import Reply, ask
from promoter.access.credentials.credential import Credential
from promoter.access.credentials.renewed import SHORTEST, Lease
from promoter.access.credentials.surroundings import Surroundings
from promoter.errors import InputError

_PUBLIC = "public.ecr.aws"
_ORIGIN = "Amazon ECR"
_HOST = re.compile(
    r"(?P<account>[0-9]{12})\.dkr(?P<dual>[.-])ecr(?P<fips>-fips)?\."
    r"(?P<region>[a-z0-9-]+)\.(?P<suffix>amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws"
    r"|on\.amazonwebservices\.com\.cn|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk"
    r"|csp\.hci\.ic\.gov)"
)
# The API of the hosts that answer on IPv6, too, is under a name of its own.
_DUAL = {"on.aws": "api.aws", "on.amazonwebservices.com.cn": "api.amazonwebservices.com.cn"}
_SINGLE = {"on.aws": "amazonaws.com", "on.amazonwebservices.com.cn": "amazonaws.com.cn"}


@dataclass(frozen=True)
class Ecr:
    """A registry's account (None: the public gallery) and where its API is."""

    account: str | None
    region: str
    api: str
    suffix: str

    @classmethod
    def parse(cls, host: str) -> Ecr | None:
        """None where the host is no registry of AWS's."""
        if host == _PUBLIC:
            api = "https://api.ecr-public.us-east-1.amazonaws.com/"
            return cls(None, "us-east-1", api, "amazonaws.com")
        match = _HOST.fullmatch(host)
        if match is None or (match["dual"] == "-") != (match["suffix"] in _DUAL):
            return None
        region, suffix, fips = match["region"], match["suffix"], match["fips"]
        if suffix in _DUAL:
            api = f"ecr{fips or ''}.{region}.{_DUAL[suffix]}"
        else:
            api = f"{'ecr-fips' if fips else 'api.ecr'}.{region}.{suffix}"
        return cls(match["account"], region, f"https://{api}/", _SINGLE.get(suffix, suffix))


def is_implied(host: str, environment: Mapping[str, str]) -> bool:
    """The public gallery needs no credential, so that it is never implied."""
    return host != _PUBLIC and Ecr.parse(host) is not None and is_offered(environment)


def fetch(host: str, around: Surroundings) -> Lease:
    """Raises InputError, TransientError."""
    registry = Ecr.parse(host)
    if registry is None:
        raise InputError(
            f"from: aws: {host} is no registry of AWS's; its host begins with an account:"
            " 123456789012.dkr.ecr.REGION.amazonaws.com"
        )
    keys = find_keys(registry.region, registry.suffix, around)
    now = around.now()
    if registry.account is None:
        service, api, target = "ecr-public", "ECR_PUBLIC", "SpencerFrontendService"
        body = b"{}"
    else:
        service, api, target = "ecr", "ECR", "AmazonEC2ContainerRegistry_V20150921"
        body = json.dumps({"registryIds": [registry.account]}).encode()
    url = endpoint(api, registry.api, around.environment)
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"{target}.GetAuthorizationToken",
    }
    signed = sign(
        "POST", url, headers, body, keys=keys, region=registry.region, service=service, at=now
    )
    reply = ask(around.http(), "POST", url, _ORIGIN, headers=signed, body=body)
    data = reply.fields.get("authorizationData")
    data = data[0] if isinstance(data, list) and data else data
    if not isinstance(data, dict):
        reply.refuse("authorizationData")
    token = Reply(_ORIGIN, data)
    lifetime = token.seconds("expiresAt") - now.timestamp()
    return Lease(_decode(token), max(lifetime, SHORTEST))


def _decode(token: Reply) -> Credential:
    try:
        pair = base64.b64decode(token.secret("authorizationToken"), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        pair = ""
    username, _, password = pair.partition(":")
    if not password:
        token.refuse("authorizationToken")
    return Credential(username, password, "password", _ORIGIN)
