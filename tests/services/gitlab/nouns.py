"""What a GitLab knows: people, projects over bare repositories, merge requests.

Numbers of access are GitLab's: 10 guest, 20 reporter, 30 developer, 40 maintainer
(https://docs.gitlab.com/api/members/#roles).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

DEVELOPER, MAINTAINER = 30, 40
MergeMethod = Literal["merge", "rebase_merge", "ff"]
Outcome = Literal[
    "created", "pending", "running", "success", "failed", "canceled", "skipped", "manual"
]
_DRAFT = re.compile(r"\s*(draft:|\[draft\]|\(draft\))", re.IGNORECASE)
UNFINISHED = ("created", "pending", "running")


@dataclass(frozen=True)
class User:
    """`admin`: of the whole instance, who may do everything without being a member."""

    id: int
    username: str
    bot: bool = False
    admin: bool = False

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


@dataclass(frozen=True)
class Token:
    """`job` is a CI job's: it opens few doors. Scopes are GitLab's words."""

    user: User
    kind: Literal["personal", "job"] = "personal"
    scopes: tuple[str, ...] = ("api", "write_repository")


@dataclass(frozen=True)
class Effect:
    """Something that was changed, and by whom; `what` as in `open`, `merge`, `push`, `note`."""

    who: str
    what: str
    detail: str


@dataclass(frozen=True)
class Approval:
    user: User
    at: datetime


@dataclass(frozen=True)
class Note:
    id: int
    author: User
    body: str
    at: datetime
    system: bool = False


@dataclass(frozen=True)
class Event:
    """A label that came or went, or a change of state."""

    id: int
    user: User
    at: datetime
    action: str
    label: str | None = None


@dataclass(frozen=True)
class Push:
    """What a push did to one branch; `new` None: it was deleted. One that did the same to more
    than three is told as one, without their names."""

    user: User
    branch: str | None
    old: str | None
    new: str | None
    at: datetime
    action: Literal["created", "pushed", "removed"]
    count: int | None = None


@dataclass
class Status:
    """What stands in a pipeline: what somebody published, or a `job` of CI."""

    id: int
    pipeline: int
    sha: str
    ref: str | None
    name: str
    state: Outcome
    author: User | None
    at: datetime
    description: str | None = None
    target_url: str | None = None
    allow_failure: bool = False
    job: bool = False


@dataclass
class Pipeline:
    id: int
    sha: str
    ref: str | None
    status: Outcome
    at: datetime
    source: str = "push"
    ran: Outcome | None = None
    """What CI itself came to, beside the statuses in it; None: it consists of those."""
    source_sha: str | None = None
    """The head that it is about, where it runs on a commit of GitLab's own."""


@dataclass
class Rule:
    """An approval rule (Premium): `users` empty means anybody who may approve."""

    id: int
    name: str
    required: int
    users: tuple[User, ...] = ()
    kind: str = ""
    """Of others than those: `report_approver`."""


@dataclass
class Protection:
    """Who may push to and merge into a branch, or all that a pattern fits, by least access; 0: no
    one."""

    push: int = MAINTAINER
    merge: int = MAINTAINER
    force: bool = False
    pushers: tuple[User, ...] = ()
    """Premium's: who may push besides."""


@dataclass(frozen=True)
class Accept:
    """How a merge was asked for; kept while it waits for a pipeline."""

    user: User
    sha: str | None = None
    squash: bool = False
    message: str | None = None
    squash_message: str | None = None
    remove_source: bool = False


@dataclass
class Request:
    """A merge request. `head` is the last commit of its branch that GitLab saw."""

    id: int
    iid: int
    title: str
    description: str
    source: str
    target: str
    author: User
    head: str
    created_at: datetime
    updated_at: datetime
    state: Literal["opened", "closed", "merged"] = "opened"
    labels: tuple[str, ...] = ()
    assignees: tuple[User, ...] = ()
    reviewers: tuple[User, ...] = ()
    asking_for_changes: tuple[User, ...] = ()
    squash: bool = False
    remove_source: bool = False
    approvals: list[Approval] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    label_events: list[Event] = field(default_factory=list)
    state_events: list[Event] = field(default_factory=list)
    armed: Accept | None = None
    merged_at: datetime | None = None
    merged_by: User | None = None
    closed_at: datetime | None = None
    closed_by: User | None = None
    merge_commit: str | None = None
    squash_commit: str | None = None
    merge_error: str | None = None
    boarded_at: int = 0
    on_train: bool = False
    """`armed` by a train, and not for the end of its pipeline."""
    former_run: Pipeline | None = None
    """Of a head before: `head_pipeline` is a column that the next pipeline overwrites."""
    lags_at: str | None = None
    """The head that is told although the branch went on: GitLab takes in a push a while later."""

    @property
    def draft(self) -> bool:
        return _DRAFT.match(self.title) is not None
