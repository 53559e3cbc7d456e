"""Where the API of a repository is: github.com, data residency, Enterprise, by its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from promoter.errors import InputError
from promoter.model.address import GitAddress

# ssh.github.com serves SSH on port 443, where a firewall lets nothing else through.
_PUBLIC = frozenset({"github.com", "www.github.com", "ssh.github.com"})
_DATA_RESIDENCY = ".ghe.com"


@dataclass(frozen=True)
class GitHubPlace:
    """`host` (with its port) as credentials have it, `api` without a slash at the end."""

    host: str
    owner: str
    name: str
    api: str

    def __str__(self) -> str:
        return f"{self.host}/{self.full_name}"

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def path(self, rest: str = "") -> str:
        return f"/repos/{self.full_name}{rest}"

    @classmethod
    def of(cls, url: str, api: str | None = None) -> Self:
        """Read a repository's address, in any way that git takes. `api` is for a server that has
        it elsewhere. InputError where it names no repository of a GitHub."""
        try:
            address = GitAddress.parse(url)
        except ValueError as error:
            raise InputError(f"repository.url {error}") from None
        parts = address.path.strip("/").removesuffix(".git").split("/")
        if address.host is None or address.place is None or len(parts) != 2 or not all(parts):
            raise InputError(
                "repository.url names no repository on GitHub: write https://HOST/OWNER/NAME.git,"
                " or another word in repository.forge"
            )
        # A port of SSH is not that of the API.
        is_web = address.scheme in ("http", "https")
        host = address.place if is_web else address.host
        scheme = address.scheme if is_web else "https"
        if address.host in _PUBLIC:
            host, found = "github.com", "https://api.github.com"
        elif address.host.endswith(_DATA_RESIDENCY):
            found = f"https://api.{address.host}"
        else:
            found = f"{scheme}://{host}/api/v3"
        return cls(host, parts[0], parts[1], (api or found).rstrip("/"))
