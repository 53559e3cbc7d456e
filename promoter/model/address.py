"""Addresses of Git repositories: the one grammar, for rule files and for what git is given.

An address is a URL (`https://host/path`, `ssh://git@host/path`, `file:///path`), an address as
ssh and scp write it (`git@host:path`), or a path on this machine.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Literal, Self, cast

Scheme = Literal["https", "http", "ssh", "git", "file"]

WAYS = "https://host/path, ssh://git@host/path, git@host:path, file:///path or a path"
NO_ADDRESS = f"is not an address: write {WAYS}"
NO_USER = (
    "must not hold a user or a password: remove what stands before the '@'; credentials have a"
    " file of their own"
)
_NO_PASSWORD = "must not hold a password: remove it; credentials have a file of their own"  # noqa: S105

_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SCHEMES = (*_PORTS, "file")
_HOST = r"(?P<host>[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])"
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(
    rf"(?:(?P<user>[^/?#]*)@)?{_HOST}(?::(?P<port>[0-9]{{1,5}}))?/(?P<path>.+)", re.DOTALL
)
# Where a colon stands before any slash, git takes what is before it for a host.
_LIKE_SCP = re.compile(r"[^/]*:")
_SCP = re.compile(rf"(?:(?P<user>[^@:/]*)@)?{_HOST}:(?!:)(?P<path>.+)", re.DOTALL)
# Not percent-encoded: git decodes it, and hands the outcome to ssh. Not an option of ssh either.
_SSH_USER = re.compile(r"[^-%:@/\s][^%:@/\s]*")


@dataclass(frozen=True)
class GitAddress:
    """An address in its parts. `host` is in lower case and None on this machine; `path` is as
    written, without the slash after the host; `scp` tells how an ssh address was spelled."""

    scheme: Scheme
    path: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    scp: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address. ValueError says what is wrong with it, as what follows its name; the
        message never holds the address, because people do write passwords into it."""
        if (
            not text
            or text.startswith("-")
            or any(ord(each) < 32 or each == "\x7f" for each in text)
        ):
            raise ValueError(NO_ADDRESS)
        if match := _URL.fullmatch(text):
            return cls._of_url(match["scheme"].lower(), match["rest"])
        if _LIKE_SCP.match(text):
            return cls._of_scp(text)
        if "@" in text.partition("/")[0] or text.startswith("//"):
            raise ValueError(NO_ADDRESS)
        return cls("file", text)

    @classmethod
    def _of_url(cls, scheme: str, rest: str) -> Self:
        if scheme not in _SCHEMES:
            raise ValueError(f"'{scheme[:20]}' can't be used: write {WAYS}")
        if scheme == "file":
            if not rest.startswith("/"):
                raise ValueError("file:// wants an absolute path: write file:///path")
            return cls("file", rest)
        match = _AUTHORITY.fullmatch(rest)
        if match is None or int(match["port"] or 0) > 65535:
            raise ValueError(NO_ADDRESS)
        user = match["user"]
        if user is not None and ":" in user:
            raise ValueError(NO_USER if scheme.startswith("http") else _NO_PASSWORD)
        if re.search(r"[?#]", match["path"]):
            raise ValueError(
                "must end with the repository's path: remove '?' or '#' and what follows"
            )
        if scheme == "ssh" and user is not None:
            _check_ssh_user(user)
        port = int(match["port"]) if match["port"] else None
        return cls(cast("Scheme", scheme), match["path"], match["host"].lower(), port, user)

    @classmethod
    def _of_scp(cls, text: str) -> Self:
        match = _SCP.fullmatch(text)
        # `user:password@host:path` has a host named user, `https:/x` one named https.
        if match is not None and match["user"] is None and "@" in match["path"]:
            raise ValueError(_NO_PASSWORD)
        if match is None or match["host"].lower() in _SCHEMES:
            raise ValueError(NO_ADDRESS)
        if "@" in match["path"]:
            raise ValueError("can't hold an '@' in its path: write ssh://git@host/path")
        if match["user"] is not None:
            _check_ssh_user(match["user"])
        return cls("ssh", match["path"], match["host"].lower(), None, match["user"], scp=True)

    @property
    def place(self) -> str | None:
        """`host`, or `host:port` where a port is written."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def key(self) -> str:
        """The same for every usual spelling of one repository: `ssh://git.example.com/team/shop`.

        Without user, default port, `.git` and the slash at the end; a path on this machine is
        normalised, but not made absolute: `file:shop` is not `file:///srv/shop`.
        """
        path = posixpath.normpath(f"/{self.path.lstrip('/')}" if self._is_absolute else self.path)
        path = path.removesuffix(".git").rstrip("/")
        if self.host is None:
            return f"file://{path}" if self._is_absolute else f"file:{path}"
        port = "" if self.port in (None, _PORTS[self.scheme]) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{path}"

    @property
    def _is_absolute(self) -> bool:
        return self.host is not None or self.path.startswith("/")


def _check_ssh_user(user: str) -> None:
    if not _SSH_USER.fullmatch(user):
        raise ValueError("has a user that ssh can't be given: write ssh://git@host/path")
