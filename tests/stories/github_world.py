"""The shop on the fake GitHub."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import pytest

from tests.services.github.fake import FakeGitHub, fake_github
from tests.services.github.people import HostedRepository
from tests.services.github.state import Pull
from tests.stories.forges import PROJECT, TOKEN, Clock, Kind, Seen, State, World, manifests

_OF_ANN = "of-ann-0123456789abcdef"


@dataclass
class GitHubWorld(World):
    hub: FakeGitHub = field(kw_only=True)
    shop: HostedRepository = field(kw_only=True)

    kind: ClassVar[Kind] = "github"
    bot: ClassVar[str] = "bot"

    @property
    def repository(self) -> Path:
        return self.shop.git

    @property
    def url(self) -> str:
        return self.shop.url

    def requests(self) -> list[Seen]:
        return [self._seen(each) for each in self.shop.pulls("all")]

    def _seen(self, pull: Pull) -> Seen:
        state = self.shop.state
        said = [e for e in state.statuses if (e.sha, e.context) == (pull.head, "promoter")]
        ended: State = "merged" if pull.merged_at else "closed"
        return Seen(
            pull.number,
            "open" if pull.state == "open" else ended,
            pull.branch.removeprefix("promoter/"),
            pull.head,
            pull.title,
            pull.body or "",
            tuple(pull.labels),
            tuple(pull.reviewers),
            tuple(pull.assignees),
            pull.draft,
            pull.number in state.queue,
            tuple(e.body for e in state.comments if (e.number, e.login) == (pull.number, "bot")),
            (said[-1].state, said[-1].description or "") if said else None,
        )

    def approve(self, number: int, who: str) -> None:
        self.shop.approve(number, who)

    def take_back(self, number: int, who: str) -> None:
        for review in self.shop.pull(number).reviews:
            if review.login == who and review.state == "APPROVED":
                review.state = "DISMISSED"

    def ask_for_changes(self, number: int, who: str) -> None:
        self.shop.request_changes(number, who)

    def close(self, number: int, who: str) -> None:
        self.clock.pass_by(minutes=1)
        self.shop.close(number, "stale[bot]" if who == "stale" else who)

    def reopen(self, number: int, who: str) -> None:
        self.shop.reopen(number, who)

    def merge(self, number: int, who: str) -> None:
        self.shop.merge(number, who, self.shop.state.methods[0])

    def label(self, number: int, name: str) -> None:
        self.shop.label(number, name)

    def unlabel(self, number: int, name: str) -> None:
        self.shop.unlabel(number, name)

    def make_ready(self, number: int) -> None:
        self.shop.make_ready(number)

    def push(self, branch: str, files: Mapping[str, bytes | None], message: str = "change") -> str:
        return self.shop.push(branch, files, message=message, onto="main")

    def propose(self, branch: str, body: str = "") -> int:
        told = {"title": "Mine", "head": branch, "base": "main", "body": body}
        return int(self._ask("/pulls", told)["number"])

    def comment(self, number: int, text: str) -> None:
        self._ask(f"/issues/{number}/comments", {"body": text})

    def _ask(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        """As ann's browser would."""
        sent = {"Authorization": f"token {_OF_ANN}"}
        where, content = f"/api/v3/repos/{PROJECT}{path}", json.dumps(body).encode()
        answer = self.hub.answer("POST", where, sent, content)
        assert answer.status == 201, answer.body
        return cast("dict[str, Any]", answer.body)

    def delete_branch(self, branch: str, who: str) -> None:
        self.clock.pass_by(minutes=1)
        self.shop.delete_branch(branch, who)

    def write_body(self, number: int, body: str) -> None:
        self.shop.pull(number).body = body

    def report(self, sha: str, name: str, state: Literal["pending", "success", "failure"]) -> None:
        self.shop.report(sha, name, state)


@contextlib.contextmanager
def open_github_world(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, checked: bool = True
) -> Iterator[GitHubWorld]:
    """`checked`: whether all is held against the published API."""
    clock = Clock()
    with fake_github(folder / "hub", now=clock.tick, checked=checked) as hub:
        hub.add_user("bot", token=TOKEN)
        hub.add_user("ann", token=_OF_ANN)
        write = ("bot", "ann", "ben", "stale[bot]")
        shop = hub.create(PROJECT, manifests(), admin=("root",), write=write, read=("guest",))
        world = GitHubWorld(folder, monkeypatch, clock, hub=hub, shop=shop)
        world.prepare()
        yield world
