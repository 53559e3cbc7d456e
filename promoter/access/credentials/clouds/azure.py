"""Azure Container Registry: an Entra ID token, traded for a refresh token of the registry.

github.com/Azure/acr, docs/AAD-OAuth.md ("Calling POST /oauth2/exchange"); the Entra ID token:
Microsoft identity platform, "client credentials flow" (federated) and "managed identities".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from promoter.access.credentials.clouds.exchange import ask, may_be_told, read_token
from promoter.access.credentials.credential import Credential
from promoter.access.credentials.renewed import SHORTEST, Lease
from promoter.access.credentials.seconds import seconds_from
from promoter.access.credentials.surroundings import Surroundings
from promoter.errors import InputError

_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.azurecr\.(?:io|cn|us|de)")
_AUTHORITIES = {"cn": "https://login.chinacloudapi.cn", "us": "https://login.microsoftonline.us"}
_AUTHORITY = "https://login.microsoftonline.com"
_AUDIENCE = "https://containerregistry.azure.net"  # of every one of Azure's clouds
_METADATA = "http://169.254.169.254"
_NOBODY = "00000000-0000-0000-0000-000000000000"  # the user name that goes with a refresh token
_LIFETIME = 3600.0  # seconds, where the token does not say; three hours as of 2026
_FEDERATED = ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID")
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ENTRA = "Microsoft Entra ID"


def is_implied(host: str, environment: Mapping[str, str]) -> bool:
    return _HOST.fullmatch(host) is not None and all(environment.get(name) for name in _FEDERATED)


def fetch(host: str, around: Surroundings) -> Lease:
    """Raises InputError, TransientError."""
    if not _HOST.fullmatch(host):
        raise InputError(f"from: azure: {host} is no registry of Azure's (NAME.azurecr.io)")
    environment = around.environment
    federated = all(environment.get(name) for name in _FEDERATED)
    token = _federated(host, around) if federated else _managed(around)
    form = {"grant_type": "access_token", "service": host, "access_token": token}
    if tenant := environment.get("AZURE_TENANT_ID"):
        form["tenant"] = tenant
    reply = ask(around.http(), "POST", f"https://{host}/oauth2/exchange", host, form=form)
    refresh = reply.secret("refresh_token")
    ends = _end_of(refresh)
    lifetime = _LIFETIME if ends is None else ends - around.now().timestamp()
    credential = Credential(_NOBODY, refresh, "identity-token", "Azure's token exchange")
    return Lease(credential, max(lifetime, SHORTEST))


def _federated(host: str, around: Surroundings) -> str:
    """Workload identity: the service account's token is the proof of who we are."""
    environment, variable = around.environment, _FEDERATED[0]
    own = _AUTHORITIES.get(host.rpartition(".")[2], _AUTHORITY)
    authority = (environment.get("AZURE_AUTHORITY_HOST") or own).rstrip("/")
    if not may_be_told(authority):
        raise InputError("AZURE_AUTHORITY_HOST must be an https address: a token is sent there")
    tenant = quote(environment["AZURE_TENANT_ID"], safe="")
    reply = ask(
        around.http(),
        "POST",
        f"{authority}/{tenant}/oauth2/v2.0/token",
        _ENTRA,
        form={
            "grant_type": "client_credentials",
            "client_id": environment["AZURE_CLIENT_ID"],
            "scope": f"{_AUDIENCE}/.default",
            "client_assertion_type": _ASSERTION,
            "client_assertion": read_token(environment[variable], variable),
        },
    )
    return reply.secret("access_token")


def _managed(around: Surroundings) -> str:
    """Managed identity: of App Service and Container Apps by their variables, else the
    machine's own metadata."""
    environment = around.environment
    query = {"resource": _AUDIENCE}
    if client := environment.get("AZURE_CLIENT_ID"):
        query["client_id"] = client
    if environment.get("IDENTITY_ENDPOINT") and environment.get("IDENTITY_HEADER"):
        query["api-version"] = "2019-08-01"
        place = environment["IDENTITY_ENDPOINT"]
        headers = {"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]}
    else:
        query["api-version"] = "2018-02-01"
        base = environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _METADATA
        place = f"{base.rstrip('/')}/metadata/identity/oauth2/token"
        headers = {"Metadata": "true"}
    whom = "Azure's managed identity"
    url = f"{place}?{urlencode(query)}"
    return ask(around.metadata(), "GET", url, whom, headers=headers).secret("access_token")


def _end_of(token: str) -> float | None:
    """When a JWT ends, in seconds of Unix time; None where it does not say."""
    middle = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return seconds_from(claims["exp"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        return None
