"""Addresses of Git repositories, read and checked before git sees them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from promoter.access import redaction
from promoter.errors import InputError

_SCHEMES = ("https", "http", "ssh", "file", "git")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_HELPER = re.compile(r"[a-zA-Z0-9+.-]+::")
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^@/:]+):(?P<path>.+)")
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(?:/|$)|[./]$")
_TOKEN = 16  # some forges take a token for the user name; a shorter one is just a name
_WAY_OUT = "name an https, ssh or file URL, or the path of a repository"


@dataclass(frozen=True)
class Remote:
    """A repository's address.

    `address` is what git gets: no password ever, and no user over HTTP. `display` has no
    user-info at all. `host` (with its port, where one is written) is None for a local folder.
    """

    address: str
    display: str
    host: str | None
    over_http: bool = False

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL, `user@host:path` or a path; raises InputError without naming a secret."""
        if not url or url.startswith("-") or any(ord(each) < 32 for each in url):
            raise InputError(f"{_shown(url)!r} is no repository address: {_WAY_OUT}")
        if _HELPER.match(url):
            raise InputError(
                f"{_shown(url)!r}: remote helpers (`name::`) are not allowed: {_WAY_OUT}"
            )
        if match := _SCHEME.match(url):
            return cls._of_url(url, match[1].lower())
        if match := _SCP.fullmatch(url):
            host = match["host"]
            _refuse_option(host, match["user"])
            return cls(url, f"{host}:{match['path']}", host.lower())
        path = str(Path(url).absolute())
        return cls(path, path, None)

    @classmethod
    def _of_url(cls, url: str, scheme: str) -> Self:
        if scheme not in _SCHEMES:
            raise InputError(f"{_shown(url)!r}: the scheme {scheme} is not known: {_WAY_OUT}")
        if scheme == "file":
            return cls(url, url, None)
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise InputError(f"{_shown(url)!r} is no URL: {_WAY_OUT}") from None
        user_info, _, place = parts.netloc.rpartition("@")
        user, _, password = user_info.partition(":")
        if password:
            redaction.register(unquote(password))
            redaction.register(password)
            raise InputError(
                f"{scheme}://{place}{parts.path}: a password has no place in a URL:"
                " move it to the credentials file"
            )
        if not host or parts.query or parts.fragment:
            raise InputError(
                f"{scheme}://{place}{parts.path}: a repository's URL has a host, and neither"
                " a query nor a fragment"
            )
        _refuse_option(host, unquote(user))
        # Lower case, as the credentials file's hosts are, and git's prompts repeat what it got.
        display = f"{scheme}://{place.lower()}{parts.path}"
        if scheme in ("http", "https"):
            if len(user) >= _TOKEN:
                redaction.register(unquote(user))
            return cls(display, display, place.lower(), over_http=True)
        return cls(url, display, place.lower())

    @property
    def key(self) -> str:
        """A folder name for this repository, the same for every user of it."""
        return hashlib.sha256(self.display.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def check_ref(ref: str) -> str:
    """`ref` itself, where it is a full ref name (git-check-ref-format); else InputError."""
    if not ref.startswith("refs/") or ref.count("/") < 2 or _BAD_REF.search(ref):
        raise InputError(f"{ref!r} is no full ref name such as refs/heads/main")
    return ref


def _refuse_option(host: str, user: str | None) -> None:
    if host.startswith("-") or (user or "").startswith("-"):
        raise InputError(f"the host or user of a repository can't begin with '-': {_WAY_OUT}")


def _shown(url: str) -> str:
    return redaction.redact(re.sub(r"//[^/]*@", "//", url))
