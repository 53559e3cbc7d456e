"""Artifact Registry and Container Registry: an access token of a service account.

Google Cloud documentation, Artifact Registry, "Configure authentication to Artifact Registry for
Docker" (users `oauth2accesstoken` and `_json_key`); the token: Compute Engine, "Authenticate
workloads using service accounts", which GKE's workload identity answers alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from promoter.access.credentials.clouds.exchange import ask
from promoter.access.credentials.credential import Credential
from promoter.access.credentials.renewed import Lease
from promoter.access.credentials.surroundings import Surroundings
from promoter.errors import InputError, Where

_HOST = re.compile(r"(?:[a-z0-9-]+\.)*(?:gcr\.io|pkg\.dev)")
_KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_METADATA = "metadata.google.internal"
_TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path
_KEY_LIFETIME = 600.0  # seconds, after which the file is read again


def is_implied(host: str, environment: Mapping[str, str]) -> bool:
    offered = environment.get(_KEY_FILE) or environment.get("GCE_METADATA_HOST")
    return bool(offered) and _HOST.fullmatch(host) is not None


def fetch(host: str, around: Surroundings) -> Lease:
    """Raises InputError, TransientError."""
    if not _HOST.fullmatch(host):
        raise InputError(f"from: google: {host} is no registry of Google's (gcr.io, *.pkg.dev)")
    file = around.environment.get(_KEY_FILE)
    if file:
        return Lease(_key(Path(file)), _KEY_LIFETIME)
    place = around.environment.get("GCE_METADATA_HOST") or _METADATA
    reply = ask(
        around.metadata(),
        "GET",
        f"http://{place}{_TOKEN}",
        "Google's metadata server",
        headers={"Metadata-Flavor": "Google"},
    )
    token = reply.secret("access_token")
    credential = Credential("oauth2accesstoken", token, "password", "Google's metadata server")
    return Lease(credential, reply.seconds("expires_in"))


def _key(file: Path) -> Credential:
    """A service account's key is itself the password: nothing is exchanged."""
    where = Where(str(file))
    try:
        text = file.read_text("utf-8")
        kind = json.loads(text).get("type")
    except OSError as error:
        raise InputError(f"{_KEY_FILE} can't be read: {error.strerror}", where=where) from None
    except (ValueError, AttributeError, RecursionError):
        raise InputError(f"{_KEY_FILE} is not a key in JSON", where=where) from None
    if kind != "service_account":
        raise InputError(
            f"{_KEY_FILE} must be the key of a service account; for others write"
            " `helper: gcloud` in the credentials file",
            where=where,
        )
    return Credential("_json_key", text.strip(), "password", f"the key file {file}")
