"""Which server a URL means: the line that credentials never cross."""

from __future__ import annotations

from typing import NamedTuple

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from promoter.access.redaction import redact
from promoter.errors import InputError

DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port: credentials never leave it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if self.port == DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.host}{port}"


def origin_of(url: str) -> Origin:
    """The origin of an absolute http or https URL; raises InputError for anything else.

    Read by the parser that also connects, so that both always mean the same host.
    """
    try:
        parsed = parse_url(url)
    except LocationParseError:
        parsed = None
    if parsed is None or parsed.scheme not in DEFAULT_PORTS or not parsed.host:
        raise InputError(f"'{redact(url.partition('?')[0][:100])}' is not an http or https address")
    return Origin(parsed.scheme, parsed.host, parsed.port or DEFAULT_PORTS[parsed.scheme])
