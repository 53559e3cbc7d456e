"""What a GitLab knows: people, projects over bare repositories, merge requests and their life.

People act through methods (`gitlab.world.approve(project, 1, ann)`), programs through the API;
both leave an `Effect` in the journal. Numbers of access are GitLab's: 10 guest, 20 reporter, 30
developer, 40 maintainer (https://docs.gitlab.com/api/members/#roles).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from tests.services import gitlab_git
from tests.services.git_server import create_repository

P = ParamSpec("P")
R = TypeVar("R")
DEVELOPER, MAINTAINER = 30, 40
MergeMethod = Literal["merge", "rebase_merge", "ff"]
Outcome = Literal["created", "pending", "running", "success", "failed", "canceled", "skipped"]
_DRAFT = re.compile(r"\s*(draft:|\[draft\]|\(draft\))", re.IGNORECASE)
_UNFINISHED = ("created", "pending", "running")


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


@dataclass
class Status:
    id: int
    sha: str
    ref: str | None
    name: str
    state: Outcome
    author: User
    at: datetime
    description: str | None = None
    target_url: str | None = None


@dataclass
class Pipeline:
    id: int
    sha: str
    ref: str | None
    status: Outcome
    at: datetime
    source: str = "push"


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
                running = found is not None and found.status in _UNFINISHED
                return "ci_still_running" if running else "ci_must_pass"
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


def _alone(act: Callable[Concatenate[World, P], R]) -> Callable[Concatenate[World, P], R]:
    """People and programs act one after another."""

    @wraps(act)
    def locked(world: World, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with world.lock:
            return act(world, *args, **kwargs)

    return locked


class World:
    """Everything. One lock: GitLab's own database would order these as well."""

    def __init__(self, root: Path, now: Callable[[], datetime] | None = None) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.users: dict[int, User] = {}
        self.tokens: dict[str, Token] = {}
        self.projects: dict[int, Project] = {}
        self.journal: list[Effect] = []
        self._ids = count(1)
        self._now = now or _ticking()

    def now(self) -> datetime:
        return self._now()

    def next_id(self) -> int:
        return next(self._ids)

    def user(self, username: str, token: str | None = None, *, bot: bool = False) -> User:
        """A new person (or bot); `token` is its personal, project or group token."""
        made = User(self.next_id(), username, bot)
        self.users[made.id] = made
        if token:
            self.tokens[token] = Token(made)
        return made

    def project(
        self,
        path: str,
        files: Mapping[str, bytes],
        members: Mapping[User, int] | None = None,
    ) -> Project:
        """A new project with a first commit on `main`, which maintainers may push to and
        developers may merge into."""
        repository = create_repository(self.root / f"{path}.git", files)
        made = Project(self.next_id(), path, repository)
        made.protections["main"] = Protection(push=MAINTAINER, merge=DEVELOPER)
        made.members.update({user.id: level for user, level in (members or {}).items()})
        self.projects[made.id] = made
        return made

    def note_effect(self, user: User | None, what: str, detail: str) -> None:
        self.journal.append(Effect(user.username if user else "someone", what, detail))

    @_alone
    def sync(self, project: Project) -> None:
        """Take notice of what was pushed: new versions, branches that are gone, requests that
        were merged by hand."""
        heads = gitlab_git.branches(project.repository)
        if heads == project.heads:
            return
        project.heads = heads
        landed = {
            target: gitlab_git.landed_in(project.repository, heads[target])
            for target in {each.target for each in project.requests.values()} & heads.keys()
        }
        for request in project.requests.values():
            if request.state != "opened":
                continue
            head = heads.get(request.source)
            by = project.pusher or request.author
            if head is None:
                self.close(project, request.iid, by)
            elif request.source in landed.get(request.target, ()):
                self._merged(project, request, by)
            elif head != request.head:
                self._take_version(project, request, head, by)

    def _take_version(self, project: Project, request: Request, head: str, by: User) -> None:
        added = gitlab_git.commits_between(project.repository, request.head, head)
        request.head = head
        request.updated_at = self.now()
        request.armed = None
        request.merge_error = None
        self.comment(request, by, f"added {len(added)} commits", system=True)
        if project.premium and project.reset_approvals_on_push:
            request.approvals.clear()

    @_alone
    def open(self, project: Project, user: User, source: str, target: str, title: str) -> Request:
        """A new merge request; the branch must be there, and the caller sees that none is open."""
        head = project.tip(source)
        assert head, f"{project.path} has no branch {source}"
        at = self.now()
        iid = len(project.requests) + 1
        request = Request(self.next_id(), iid, title, "", source, target, user, head, at, at)
        project.requests[iid] = request
        self.note_effect(user, "open", f"!{iid}")
        return request

    def open_from(self, project: Project, source: str) -> Request | None:
        return next(
            (r for r in project.requests.values() if r.state == "opened" and r.source == source),
            None,
        )

    @_alone
    def comment(self, request: Request, user: User, body: str, *, system: bool = False) -> Note:
        note = Note(self.next_id(), user, body, self.now(), system)
        request.notes.append(note)
        request.updated_at = note.at
        if not system:
            self.note_effect(user, "note", f"!{request.iid}")
        return note

    @_alone
    def label(self, request: Request, user: User, labels: tuple[str, ...]) -> None:
        """Give a request exactly these labels; each change is an event."""
        for action, names in (
            ("add", [each for each in labels if each not in request.labels]),
            ("remove", [each for each in request.labels if each not in labels]),
        ):
            for name in names:
                at = self.now()
                request.label_events.append(Event(self.next_id(), user, at, action, name))
                request.updated_at = at
                self.note_effect(user, f"label {action}", f"!{request.iid} {name}")
        request.labels = tuple(dict.fromkeys(labels))

    @_alone
    def approve(self, project: Project, iid: int, user: User) -> None:
        self.sync(project)
        request = project.requests[iid]
        if not project.may_approve(user, request):
            raise AssertionError(f"{user.username} may not approve !{iid}")
        if user not in [each.user for each in request.approvals]:
            request.approvals.append(Approval(user, self.now()))
            request.updated_at = self.now()
            self.note_effect(user, "approve", f"!{iid}")

    @_alone
    def unapprove(self, project: Project, iid: int, user: User) -> None:
        request = project.requests[iid]
        request.approvals[:] = [each for each in request.approvals if each.user != user]
        self.note_effect(user, "unapprove", f"!{iid}")

    @_alone
    def close(self, project: Project, iid: int, user: User) -> None:
        request = project.requests[iid]
        if request.state != "opened":
            return
        request.state, request.closed_by, request.closed_at = "closed", user, self.now()
        request.armed = None
        self._state_event(request, user, "closed")
        self.note_effect(user, "close", f"!{iid}")

    @_alone
    def reopen(self, project: Project, iid: int, user: User) -> None:
        request = project.requests[iid]
        if request.state != "closed":
            return
        request.state, request.closed_by, request.closed_at = "opened", None, None
        self._state_event(request, user, "reopened")
        self.note_effect(user, "reopen", f"!{iid}")

    @_alone
    def run_pipeline(
        self, project: Project, sha: str, outcome: Outcome, ref: str | None = None
    ) -> Pipeline:
        """CI starts on a commit, or goes on to `outcome`; requests that waited for it merge."""
        self.sync(project)
        found = project.pipeline(sha)
        if found is None or found.status not in _UNFINISHED:
            found = Pipeline(self.next_id(), sha, ref, outcome, self.now())
            project.pipelines.append(found)
        found.status = outcome
        for request in project.requests.values():
            if request.armed and request.head == sha:
                if outcome in {"failed", "canceled"}:
                    request.armed = None
                elif not (project.waits_for(request) or project.misfits(request)):
                    self.merge(project, request, request.armed)
        return found

    def merge(self, project: Project, request: Request, how: Accept) -> None:
        """Merge for real; the caller has seen that nothing is in the way."""
        repository, target = project.repository, project.tip(request.target)
        assert target, f"{project.path} has no branch {request.target}"
        at = self.now()
        who = gitlab_git.Signature(how.user.username, how.user.email, at)
        source = request.head
        if how.squash or request.squash:
            text = how.squash_message or request.title
            source = gitlab_git.squashed(repository, target, source, text, who)
            request.squash_commit = source
        new: str | None = source
        if project.merge_method != "ff":
            text = how.message or _merge_message(project, request)
            new = gitlab_git.merge_commit(repository, target, source, text, who)
            request.merge_commit = new
        assert new, f"!{request.iid} conflicts"
        gitlab_git.move(repository, request.target, new, target)
        self._merged(project, request, how.user)
        if how.remove_source or request.remove_source:
            gitlab_git.move(repository, request.source, None, request.head)

    def rebase(self, project: Project, request: Request, user: User) -> None:
        """Put the branch onto its target; a conflict is told in `merge_error`."""
        target = project.tip(request.target)
        assert target, f"{project.path} has no branch {request.target}"
        who = gitlab_git.Signature(user.username, user.email, self.now())
        new = gitlab_git.rebased(project.repository, target, request.head, who)
        if new is None:
            request.merge_error = "Rebase failed: Rebase locally, resolve all conflicts, then push."
            return
        gitlab_git.move(project.repository, request.source, new, request.head)
        project.pusher = user
        self.note_effect(user, "rebase", f"!{request.iid}")
        self.sync(project)

    def _merged(self, project: Project, request: Request, user: User) -> None:
        request.state, request.merged_by, request.merged_at = "merged", user, self.now()
        request.armed = None
        self._state_event(request, user, "merged")
        self.note_effect(user, "merge", f"!{request.iid}")

    def _state_event(self, request: Request, user: User, state: str) -> None:
        at = self.now()
        request.state_events.append(Event(self.next_id(), user, at, state))
        request.updated_at = at


def _merge_message(project: Project, request: Request) -> str:
    return (
        f"Merge branch '{request.source}' into '{request.target}'\n\n{request.title}\n\n"
        f"See merge request {project.path}!{request.iid}"
    )


def _ticking() -> Callable[[], datetime]:
    """A clock of its own: every look is a second later, so that order is never a matter of luck."""
    ticks: Iterator[int] = count()
    start = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    return lambda: start + timedelta(seconds=next(ticks))
