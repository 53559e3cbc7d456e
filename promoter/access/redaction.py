"""Keeps secrets out of whatever leaves the process.

Every secret that is read is registered here; `redact` masks it, and the user-info part of
any URL, in text that goes to a log, an error, a merge request or a metric.
"""

from __future__ import annotations

import re
import threading

MASK = "***"
_SHORTEST = 4  # masking shorter strings would shred ordinary text
_USER_INFO = re.compile(r"(?<=://)[^/\s@'\"]+@")
# Behind a slash: of `https://host/path?query`, and of the `GET /path?query` that urllib3 logs.
_QUERY = re.compile(r"(/[^\s?'\"]*)\?[^\s'\",)]+")

_lock = threading.Lock()
_secrets: set[str] = set()


def register(secret: str) -> None:
    """Mask `secret` from now on, as it is, percent-encoded, and as Base64."""
    import base64  # here, because most commands have no secret and start faster without
    from urllib.parse import quote

    if len(secret) < _SHORTEST:
        return
    with _lock:
        _secrets.update(
            {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}
        )


def register_pair(username: str, password: str) -> None:
    """Mask the password, and what an `Authorization: Basic` header makes of the pair."""
    import base64

    register(password)
    register(base64.b64encode(f"{username}:{password}".encode()).decode())


def redact(text: str) -> str:
    """`text` without registered secrets and without user-info in URLs."""
    with _lock:
        known = sorted(_secrets, key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, MASK)
    return _USER_INFO.sub(f"{MASK}@", text)


def redact_log(text: str) -> str:
    """`redact`, and without the queries of URLs: that of a presigned one is a credential."""
    return _QUERY.sub(rf"\1?{MASK}", redact(text))
