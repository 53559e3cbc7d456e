"""Lists that come in pages: where the next one is, and when it is enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from promoter.access.http import Response
from promoter.access.origin import origin_of
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from promoter.registries.headers import next_link

_SECONDS = 120.0
"""For all pages of one list. Each has a minute of its own, and whoever asks waits for the last one:
a server that drips would hold up those who wait for others."""


class Walk:
    """The pages of one list: none twice, not too many, and not for ever. `what` is for people."""

    def __init__(self, what: str, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._most = most
        self._clock = clock
        self._until = clock() + _SECONDS
        self._asked: set[str] = set()

    @property
    def has_begun(self) -> bool:
        return bool(self._asked)

    def enter(self, url: str) -> None:
        """Raises TransientError where this page is not to be asked for."""
        if url in self._asked or len(self._asked) == self._most:
            raise self.endless()
        if self._asked and self._clock() > self._until:
            raise TransientError(redact(f"{self._what} did not come within {_SECONDS:.0f} s"))
        self._asked.add(url)

    def endless(self) -> TransientError:
        return TransientError(redact(f"{self._what} never ends"))


def next_page(response: Response, tail: str, what: str) -> str | None:
    """The address of the page after this one, by its Link header; None where it is the last.

    `tail` is how the path of such a list ends. Where the link's path ends so, only its query is
    taken: Artifactory leaves the repository's prefix out of the path, Nexus puts one in that its
    connector does not serve, and a proxy that ends TLS leaves `http` in it. Raises InputError
    where the link leads to another origin, TransientError where it can't be read; both begin with
    `what`.
    """
    try:
        link = next_link(", ".join(response.headers.getlist("Link")))
    except ValueError as error:
        raise TransientError(redact(f"{what} comes with {error}; not read")) from None
    if link is None:
        return None
    here, target = urlsplit(response.url), urljoin(response.url, link)
    ours, theirs = origin_of(response.url), origin_of(target)
    if theirs != ours and not (theirs.host == ours.host and ours.scheme == "https"):
        raise InputError(redact(f"{what} goes on at another address, {theirs}; not followed"))
    parts = urlsplit(target)
    path = here.path if parts.path.endswith(tail) else parts.path
    return here._replace(path=path, query=parts.query, fragment="").geturl()
