"""Signature Version 4 of AWS, for requests that are sent at once.

AWS documentation, "AWS Signature Version 4 for API requests": "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Keys:
    """What AWS lets a caller prove itself with; `session` goes with keys that end by themselves."""

    access: str
    secret: str = field(repr=False)
    session: str | None = field(default=None, repr=False)


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: Keys,
    region: str,
    service: str,
    at: datetime,
) -> dict[str, str]:
    """The headers to send, `Authorization` among them. All that are given are signed, and the
    `Host` that the client will send."""
    parts = urlsplit(url)
    moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "X-Amz-Date": moment}
    if keys.session is not None:
        sent["X-Amz-Security-Token"] = keys.session
    lines = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    lines["host"] = parts.netloc
    names = ";".join(sorted(lines))
    canonical = "\n".join(
        (
            method,
            quote(parts.path or "/", safe=f"/{_UNRESERVED}"),
            _query(parts.query),
            *(f"{name}:{lines[name]}" for name in sorted(lines)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    signature = _hmac(key, f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}").hex()
    sent["Authorization"] = (
        f"{_ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={names},"
        f" Signature={signature}"
    )
    return sent


def _query(text: str) -> str:
    pairs = parse_qsl(text, keep_blank_values=True)
    spelled = [tuple(quote(each, safe=_UNRESERVED) for each in pair) for pair in pairs]
    return "&".join("=".join(pair) for pair in sorted(spelled))


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
