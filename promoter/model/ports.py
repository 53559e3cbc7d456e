"""What the adapters give: Protocols, and the values that cross them.

Adapters translate, they do not decide. They raise only `promoter.errors`:
InputError where a person must act (credentials, a missing repository),
TransientError where trying again may help, ConflictError for a lost race.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True)
class ImageDetails:
    """What an image says of itself. `created` is the newest of an index's images, in UTC."""

    created: datetime | None
    labels: tuple[tuple[str, str], ...] = ()
    platforms: tuple[str, ...] = ()

    def label(self, name: str) -> str | None:
        return dict(self.labels).get(name)


@dataclass(frozen=True)
class Referrer:
    """A manifest that refers to another one: a signature, an attestation, an SBOM.

    OCI distribution specification 1.1, "Listing Referrers".
    """

    digest: str
    media_type: str
    artifact_type: str
    annotations: tuple[tuple[str, str], ...] = ()


class Registry(Protocol):
    """A container registry (or a directory that holds the same); thread-safe.

    `repository` is the path without the host: `shop/web`.
    """

    def tags(self, repository: str) -> Sequence[str]:
        """Every tag, in any order; empty where the registry lists none. No such repository:
        InputError."""

    def digest(self, repository: str, tag: str) -> str | None:
        """The digest that the tag names; None only for a real "manifest unknown"."""

    def manifest(self, repository: str, digest: str) -> bytes | None:
        """The bytes of a manifest or index, verified against `digest`; None: unknown there."""

    def blob(self, repository: str, digest: str) -> bytes | None:
        """The bytes of a (small) blob, verified against `digest`; None: unknown there."""

    def referrers(self, repository: str, digest: str) -> Sequence[Referrer]:
        """What refers to a manifest, by the referrers API or its fallback tag; empty where
        nothing does."""


@dataclass(frozen=True)
class Entry:
    """A file in a tree: its path, blob id, and git mode (`100644`, `100755`, `120000`)."""

    path: str
    blob: str
    mode: str


class Tree(Protocol):
    """One commit, immutable."""

    def list(self, under: str = "") -> Sequence[Entry]:
        """All files below a directory (or the file itself), sorted by path."""

    def read(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """The bytes of regular files; a path that is absent is left out."""


@dataclass(frozen=True)
class BlobChange:
    """A path whose blob changed; None: absent on that side."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Landing:
    """A first-parent commit of a branch, with the paths it changed against its first parent."""

    commit: str
    at: datetime
    subject: str
    changes: tuple[BlobChange, ...]


@dataclass(frozen=True)
class CommitDraft:
    """A commit to be made: `files` replaces whole files of `parent`, modes are kept. Without a
    parent it is the first of a history of its own; `alone`: it takes over the parent's files and
    not its history."""

    parent: str | None
    files: Mapping[str, bytes]
    message: str
    alone: bool = False


@dataclass(frozen=True)
class RefMove:
    """A compare-and-swap of one ref; None as `expected`: create only, as `new`: delete. One that
    stays where it is only checks that it is there."""

    ref: str
    expected: str | None
    new: str | None


@dataclass(frozen=True)
class Branch:
    """A branch as it stands against the base it was compared with.

    `message` is that of its head commit; `files` the content of every file that differs from
    the merge base (None: deleted); `own` tells whether each commit since then is the bot's.
    """

    name: str
    head: str
    message: str
    files: tuple[tuple[str, bytes | None], ...]
    own: bool


class Repository(Protocol):
    """A manifest repository; thread-safe."""

    def refresh(self) -> Mapping[str, str]:
        """Ask the remote, fetch what is new; ref (`refs/heads/main`) -> commit."""

    def ref(self, name: str) -> str | None:
        """The commit of a ref as of the last look at the remote; None where it has none."""

    def default_branch(self) -> str:
        """The branch that the remote's HEAD names."""

    def tree(self, commit: str) -> Tree: ...

    def blobs(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        """The bytes of blobs by id."""

    def landings(self, commit: str, under: Sequence[str]) -> Iterator[Landing]:
        """First-parent history of `commit`, newest first, only what touches `under`."""

    def branch(self, name: str, base: str) -> Branch | None:
        """The branch compared with commit `base`; None where the remote has no such branch."""

    def commit(self, drafts: Sequence[CommitDraft]) -> Sequence[str]:
        """Make commits, objects only; nothing is visible to anyone before `push`."""

    def push(self, moves: Sequence[RefMove]) -> None:
        """All or nothing; ConflictError where a ref is not where it was expected."""


@dataclass(frozen=True)
class MergeRequest:
    """A merge request as the forge tells it. `body` holds the bot's record (`model.record`).

    `closed_by` is the login of who closed it, None where open, merged or not known;
    `closed_by_bot` where it was the bot itself.
    """

    number: int
    state: Literal["open", "merged", "closed"]
    branch: str
    base: str
    head: str
    title: str
    body: str
    url: str
    closed_by: str | None = None
    closed_by_bot: bool = False
    approvals: int = 0
    """How many approvals it asks for, as it was opened or last updated."""
    ended_at: datetime | None = None
    """When it was merged or closed, in UTC; None while it is open, and where nobody tells."""
    kept: bool = field(default=False, compare=False)
    """Whether it is told again at the next look at no cost; else the ledger keeps that it ended."""


@dataclass(frozen=True)
class MergeRequestDraft:
    """What a merge request should be; `approvals` is how many the gates ask for."""

    branch: str
    base: str
    head: str
    title: str
    body: str
    approvals: int = 0


class Forge(Protocol):
    """Where merge requests live; thread-safe."""

    def find(self, base: str, prefix: str, since: datetime | None = None) -> Sequence[MergeRequest]:
        """All merge requests from branches that begin with `prefix`: the open ones, and those that
        ended at or after `since` (None: all; more than asked for is no harm)."""

    def open(self, draft: MergeRequestDraft) -> MergeRequest:
        """Open it; where the branch has an open one already, that one is found instead."""

    def update(self, number: int, draft: MergeRequestDraft) -> None:
        """Rewrite title and body, note the new head."""

    def close(self, number: int, reason: str) -> None: ...

    def approvals(self, number: int, head: str) -> Sequence[str]:
        """Distinct people, the author left out, who approved exactly this head."""

    def merge(self, number: int, head: str) -> Literal["merged", "queued"]:
        """Merge what `head` names; ConflictError where the head or the base moved."""
