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


@dataclass(frozen=True, slots=True)
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
    """A first-parent commit of a branch, with the paths it changed against its first parent;
    `author` reads `NAME <EMAIL>`."""

    commit: str
    at: datetime
    subject: str
    changes: tuple[BlobChange, ...]
    author: str = ""
    message: str = ""


@dataclass(frozen=True)
class CommitDraft:
    """A commit to be made: `files` replaces whole files of `parent`, modes are kept; None takes a
    file away, and one that is not there already is no matter. Without a
    parent it is the first of a history of its own; `alone`: it takes over the parent's files and
    not its history. `author` reads `NAME <EMAIL>` (None: the bot); the committer is always the
    bot: by that its commits are known."""

    parent: str | None
    files: Mapping[str, bytes | None]
    message: str
    alone: bool = False
    author: str | None = None


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
    the merge base (None: deleted); `own` tells whether each commit since then is the bot's;
    `fork` is the merge base (None: they share no history, or nobody tells); `by_bot`: the bot
    committed all of it, promotions or not.
    """

    name: str
    head: str
    message: str
    files: tuple[tuple[str, bytes | None], ...]
    own: bool
    fork: str | None = None
    by_bot: bool = False


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

    def merged(self, base: str, head: str) -> tuple[tuple[str, bytes | None], ...] | None:
        """What merging commit `head` into commit `base` would change there: path -> content
        (None: deleted), by path; None where the two conflict."""

    def commit(self, drafts: Sequence[CommitDraft]) -> Sequence[str]:
        """Make commits, objects only; nothing is visible to anyone before `push`."""

    def push(self, moves: Sequence[RefMove]) -> None:
        """All or nothing; ConflictError where a ref is not where it was expected."""


@dataclass(frozen=True)
class MergeRequest:
    """A merge request as the forge tells it. `body` holds the bot's record (`model.record`).

    `head` of an open one is where the bot put its branch when it opened or last updated it: forges
    take in a push a while later, and where the branch really stands, Git tells (`Branch`).

    `closed_by` is the login of who closed it, None where open, merged, not known, or where it is
    nobody's word (another bot, somebody without write access, a deleted branch); `closed_by_bot`
    where it was the bot itself.
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
    draft: bool = False
    labels: tuple[str, ...] = ()
    armed: bool = False
    """It is in the forge's merge queue or on its train, and is merged without a further word."""
    complete: bool = True
    """Whether labels, reviewers and assignees were all given to it: a forge that takes them one by
    one may have been left half-way; `update` does the rest."""
    foreign: bool = False
    """It is from another branch than the bot's, or from a fork; told while it is open only."""
    unread: str = ""
    """Why it can't be told who closed it; empty: it is told."""
    merged_by: str | None = field(default=None, compare=False)
    """Who merged it: a login, or an email at the local forge; the bot's where it did. None where
    it is not merged or nobody tells. History, and no decision's business."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What could not be given to it just now, a sentence each (a reviewer who is not known)."""


@dataclass(frozen=True)
class MergeRequestDraft:
    """What a merge request should be; `approvals` is how many the gates ask for; labels, reviewers
    and assignees (user names) are added to those that stand there, none is taken away."""

    branch: str
    base: str
    head: str
    title: str
    body: str
    approvals: int = 0
    draft: bool = False
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


CheckState = Literal["success", "pending", "failure"]


@dataclass(frozen=True)
class Check:
    """What a pipeline, an app or the bot itself says of a commit, under a name. What was skipped
    or is neutral is a success; what was cancelled or timed out a failure."""

    name: str
    state: CheckState
    text: str = ""
    """One line; the forge's own length limit is its adapter's business."""
    url: str = ""


@dataclass(frozen=True)
class Comment:
    """`mark` stands in the text, invisible to people: by it a repeated call finds it said."""

    text: str
    mark: str


@dataclass(frozen=True)
class MergeText:
    """The message of what a merge makes: `body` holds the record's trailers. An adapter adds the
    request's number to the subject as its forge does."""

    subject: str
    body: str


@dataclass(frozen=True)
class Readiness:
    """Whether the forge would merge an open request now, at the head that was asked for.

    `ready` is also what ended meanwhile: `merge` tells; `wait`: something is missing that comes by
    itself or by others (a check, a review, a computation); `refused`: the bot may not; `conflict`:
    with the base; `behind`: it must be built on the tip first. `why` names it in one line, without
    the request.
    """

    state: Literal["ready", "wait", "refused", "conflict", "behind"]
    why: str = ""


@dataclass(frozen=True)
class Rights:
    """What the bot may do in a repository; None: not to be told without trying."""

    bot: str
    """The login it acts under."""
    push: bool | None = None
    open: bool | None = None
    merge: bool | None = None
    see_approvals: bool | None = None
    publish: bool | None = None
    """A status (`Check`) on a commit."""
    bypass: bool | None = None
    """Whether the branch's protection does not hold for it."""
    starts_pipelines: bool | None = None
    """Whether what it pushes and opens starts workflows and pipelines."""


@dataclass(frozen=True)
class Protection:
    """What the forge insists on before anything gets into a branch; None: not to be seen."""

    is_on: bool | None = None
    """Nobody but the bot gets in without a merge request, by rights of its own."""
    approvals: int | None = None
    checks: tuple[str, ...] | None = None
    """The names of those that must be a success."""
    up_to_date: bool = False
    """A request must stand on the branch's tip (strict checks, fast-forward only)."""
    queue: bool = False
    """Requests get in through a merge queue or train."""
    stale_approvals: bool | None = None
    """Approvals of a former head still count at the forge."""
    own_approvals: bool = False
    """Whoever wrote a request may approve it."""


@dataclass(frozen=True)
class Footing:
    """How the bot stands in a repository. `statuses`: whether there is a use in publishing one."""

    rights: Rights
    protection: Protection
    statuses: bool = True
    problems: tuple[str, ...] = ()
    """What could not be looked at, and what would be needed for it; a sentence each."""


class Forge(Protocol):
    """Where merge requests live; thread-safe. Every write may be repeated: what is so already is
    no error and done once."""

    def find(self, base: str, prefix: str, since: datetime | None = None) -> Sequence[MergeRequest]:
        """All merge requests from branches that begin with `prefix`: the open ones, and those that
        ended at or after `since` (None: all; more than asked for is no harm). Of the others into
        `base` those that are open, as `foreign`, with an empty body."""

    def mergers(self, numbers: Sequence[int]) -> Mapping[int, str]:
        """Who merged each of these, where `find` does not tell; those that nobody tells of are
        left out. Asked once of each."""

    def open(self, draft: MergeRequestDraft) -> MergeRequest:
        """Open it; where the branch has an open one already, that one is found instead."""

    def update(self, number: int, draft: MergeRequestDraft) -> MergeRequest:
        """Rewrite title and body, note the new head, add what is missing of labels and people;
        make it a draft, or none."""

    def comment(self, number: int, comment: Comment) -> None:
        """Say it, unless the mark stands there already; ConflictError where it does not and the
        request has ended: nobody is to read "Closed: ..." on one that was merged."""

    def label(self, number: int, name: str) -> None:
        """Add a label; one that the repository does not know yet is made."""

    def close(self, number: int, reason: str) -> None:
        """Close it and delete its branch, where that is still what the bot put there. `reason` is
        for the forge's own record; to people it is said by `comment`."""

    def approvals(self, number: int, head: str) -> Sequence[str]:
        """Distinct people with write access, author and bot left out, who approved exactly this
        head; nobody while such a person asks for changes."""

    def checks(self, number: int, head: str) -> Sequence[Check]:
        """The newest of each name on this commit, whoever said it; of two kinds with one name
        (a status and a check run) the worse."""

    def commit_checks(self, commit: str) -> Sequence[Check]:
        """As `checks`, of a commit that is in a branch already, whatever brought it there."""

    def readiness(self, number: int, head: str) -> Readiness:
        """Asked only for what the bot is about to merge."""

    def merge(self, number: int, head: str, text: MergeText) -> Literal["merged", "queued"]:
        """Merge what `head` names, or put it into the queue or on the train; ConflictError where
        the head or the base moved."""

    def disarm(self, number: int) -> None:
        """Take it out of the queue or off the train again."""

    def publish(self, number: int, head: str, check: Check) -> bool:
        """Say it of the commit, in place of what was said under this name. Whether it was said;
        False: it can't be yet, and is asked for again."""

    def footing(self, base: str) -> Footing:
        """How the bot stands here. What its token may not see is None and told in `problems`."""
