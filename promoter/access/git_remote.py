"""Addresses of Git repositories, read and checked before git sees them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from promoter.access import redaction
from promoter.errors import InputError
from promoter.model.address import GitAddress

_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(?:/|$)|[./]$")
_TOKEN = 16  # some forges take a token for the user name; a shorter one is just a name
_PASSWORD = re.compile(r":([^:@]+)@")


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
        """Read an address; raises InputError that never holds it: a password may be in it."""
        try:
            address = GitAddress.parse(url)
        except ValueError as error:
            for password in _PASSWORD.findall(url):
                redaction.register(password)
                redaction.register(unquote(password))
            raise InputError(f"the address of a repository {error}") from None
        place = address.place
        if place is None:
            local = url if url.lower().startswith("file://") else str(Path(url).absolute())
            return cls(local, local, None)
        if address.scp:
            return cls(url, f"{place}:{address.path}", place)
        # Lower case, as the credentials file's hosts are, and git's prompts repeat what it got.
        display = f"{address.scheme}://{place}/{address.path}"
        if address.scheme not in ("http", "https"):
            return cls(url, display, place)
        if address.user is not None and len(address.user) >= _TOKEN:
            redaction.register(unquote(address.user))
        return cls(display, display, place, over_http=True)

    @property
    def key(self) -> str:
        """A folder name for this repository, the same for every user of it."""
        return hashlib.sha256(self.display.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def check_ref(ref: str) -> str:
    """`ref` itself, where it is a full ref name (git-check-ref-format); else InputError."""
    if not ref.startswith("refs/") or ref.count("/") < 2 or _BAD_REF.search(ref):
        raise InputError(f"{ref!r} is no full ref name such as refs/heads/main")
    return ref
