"""What a registry said it holds, a moment ago: so that what is kept by digest here is never taken
for what is still there. A fresh process, which has nothing kept, must decide the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from promoter.access.recent import Recent
from promoter.model.image import is_digest
from promoter.registries.content import objects_of, parse_object

_BELIEVED = 300.0  # seconds; a look at the world takes less
_MOST = 50_000


class Presence:
    """Digests that are in a repository now; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: Recent[tuple[str, str], float] = Recent(_MOST)
        self._references: Recent[str, tuple[str, ...]] = Recent(_MOST // 10)

    def has(self, repository: str, digest: str) -> bool:
        until = self._until.get((repository, digest))
        return until is not None and self._clock() < until

    def add(self, repository: str, digests: Iterable[str]) -> None:
        until = self._clock() + _BELIEVED
        for digest in digests:
            self._until.put((repository, digest), until)

    def add_references(self, repository: str, digest: str, manifest: bytes) -> None:
        """What a manifest that is there names: registries drop nothing that is referred to."""
        self.add(repository, self._references.get_or_make(digest, lambda: _named_by(manifest)))


def _named_by(manifest: bytes) -> tuple[str, ...]:
    content = parse_object(manifest) or {}
    descriptors = [*objects_of(content.get("manifests")), *objects_of([content.get("config")])]
    return tuple(
        digest
        for each in descriptors
        if isinstance(digest := each.get("digest"), str) and is_digest(digest)
    )
