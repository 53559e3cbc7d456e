"""A project on the fake GitLab with people and a bot, as the tests of its forge have it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from promoter.access.credentials import Credential
from promoter.access.http import HttpClient
from promoter.forges.gitlab.forge import GitLabForge
from promoter.forges.gitlab.server import GitLabPlace
from promoter.model.image import ImageReference
from promoter.model.ports import Forge, MergeRequest, MergeRequestDraft, MergeText
from promoter.model.record import Record
from promoter.model.release import Release
from tests.services.git_server import commit, git
from tests.services.gitlab.fake import FakeGitLab, fake_gitlab
from tests.services.gitlab.nouns import DEVELOPER, MAINTAINER, Request, User
from tests.services.gitlab.project import Project

TOKEN = "of-the-bot-0123456789"
BRANCH = "promoter/staging/web"
IMAGE = ImageReference.parse("harbor.example.com/web:1.2.0@sha256:" + "a" * 64)
RECORD = Record("shop", "web", "staging", Release.of([IMAGE]), "dev")
TEXT = MergeText("Promote web to staging: 1.2.0", "\n".join(RECORD.trailers()))
BODY = "\n".join(("**web** moves.", "", "<!-- promoter record", *RECORD.trailers(), "-->", ""))


@dataclass
class Shop:
    """A project with people, and the forge as the bot has it."""

    gitlab: FakeGitLab
    project: Project
    http: HttpClient
    people: dict[str, User]
    seconds: float = 0.0

    @property
    def place(self) -> GitLabPlace:
        return GitLabPlace.of(self.gitlab.url(f"{self.project.path}.git"))

    def forge(self, token: str = TOKEN, username: str = "promoter") -> GitLabForge:
        """A fresh process's; it takes the time from `seconds`."""

        def credential(host: str) -> Credential | None:
            return Credential(username, token) if host == self.place.host else None

        return GitLabForge(self.place, credential, self.http, lambda: self.seconds)

    def calls_of(self, act: Callable[[], object]) -> list[str]:
        before = len(self.gitlab.calls)
        act()
        return self.gitlab.calls[before:]

    @property
    def request(self) -> Request:
        return self.project.requests[1]

    def push(self, text: bytes = b"tag: 1.2.0\n", branch: str = BRANCH) -> str:
        """A commit on a branch that starts where main is."""
        if self.project.tip(branch) is None:
            main = self.project.tip("main")
            assert main
            git(self.project.repository, "update-ref", f"refs/heads/{branch}", main)
        return commit(self.project.repository, {"web.yaml": text}, branch=branch)

    def draft(self, head: str | None = None, branch: str = BRANCH) -> MergeRequestDraft:
        head = head or self.push(branch=branch)
        return MergeRequestDraft(branch, "main", head, "Promote web to staging: 1.2.0", BODY, 1)

    def approve(self, number: int, *names: str) -> None:
        for name in names:
            self.gitlab.world.approve(self.project, number, self.people[name])

    def did(self, what: str) -> int:
        return len([each for each in self.gitlab.world.journal if each.what == what])

    @property
    def writes(self) -> list[str]:
        return [each for each in self.gitlab.calls if not each.startswith("GET ")]


@contextlib.contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """On a GitLab of its own: ann is a maintainer, ben a developer as the bot is, guest a reporter,
    stranger no member."""
    with fake_gitlab(folder / "gitlab") as gitlab:
        world = gitlab.world
        people = {name: world.user(name) for name in ("ann", "ben", "guest", "stranger")}
        people["bot"] = world.user("project_7_bot_0a1b", TOKEN, bot=True)
        roles = {
            people["ann"]: MAINTAINER,
            people["ben"]: DEVELOPER,
            people["guest"]: 20,
            people["bot"]: DEVELOPER,
        }
        project = world.project("platform/shop", {"web.yaml": b"tag: 1.1.0\n"}, roles)
        http = HttpClient(proxies={}, pause=lambda _: None)
        yield Shop(gitlab, project, http, people)
        http.close()


def find_one(forge: Forge) -> MergeRequest:
    (found,) = forge.find("main", "promoter/")
    return found
