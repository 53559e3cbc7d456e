"""Addresses of manifest repositories: which are fit to use, and which forge they belong to."""

from __future__ import annotations

import re

from promoter.model.address import NO_ADDRESS, NO_USER, WAYS, GitAddress
from promoter.rules.wording import quote

_FORGE_BY_HOST = {"github.com": "github", "gitlab.com": "gitlab"}
_BRANCH_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)")


def check_url(url: str) -> str:
    """`url` as it is; ValueError where it can't be used. The message never holds the address,
    because people do write passwords into it.
    """
    if url.startswith("-") or not url.isprintable() or " " in url:
        raise ValueError(f"{NO_ADDRESS}, without spaces")
    address = GitAddress.parse(url)
    if address.scheme == "git":
        raise ValueError(f"'git' can't be used, nobody proves who they are: write {WAYS}")
    # A rule file is for everyone to read, and a user over HTTP may well be a token.
    if address.user is not None and address.scheme != "ssh":
        raise ValueError(NO_USER)
    return url


def host_of(url: str) -> str | None:
    """The host of a checked address in lower case; None where it is on this machine."""
    return GitAddress.parse(url).host


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
