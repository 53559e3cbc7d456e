"""What a webhook comes down to: where to look now."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from promoter.model.address import GitAddress
from promoter.model.image import ImageName


@dataclass(frozen=True)
class ImagePushed:
    """Something happened to a repository of a registry: a push, a scan, a build.

    `path` is the repository's without the host (`apps/web`; `library/nginx` at Docker Hub). `host`
    is as the event tells it, None where it does not; a registry knows itself by another name than
    images do, often enough. `tag` is None where the event is about a digest.
    """

    path: str
    host: str | None = None
    tag: str | None = None

    def may_be(self, image: ImageName) -> bool:
        """Whether to look at `image`. Generous: a look too many costs a request, one too few the
        time until the next poll. The host is not compared, and a sender that does not tell it may
        leave out the front of the path too (Artifactory, Nexus)."""
        if image.path == self.path:
            return True
        return self.host is None and image.path.endswith(f"/{self.path}")


@dataclass(frozen=True)
class RepositoryChanged:
    """Something happened in a Git repository or its forge: a push, a review, a check.

    `urls` are all of its addresses that the event tells: for cloning, and its page.
    """

    urls: tuple[str, ...]

    def may_be(self, address: GitAddress) -> bool:
        """Whether to look at the repository. As generous as `ImagePushed.may_be`: by its path."""
        wanted = _path(address)
        for url in self.urls:
            try:
                told = _path(GitAddress.parse(url))
            except ValueError:
                continue
            if told == wanted:
                return True
        return False


Nudge = ImagePushed | RepositoryChanged


def _path(address: GitAddress) -> str:
    """Without what is spelled in several ways; forges don't tell upper case from lower."""
    path = posixpath.normpath(f"/{address.path.strip('/')}")
    return path.removesuffix(".git").casefold()
