"""Addresses of manifest repositories: which are fit to use, and which forge they belong to."""

from __future__ import annotations

import re

from promoter.rules.wording import quote

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(
    r"(?:(?P<user>[^/?#]*)@)?(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]+))?"
    r"/(?P<path>.+)",
    re.DOTALL,
)
# `git@host:path`, as ssh and scp write it; a single letter before the colon would be a drive.
_SCP = re.compile(r"(?:(?P<user>[^@/]+)@)?(?P<host>[A-Za-z0-9.-]{2,}):(?!:)(?P<path>.+)")
_FORGE_BY_HOST = {"github.com": "github", "gitlab.com": "gitlab"}
_WAYS = "https://host/path, ssh://git@host/path, git@host:path, file:///path or a path"
_BRANCH_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)")


def check_url(url: str) -> str:
    """`url` as it is; ValueError where it can't be used. The message never holds the address,
    because people do write passwords into it.
    """
    if url.startswith("-") or not url.isprintable() or " " in url:
        raise ValueError(f"is not an address: write {_WAYS}, without spaces")
    match = _SCHEME.fullmatch(url)
    if match is None:
        _check_without_scheme(url)
        return url
    scheme = match["scheme"].lower()
    if scheme == "file":
        if not match["rest"].startswith("/"):
            raise ValueError("file:// wants an absolute path: write file:///path")
        return url
    if scheme not in ("http", "https", "ssh"):
        raise ValueError(f"{quote(scheme)} can't be used: write {_WAYS}")
    parts = _AUTHORITY.fullmatch(match["rest"])
    if parts is None:
        raise ValueError(f"is not an address: write {_WAYS}")
    user = parts["user"]
    if user is not None and (scheme != "ssh" or ":" in user):
        raise ValueError(
            "must not hold a user or a password: remove what stands before the '@';"
            " credentials have a file of their own"
        )
    if scheme != "ssh" and re.search(r"[?#]", parts["path"]):
        raise ValueError("must end with the repository's path: remove '?' or '#' and what follows")
    return url


def _check_without_scheme(url: str) -> None:
    match = _SCP.fullmatch(url)
    if match is None:
        if "::" in url or "@" in url.partition("/")[0]:
            raise ValueError(f"is not an address: write {_WAYS}")
        return
    if ":" in (match["user"] or ""):
        raise ValueError(
            "must not hold a password: remove it; credentials have a file of their own"
        )


def host_of(url: str) -> str | None:
    """The host of a checked address in lower case; None where it is on this machine."""
    match = _SCHEME.fullmatch(url)
    if match is None:
        parts = _SCP.fullmatch(url)
    elif match["scheme"].lower() == "file":
        return None
    else:
        parts = _AUTHORITY.fullmatch(match["rest"])
    return parts["host"].lower() if parts else None


def forge_of(url: str) -> str | None:
    """The forge that an address implies; None where a person has to say it."""
    host = host_of(url)
    return "local" if host is None else _FORGE_BY_HOST.get(host)


def check_branch(name: str) -> str:
    """`name` as it is; ValueError where git would refuse it (`git check-ref-format`)."""
    if name.startswith("refs/"):
        raise ValueError(f"{quote(name)}: write the branch's short name, such as main")
    if _BRANCH_BAD.search(name) or name.startswith(("-", "/", ".")) or name.endswith(("/", ".")):
        raise ValueError(f"{quote(name)} can't name a branch")
    if name in ("@", "HEAD"):
        raise ValueError(f"{quote(name)} can't name a branch; leave the key out for the default")
    return name
