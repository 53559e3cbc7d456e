"""A GitLab's life: what people and programs do, and what follows from it.

People act through methods (`gitlab.world.approve(project, 1, ann)`), programs through the API;
both leave an `Effect` in the journal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from tests.services.git_server import create_repository
from tests.services.gitlab import git as gitlab_git
from tests.services.gitlab.nouns import (
    DEVELOPER,
    MAINTAINER,
    UNFINISHED,
    Accept,
    Approval,
    Effect,
    Event,
    Note,
    Outcome,
    Pipeline,
    Protection,
    Push,
    Request,
    Status,
    Token,
    User,
)
from tests.services.gitlab.project import Project

P = ParamSpec("P")
_MOST_PUSH_EVENTS = 3
"""Of one push and one kind (`push_event_activities_limit`)."""
Action = Literal["created", "pushed", "removed"]
R = TypeVar("R")


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

    def user(
        self, username: str, token: str | None = None, *, bot: bool = False, admin: bool = False
    ) -> User:
        """A new person (or bot); `token` is its personal, project or group token."""
        made = User(self.next_id(), username, bot, admin)
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
        self._note_pushes(project, heads)
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

    def _note_pushes(self, project: Project, heads: Mapping[str, str]) -> None:
        """As GitLab's ProcessRefChangesService: more than three of a kind are one event."""
        before, by = project.heads, project.pusher
        if by is None:
            return
        found: dict[Action, list[str]] = {"created": [], "pushed": [], "removed": []}
        for branch in sorted(before.keys() | heads.keys()):
            old, new = before.get(branch), heads.get(branch)
            if old != new:
                found["created" if not old else "pushed" if new else "removed"].append(branch)
        for action, names in found.items():
            if len(names) > _MOST_PUSH_EVENTS:
                project.pushes.append(Push(by, None, None, None, self.now(), action, len(names)))
                continue
            for each in names:
                moved = (before.get(each), heads.get(each))
                project.pushes.append(Push(by, each, *moved, self.now(), action))

    def _take_version(self, project: Project, request: Request, head: str, by: User) -> None:
        added = gitlab_git.commits_between(project.repository, request.head, head)
        request.former_run = project.shown_pipeline(request)
        request.head = head
        request.updated_at = self.now()
        self._disarm(request)
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
            left = [each for each in request.asking_for_changes if each != user]
            request.asking_for_changes = tuple(left)
            request.updated_at = self.now()
            self.note_effect(user, "approve", f"!{iid}")

    @_alone
    def unapprove(self, project: Project, iid: int, user: User) -> None:
        request = project.requests[iid]
        request.approvals[:] = [each for each in request.approvals if each.user != user]
        self.note_effect(user, "unapprove", f"!{iid}")

    @_alone
    def ask_for_changes(self, project: Project, iid: int, user: User) -> None:
        """Who reviews becomes a reviewer; it stands until this person approves."""
        request = project.requests[iid]
        request.reviewers = tuple(dict.fromkeys((*request.reviewers, user)))
        request.asking_for_changes = tuple(dict.fromkeys((*request.asking_for_changes, user)))
        request.approvals[:] = [each for each in request.approvals if each.user != user]
        self.note_effect(user, "ask for changes", f"!{iid}")

    @_alone
    def close(self, project: Project, iid: int, user: User) -> None:
        request = project.requests[iid]
        if request.state != "opened":
            return
        if not project.may_close(user, request):
            raise AssertionError(f"{user.username} may not close !{iid}")
        request.state, request.closed_by, request.closed_at = "closed", user, self.now()
        self._disarm(request)
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
    def delete_branch(self, project: Project, branch: str, user: User) -> None:
        """As on the page of branches; an open request of it is closed in this name."""
        self.sync(project)
        gitlab_git.move(project.repository, branch, None, project.heads[branch])
        project.pusher = user
        self.note_effect(user, "delete branch", branch)
        self.sync(project)

    @_alone
    def run_pipeline(
        self, project: Project, sha: str, outcome: Outcome, ref: str | None = None
    ) -> Pipeline:
        """CI starts on a commit, or goes on to `outcome`; requests that waited for it merge."""
        self.sync(project)
        found = project.pipeline(sha)
        external = found is not None and found.source == "external"
        if found is None or external or found.ran not in {None, *UNFINISHED}:
            found = Pipeline(self.next_id(), sha, ref, outcome, self.now())
            project.pipelines.append(found)
        found.ran = outcome
        project.sum_up(found)
        for request in project.requests.values():
            if request.armed and not request.on_train and request.head == sha:
                if found.status in {"failed", "canceled"}:
                    self._disarm(request)
                elif not (project.waits_for(request) or project.misfits(request)):
                    self.merge(project, request, request.armed)
        return found

    @_alone
    def run_job(
        self,
        project: Project,
        sha: str,
        name: str,
        outcome: Outcome,
        *,
        allow_failure: bool = False,
    ) -> Status:
        """A job of CI comes to `outcome`; its pipeline is made where there is none."""
        run = project.pipeline(sha)
        if run is None or run.source == "external":
            run = self.run_pipeline(project, sha, "success")
        at, number = self.now(), self.next_id()
        made = Status(number, run.id, sha, run.ref, name, outcome, project.pusher, at, job=True)
        made.allow_failure = allow_failure
        project.statuses.append(made)
        project.sum_up(run)
        return made

    @_alone
    def board(self, project: Project, request: Request, how: Accept) -> None:
        """Onto the train of its target, at the end."""
        request.armed, request.on_train, request.boarded_at = how, True, self.next_id()
        request.updated_at = self.now()
        self.note_effect(how.user, "board", f"!{request.iid}")

    @_alone
    def run_train(self, project: Project, target: str = "main") -> list[int]:
        """The train arrives: who is on it merges, one after another; who does not fit any more is
        put off. Returns the numbers that were merged."""
        self.sync(project)
        merged = []
        for request in project.train(target):
            how = request.armed
            if how and not (project.waits_for(request) or project.misfits(request)):
                self.merge(project, request, how)
                merged.append(request.iid)
            else:
                self._disarm(request)
            self.sync(project)
        return merged

    @_alone
    def arm(self, project: Project, iid: int, user: User) -> None:
        """A person sets it to merge by itself when its pipeline succeeds."""
        project.requests[iid].armed = Accept(user)
        self.note_effect(user, "arm", f"!{iid}")

    def _disarm(self, request: Request) -> None:
        request.armed, request.on_train = None, False

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
        project.pusher = how.user

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
        self._disarm(request)
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
