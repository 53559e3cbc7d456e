"""Which server a URL means: the line that credentials never cross."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from promoter.access.redaction import redact
from promoter.errors import InputError

DEFAULT_PORTS = {"http": 80, "https": 443}
# The scheme and authority, as far as `parse_url` reads them.
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\\/?#]*")


class Origin(NamedTuple):
    """Scheme, host and port: credentials never leave it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if self.port == DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.host}{port}"


def prefix_of(url: str) -> str:
    """The part of a URL that says which server is meant; empty where there is none."""
    match = _PREFIX.match(url)
    return match[0] if match else ""


def origin_of(url: str) -> Origin:
    """The origin of an absolute http or https URL; raises InputError for anything else.

    Read by the parser that also connects, so that both always mean the same host.
    """
    origin = _parse(prefix_of(url))
    if origin is None:
        # Masked before it is cut: a part of a secret would not be known as one.
        shown = redact(url).partition("?")[0][:100]
        raise InputError(f"'{shown}' is not an http or https address")
    return origin


@lru_cache(maxsize=512)  # asked several times a request, for a handful of servers
def _parse(prefix: str) -> Origin | None:
    try:
        parsed = parse_url(prefix)
    except LocationParseError:
        return None
    if parsed.scheme not in DEFAULT_PORTS or not parsed.host:
        return None
    return Origin(parsed.scheme, parsed.host, parsed.port or DEFAULT_PORTS[parsed.scheme])
