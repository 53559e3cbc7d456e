"""A repository on the fake GitHub with people and a bot, as the tests of its forge have it."""

from __future__ import annotations

from datetime import datetime, timedelta

from promoter.access.credentials import Credential
from promoter.forges.github.forge import GitHubForge
from promoter.forges.github.login import TokenLogin
from promoter.forges.github.place import GitHubPlace
from promoter.forges.github.talk import Conversation
from promoter.model.image import ImageReference
from promoter.model.ports import MergeRequest, MergeRequestDraft, MergeText
from promoter.model.record import Record
from promoter.model.release import Release
from tests.services.github import git as github_git
from tests.services.github.fake import FakeGitHub, ticking
from tests.services.github.people import HostedRepository

BRANCH = "promoter/production/web"
FILE = "apps/web.yaml"
RELEASE = Release.of([ImageReference.parse(f"harbor.example/web:1.2@sha256:{'1' * 64}")])
RECORD = Record("shop", "web", "production", RELEASE, "staging")
TEXT = MergeText("web: 1.2", "\n".join(RECORD.trailers()))
BODY = "What moves.\n\n<!-- promoter\n" + "\n".join(RECORD.trailers()) + "\n-->\n"


class World:
    def __init__(self, hub: FakeGitHub) -> None:
        hub.add_user("bot", token="ghp_of_the_bot")
        self.hub = hub
        self.shop: HostedRepository = hub.create(
            "acme/shop", {FILE: b"tag: 1.0\n"}, write=("bot", "ann", "bo"), read=("visitor",)
        )
        place = GitHubPlace.of(f"{hub.world.web}/acme/shop.git")
        login = TokenLogin(lambda: Credential("bot", "ghp_of_the_bot"), place.host)
        ticks = ticking()
        self.passed = timedelta()

        def now() -> datetime:
            return ticks() + self.passed

        self.talk = Conversation(place, login, now, write_pause=0, sleep=lambda _: None)
        self.forge = GitHubForge(self.talk, now)

    def later(self, **time: float) -> None:
        self.passed += timedelta(**time)

    def push(self, content: bytes, branch: str = BRANCH, login: str = "bot") -> str:
        return self.shop.push(branch, {FILE: content}, login=login, onto="main")

    def draft(self, head: str, approvals: int = 0) -> MergeRequestDraft:
        return MergeRequestDraft(BRANCH, "main", head, "web: 1.2", BODY, approvals)

    def open(self, content: bytes = b"tag: 1.2\n") -> MergeRequest:
        return self.forge.open(self.draft(self.push(content)))

    def look(self) -> MergeRequest:
        (found,) = self.forge.find("main", "promoter/")
        return found

    @property
    def tip(self) -> str:
        return github_git.branches(self.shop.git)["main"]
