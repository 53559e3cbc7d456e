"""The shop on the fake GitLab."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from tests.services.gitlab.fake import FakeGitLab, fake_gitlab
from tests.services.gitlab.nouns import DEVELOPER, MAINTAINER, Accept, Request, User
from tests.services.gitlab.project import Project
from tests.stories.forges import PROJECT, TOKEN, Clock, Kind, Seen, State, World, manifests
from tests.stories.local_world import push_as_ann

_STATES: Mapping[str, State] = {"opened": "open", "closed": "closed", "merged": "merged"}


@dataclass
class GitLabWorld(World):
    gitlab: FakeGitLab = field(kw_only=True)
    project: Project = field(kw_only=True)
    people: dict[str, User] = field(kw_only=True)

    kind: ClassVar[Kind] = "gitlab"
    bot: ClassVar[str] = "project_7_bot_0a1b"

    @property
    def repository(self) -> Path:
        return self.project.repository

    @property
    def url(self) -> str:
        return self.gitlab.url(f"{PROJECT}.git")

    def requests(self) -> list[Seen]:
        with self.gitlab.world.lock:
            self.gitlab.world.sync(self.project)
            return [self._seen(each) for each in self.project.requests.values()]

    def _seen(self, request: Request) -> Seen:
        statuses = self.project.statuses
        said = [e for e in statuses if (e.sha, e.name) == (request.head, "promoter")]
        notes = [e.body for e in request.notes if not e.system and e.author.username == self.bot]
        return Seen(
            request.iid,
            _STATES[request.state],
            request.source.removeprefix("promoter/"),
            request.head,
            request.title,
            request.description,
            request.labels,
            tuple(each.username for each in request.reviewers),
            tuple(each.username for each in request.assignees),
            request.draft,
            request.armed is not None,
            tuple(notes),
            (said[-1].state, said[-1].description or "") if said else None,
        )

    def approve(self, number: int, who: str) -> None:
        """GitLab lets nobody approve who may not: who could once has lost the right since."""
        user, members = self.people[who], self.project.members
        level = members[user.id]
        members[user.id] = max(level, DEVELOPER)
        self.gitlab.world.approve(self.project, number, user)
        members[user.id] = level

    def take_back(self, number: int, who: str) -> None:
        self.gitlab.world.unapprove(self.project, number, self.people[who])

    def ask_for_changes(self, number: int, who: str) -> None:
        self.gitlab.world.ask_for_changes(self.project, number, self.people[who])

    def close(self, number: int, who: str) -> None:
        """Who may not write may close what is assigned to them."""
        self.clock.pass_by(minutes=1)
        user, request = self.people[who], self.project.requests[number]
        if self.project.access(user) < DEVELOPER:
            request.assignees = (*request.assignees, user)
        self.gitlab.world.close(self.project, number, user)

    def reopen(self, number: int, who: str) -> None:
        self.gitlab.world.reopen(self.project, number, self.people[who])

    def merge(self, number: int, who: str) -> None:
        with self.gitlab.world.lock:
            self.gitlab.world.sync(self.project)
            request = self.project.requests[number]
            wanted = self.project.waits_for(request) or self.project.misfits(request)
            assert not wanted, wanted
            squash = self.project.squash_option in ("always", "default_on")
            self.gitlab.world.merge(
                self.project, request, Accept(self.people[who], request.head, squash=squash)
            )

    def label(self, number: int, name: str) -> None:
        request = self.project.requests[number]
        self.gitlab.world.label(request, self.people["ann"], (*request.labels, name))

    def unlabel(self, number: int, name: str) -> None:
        request = self.project.requests[number]
        left = tuple(each for each in request.labels if each != name)
        self.gitlab.world.label(request, self.people["ann"], left)

    def make_ready(self, number: int) -> None:
        request = self.project.requests[number]
        request.title = request.title.removeprefix("Draft: ")

    def push(self, branch: str, files: Mapping[str, bytes | None], message: str = "change") -> str:
        world = self.gitlab.world
        with world.lock:
            world.sync(self.project)
            new = push_as_ann(self, branch, files, message)
            self.project.pusher = self.people["ann"]
            world.sync(self.project)
            return new

    def propose(self, branch: str, body: str = "") -> int:
        world = self.gitlab.world
        world.sync(self.project)
        made = world.open(self.project, self.people["ann"], branch, "main", "Mine")
        made.description = body
        return made.iid

    def comment(self, number: int, text: str) -> None:
        self.gitlab.world.comment(self.project.requests[number], self.people["ann"], text)

    def delete_branch(self, branch: str, who: str) -> None:
        self.clock.pass_by(minutes=1)
        self.gitlab.world.delete_branch(self.project, branch, self.people[who])

    def write_body(self, number: int, body: str) -> None:
        self.project.requests[number].description = body

    def report(self, sha: str, name: str, state: Literal["pending", "success", "failure"]) -> None:
        outcome: Literal["running", "success", "failed"] = "success"
        if state != "success":
            outcome = "running" if state == "pending" else "failed"
        self.gitlab.world.run_job(self.project, sha, name, outcome)


@contextlib.contextmanager
def open_gitlab_world(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, checked: bool = True
) -> Iterator[GitLabWorld]:
    """`checked`: whether all is held against the published API."""
    clock = Clock()
    with fake_gitlab(folder / "gitlab", now=clock.tick, checked=checked) as gitlab:
        names = {"ann": MAINTAINER, "ben": DEVELOPER, "guest": 20, "stale": DEVELOPER}
        people = {name: gitlab.world.user(name, bot=name == "stale") for name in names}
        people["bot"] = gitlab.world.user(GitLabWorld.bot, TOKEN, bot=True)
        roles = {people[name]: level for name, level in {**names, "bot": DEVELOPER}.items()}
        project = gitlab.world.project(PROJECT, manifests(), roles)
        world = GitLabWorld(
            folder, monkeypatch, clock, gitlab=gitlab, project=project, people=people
        )
        world.prepare()
        yield world
