"""What the fake GitHub remembers: repositories, pull requests, reviews, checks, protection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Permission = Literal["admin", "maintain", "write", "triage", "read", "none"]
Verdict = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"]
MergeMethod = Literal["merge", "squash", "rebase"]

MAY_WRITE: tuple[Permission, ...] = ("admin", "maintain", "write")


class GitHubError(Exception):
    """An answer that is not a success; `details` are the `errors` of a 422."""

    def __init__(
        self, status: int, message: str, details: tuple[dict[str, str] | str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details


@dataclass(frozen=True)
class Account:
    login: str
    id: int
    type: Literal["User", "Bot", "Organization"] = "User"


@dataclass(frozen=True)
class Effect:
    """Something that a request, or a person, changed: `opened`, `merged`, `commented`, ..."""

    what: str
    number: int | None
    login: str
    detail: str = ""


@dataclass
class Review:
    id: int
    login: str
    state: Verdict
    body: str
    commit: str
    at: datetime


@dataclass
class Comment:
    id: int
    number: int
    login: str
    body: str
    at: datetime


@dataclass
class Event:
    """What happened to a pull request, as its issue events tell it."""

    id: int
    number: int
    kind: str
    login: str | None
    at: datetime


@dataclass
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    login: str
    at: datetime


@dataclass
class CheckRun:
    id: int
    sha: str
    name: str
    status: str
    conclusion: str | None
    login: str
    at: datetime
    title: str | None = None
    summary: str | None = None
    details_url: str | None = None


@dataclass
class Protection:
    """What a branch asks of a merge. `by` tells how it is configured and so where it is read: the
    classic protection of the branch, or a ruleset."""

    reviews: int = 0
    dismiss_stale: bool = False
    checks: tuple[str, ...] = ()
    strict: bool = False
    """The head must hold the base's tip."""
    enforce_admins: bool = False
    bypass: tuple[str, ...] = ()
    queue: bool = False
    """Whether what is merged goes through the merge queue."""
    by: Literal["protection", "ruleset"] = "protection"


@dataclass
class Pull:
    """A pull request. `head` is where its branch stood when it was last seen, `base_sha` where
    the base stood when the head last moved."""

    id: int
    number: int
    title: str
    body: str | None
    branch: str
    base: str
    head: str
    base_sha: str
    login: str
    created_at: datetime
    updated_at: datetime
    draft: bool = False
    state: Literal["open", "closed"] = "open"
    closed_at: datetime | None = None
    closed_by: str | None = None
    merged_at: datetime | None = None
    merged_by: str | None = None
    merge_commit: str | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    looked_at: tuple[str, str] | None = None
    """Head and base of the last look at whether it can merge: GitHub finds out after the first
    question, which it answers with null."""

    @property
    def verdicts(self) -> dict[str, Review]:
        """The review of each person that counts: the last one that is more than a comment."""
        return {each.login: each for each in self.reviews if each.state != "COMMENTED"}


@dataclass
class Repository:
    """A repository with its pull requests; `git` is the bare repository that holds its bytes."""

    id: int
    owner: str
    name: str
    git: Path
    created_at: datetime
    private: bool = True
    permissions: dict[str, Permission] = field(default_factory=dict)
    protections: dict[str, Protection] = field(default_factory=dict)
    methods: tuple[MergeMethod, ...] = ("merge", "squash", "rebase")
    delete_branch_on_merge: bool = False
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    check_runs: list[CheckRun] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    drafts: bool = True
    """Whether it knows drafts: a private repository in a free plan does not."""
    shows_queue: bool = True
    """Whether tokens may see its merge queues."""
    queue: list[int] = field(default_factory=list)
    """The pull requests in the merge queue, in order."""
    staged: dict[int, str] = field(default_factory=dict)
    """Those of them that the queue tries: the commit on its temporary branch."""
    seen: dict[str, str] = field(default_factory=dict)
    """Branch -> commit, as of the last look."""

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def may_write(self, login: str) -> bool:
        return self.permissions.get(login, "none") in MAY_WRITE

    def protection(self, branch: str) -> Protection:
        return self.protections.get(branch) or Protection()


@dataclass
class App:
    """A GitHub App: its public key (PEM) proves what it says, `installed` names repositories."""

    id: int
    slug: str
    public_key: str
    installed: dict[str, int] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """All that the fake remembers. `lock` is held while a request, or a person, changes it."""

    now: Callable[[], datetime]
    web: str
    """Where its pages are; the API is below `/api/v3`."""
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    token_ends: dict[str, datetime] = field(default_factory=dict, repr=False)
    apps: dict[int, App] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    journal: list[Effect] = field(default_factory=list)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """The time of tokens and rate limits: clients compare it with their own machine's."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last_id: int = 1000

    @property
    def api(self) -> str:
        return f"{self.web}/api/v3"

    def next_id(self) -> int:
        with self.lock:
            self._last_id += 1
            return self._last_id

    def account(self, login: str) -> Account:
        """The account of that name; made where there is none yet, as `[bot]` names are bots."""
        with self.lock:
            if login not in self.accounts:
                kind: Literal["User", "Bot"] = "Bot" if login.endswith("[bot]") else "User"
                self.accounts[login] = Account(login, self.next_id(), kind)
            return self.accounts[login]

    def note(self, what: str, number: int | None, login: str, detail: str = "") -> None:
        self.journal.append(Effect(what, number, login, detail))
