"""Hosts as keys: one spelling each, and globs over their labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from promoter.model.image import DOCKER_HUB

if TYPE_CHECKING:
    from promoter.access.origin import Origin

T = TypeVar("T")

HUB_SERVER = "https://index.docker.io/v1/"
"""What docker calls Docker Hub in its own files and to credential helpers."""

_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_HOST = re.compile(r"(?:[a-z0-9*_](?:[a-z0-9._*-]*[a-z0-9*_])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


def normal_host(text: str) -> str:
    """`host` or `host:port` in lower case; Docker Hub by the name that images have."""
    host = text.lower()
    return DOCKER_HUB if host in _HUB_NAMES else host


def name_at(host: str, at: Origin) -> str:
    """What the server at an origin is called that serves a host: the host itself (a normal one),
    where it is no other server, else as origins are written."""
    name = normal_host(str(at))
    return host if host in (name, f"{at.host}:{at.port}") else name


def is_host(text: str) -> bool:
    """Whether it is a host, a `host:port` or a glob of them, in lower case."""
    return _HOST.fullmatch(text) is not None


def find_best(host: str, entries: Iterable[tuple[str, T]]) -> T | None:
    """The value whose pattern fits best: exactly, else by the glob with the most letters of its
    own; of equals the first."""
    fitting = [(pattern, value) for pattern, value in entries if fits(pattern, host)]
    best = max(fitting, key=lambda each: rank(each[0]), default=None)
    return best[1] if best else None


def rank(pattern: str) -> tuple[bool, int]:
    """How precise a pattern is; more is better."""
    return "*" not in pattern, len(pattern.replace("*", ""))


def fits(pattern: str, host: str) -> bool:
    """Whether a pattern means this host. A `*` stands within one label and in no port: never
    does `*.example.com` reach `a.b.example.com`, nor another port than its own."""
    if "*" not in pattern:
        return pattern == host
    expression = re.escape(pattern).replace(r"\*", "[^.:]*")
    return re.fullmatch(expression, host) is not None
