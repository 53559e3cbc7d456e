"""A shop on the fake GitLab."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.services.git_server import commit
from tests.services.gitlab.fake import FakeGitLab, fake_gitlab
from tests.services.gitlab.faults import Fault
from tests.services.gitlab.nouns import DEVELOPER, MAINTAINER, Effect, Request, User
from tests.services.gitlab.project import Project
from tests.stories.forge_shop import ANN, TOKEN, Clock, Kind, Shop, manifests, masked

BOT = "project_7_bot_0a1b"
_WRITE = "POST|PUT|DELETE|PUSH"
_ONCE = ("open", "note", "close", "merge", "board", "arm", "disarm", "label add", "push")


@dataclass
class GitLabShop(Shop):
    gitlab: FakeGitLab = field(kw_only=True)
    project: Project = field(kw_only=True)
    ann: User = field(kw_only=True)
    bot_user: User = field(kw_only=True)
    kind: Kind = field(init=False, default="gitlab")
    _fault: Fault | None = None

    @property
    def url(self) -> str:
        return self.gitlab.url(f"{self.project.path}.git")

    @property
    def repository(self) -> Path:
        return self.project.repository

    def save(self) -> object:
        with self.gitlab.world.lock:
            self.caches += 1
            kept = self.folder / f"saved-{self.caches}"
            shutil.copytree(self.repository, kept)
            return kept, deepcopy(self.project.__dict__), self.clock.at

    def restore(self, saved: Any) -> None:
        kept, state, at = saved
        with self.gitlab.world.lock:
            shutil.rmtree(self.repository)
            shutil.copytree(kept, self.repository)
            self.project.__dict__.update(deepcopy(state))
            self.clock.at = at
            self.gitlab.world.journal.clear()
            self.gitlab.calls.clear()
            self.gitlab.pushes.clear()
            self.gitlab.faults.clear()

    def writes(self) -> int:
        calls = [each for each in self.gitlab.calls if not each.startswith("GET ")]
        return len(calls) + len(self.gitlab.pushes)

    def lose_answer(self, number: int) -> None:
        self._fault = self.gitlab.drop_reply(_WRITE, "", skip=number - 1)

    def break_at(self, number: int) -> None:
        self._fault = self.gitlab.fail_once(_WRITE, "", status=500, skip=number - 1)

    def struck(self) -> bool:
        return self._fault is not None and not self._fault.times

    def requests(self) -> list[tuple[str, dict[str, Any]]]:
        with self.gitlab.world.lock:
            self.gitlab.world.sync(self.project)
            return [(each.source, self._told(each)) for each in self.project.requests.values()]

    def _told(self, request: Request) -> dict[str, Any]:
        said = [each for each in self.project.statuses if each.sha == request.head]
        people = (request.reviewers, request.assignees)
        return {
            "state": request.state,
            "base": request.target,
            "title": request.title,
            "body": masked(request.description),
            "labels": sorted(request.labels),
            "people": [sorted(each.username for each in group) for group in people],
            "armed": request.armed is not None,
            "comments": [masked(each.body) for each in request.notes if not each.system],
            # Of what has ended nobody reads it any more.
            "statuses": {e.name: (e.state, masked(e.description or "")) for e in said}
            if request.state == "opened"
            else {},
        }

    def lag(self) -> AbstractContextManager[None]:
        return self.gitlab.stale_lists()

    def limit(self, seconds: int, *, at: str = "") -> None:
        if at:
            self.gitlab.limit_rate(seconds, path=at)
        else:
            self.gitlab.limit_rate(seconds, times=1000)

    def lift_limits(self) -> None:
        self.gitlab.faults.clear()

    def push(self, branch: str, files: Mapping[str, bytes | None]) -> None:
        world = self.gitlab.world
        with world.lock:
            world.sync(self.project)
            commit(self.repository, files, branch=branch, date=self.clock.tick())
            self.project.pusher = self.ann
            world.sync(self.project)

    def label(self, branch: str, name: str) -> None:
        request = self._open_from(branch)
        self.gitlab.world.label(request, self.ann, (*request.labels, name))

    def _open_from(self, branch: str) -> Request:
        found = self.gitlab.world.open_from(self.project, branch)
        assert found
        return found

    def merge_by_queue(self) -> None:
        self.project.trains = self.project.discussions_open = True

    def let_in(self, branch: str) -> None:
        self.project.discussions_open = False

    def deeds(self) -> Counter[str]:
        done = [e for e in self.gitlab.world.journal if e.what in _ONCE and e.who == BOT]
        return Counter(each for effect in done for each in self._name(effect))

    def _name(self, effect: Effect) -> Iterator[str]:
        if effect.what == "push":
            if effect.detail.startswith("refs/heads/"):
                yield f"push {effect.detail}"
            return
        number, _, more = effect.detail.removeprefix("!").partition(" ")
        yield f"{effect.what} {self.project.requests[int(number)].source} {more}"


@contextlib.contextmanager
def open_gitlab_shop(folder: Path) -> Iterator[GitLabShop]:
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    with fake_gitlab(folder / "gitlab", now=clock.tick) as gitlab:
        world = gitlab.world
        bot, ann = world.user(BOT, TOKEN, bot=True), world.user("ann", ANN)
        roles = {bot: DEVELOPER, ann: MAINTAINER}
        project = world.project("acme/manifests", manifests(), roles)
        tip = project.tip("main")
        assert tip
        world.run_pipeline(project, tip, "success")
        made = GitLabShop(folder, clock, gitlab=gitlab, project=project, ann=ann, bot_user=bot)
        made.prepare()
        yield made
