"""What a GitLab knows: people, projects over bare repositories, merge requests.

Numbers of access are GitLab's: 10 guest, 20 reporter, 30 developer, 40 maintainer
(https://docs.gitlab.com/api/members/#roles).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from tests.services import gitlab_git

DEVELOPER, MAINTAINER = 30, 40
MergeMethod = Literal["merge", "rebase_merge", "ff"]
Outcome = Literal[
    "created", "pending", "running", "success", "failed", "canceled", "skipped", "manual"
]
_DRAFT = re.compile(r"\s*(draft:|\[draft\]|\(draft\))", re.IGNORECASE)
UNFINISHED = ("created", "pending", "running")


@dataclass(frozen=True)
class User:
    id: int
    username: str
    bot: bool = False

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
    """What a push did to one branch; `new` None: it was deleted."""

    user: User
    branch: str
    old: str | None
    new: str | None
    at: datetime


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


@dataclass
class Rule:
    """An approval rule (Premium): `users` empty means anybody who may approve."""

    id: int
    name: str
    required: int
    users: tuple[User, ...] = ()


@dataclass
class Protection:
    """Who may push to and merge into a branch, by least access; 0: no one."""

    push: int = MAINTAINER
    merge: int = MAINTAINER
    force: bool = False


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
    lags_at: str | None = None
    """The head that is told although the branch went on: GitLab takes in a push a while later."""

    @property
    def draft(self) -> bool:
        return _DRAFT.match(self.title) is not None


@dataclass
class Project:
    """A project and its settings, which a test sets as attributes."""

    id: int
    path: str
    repository: Path
    default_branch: str = "main"
    private: bool = True
    premium: bool = True
    """Approval rules, several reviewers and assignees, trains; without it as the Free edition."""
    trains: bool = False
    squash_option: Literal["never", "always", "default_on", "default_off"] = "default_off"
    external_checks: dict[str, Literal["pending", "passed", "failed"]] | None = None
    """By name, the same for each request; None: the edition (below Ultimate) has none."""
    discussions_open: bool = False
    """Whether requests wait for an open discussion to be resolved."""
    tells_approval_times: bool = True
    """Older servers do not."""
    merge_method: MergeMethod = "merge"
    pipeline_must_succeed: bool = False
    reset_approvals_on_push: bool = True
    authors_may_approve: bool = False
    members: dict[int, int] = field(default_factory=dict)
    protections: dict[str, Protection] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    requests: dict[int, Request] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)
    pusher: User | None = None
    """Who pushed last, over HTTP."""
    heads: dict[str, str] = field(default_factory=dict)
    """The branches as of the last `World.sync`."""
    _mergeable: dict[tuple[str, str], bool] = field(default_factory=dict)

    def access(self, user: User) -> int:
        return self.members.get(user.id, 0)

    def tip(self, branch: str) -> str | None:
        return gitlab_git.branches(self.repository).get(branch)

    def may_push(self, user: User, branch: str) -> bool:
        protection = self.protections.get(branch)
        least = protection.push if protection else DEVELOPER
        return bool(least) and self.access(user) >= max(least, DEVELOPER)

    def may_merge(self, user: User, branch: str) -> bool:
        protection = self.protections.get(branch)
        least = protection.merge if protection else DEVELOPER
        return bool(least) and self.access(user) >= max(least, DEVELOPER)

    def may_approve(self, user: User, request: Request) -> bool:
        own = user == request.author and not self.authors_may_approve
        return self.access(user) >= DEVELOPER and not own

    def pipeline(self, sha: str) -> Pipeline | None:
        """The newest of a commit."""
        return next((each for each in reversed(self.pipelines) if each.sha == sha), None)

    def train(self, target: str) -> list[Request]:
        """Who waits on the train of a branch, the first first."""
        return sorted(
            (r for r in self.requests.values() if r.on_train and r.target == target),
            key=lambda each: each.boarded_at,
        )

    def sum_up(self, run: Pipeline) -> None:
        """A pipeline is what the worst in it is; of each name the newest counts."""
        inside = {each.name: each for each in self.statuses if each.pipeline == run.id}
        states = {each.state for each in inside.values() if not each.allow_failure}
        if run.ran:
            states.add(run.ran)
        order: tuple[Outcome, ...] = ("running", "pending", "created", "failed", "canceled")
        worst: Outcome = next((word for word in order if word in states), "success")
        run.status = "running" if worst in UNFINISHED else worst

    def missing_approvals(self, request: Request) -> list[Rule]:
        """Rules that a request does not meet; without Premium there are none."""
        given = [each.user for each in request.approvals]
        rules = self.rules if self.premium else []
        return [
            rule
            for rule in rules
            if len([user for user in given if not rule.users or user in rule.users]) < rule.required
        ]

    def conflicts(self, request: Request, known_only: bool = False) -> bool | None:
        """Whether it does not merge; None: not looked at yet (`known_only`) or no target."""
        target = self.heads.get(request.target)
        if target is None:
            return None
        key = (target, request.head)
        if key not in self._mergeable:
            if known_only:
                return None
            merged = gitlab_git.merged_tree(self.repository, target, request.head)
            self._mergeable[key] = merged is not None
        return not self._mergeable[key]

    def waits_for(self, request: Request, *, pipeline: bool = True) -> str | None:
        """Why it may not be merged whatever its files are, as `detailed_merge_status` has it."""
        if request.state != "opened":
            return "not_open"
        if request.draft:
            return "draft_status"
        if pipeline and self.pipeline_must_succeed:
            found = self.pipeline(request.head)
            if found is None or found.status != "success":
                running = found is not None and found.status in UNFINISHED
                return "ci_still_running" if running else "ci_must_pass"
        if self.discussions_open:
            return "discussions_not_resolved"
        return "not_approved" if self.missing_approvals(request) else None

    def misfits(self, request: Request) -> str | None:
        """Why its files or history do not fit, as `detailed_merge_status` has it."""
        if self.conflicts(request):
            return "conflict"
        target = self.heads.get(request.target)
        linear = self.merge_method != "merge"
        if linear and target and not gitlab_git.contains(self.repository, request.head, target):
            return "need_rebase"
        return None
