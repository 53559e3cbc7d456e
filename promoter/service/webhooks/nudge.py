"""What a webhook comes down to: where to look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImagePushed:
    """`path` is the repository's without the host: `shop/web`; `host` as the event tells it."""

    path: str
    host: str | None = None
    tag: str | None = None


@dataclass(frozen=True)
class RepositoryChanged:
    """Something happened in a manifest repository; `urls` are its addresses."""

    urls: tuple[str, ...]


Nudge = ImagePushed | RepositoryChanged
