"""The shop whose merge requests are refs of its own repository."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from promoter.access.mirror import Mirror
from promoter.access.objects import Person
from promoter.forges.local import LocalForge
from promoter.forges.local_requests import Local
from promoter.model.ports import Check, MergeRequestDraft
from tests.services.git_server import commit, create_repository, git
from tests.stories.forges import Kind, Seen, World, manifests

_BOT = Person("Promoter", "promoter@localhost")


class LocalWorld(World):
    kind: ClassVar[Kind] = "local"
    bot: ClassVar[str] = _BOT.email

    @property
    def repository(self) -> Path:
        return self.folder / "manifests.git"

    @property
    def url(self) -> str:
        return self.repository.as_uri()

    @property
    def forge(self) -> LocalForge:
        mirror = Mirror(self.url, self.folder / "people")
        return LocalForge(mirror, bot=_BOT, now=self.clock.tick)

    def requests(self) -> list[Seen]:
        return [self._seen(self.forge, each) for each in reversed(self.forge.list())]

    def _seen(self, forge: LocalForge, local: Local) -> Seen:
        view, document = forge.view(local), local.document
        said = [each.detail for each in document.comments()]
        return Seen(
            view.number,
            view.state,
            view.branch.removeprefix("promoter/"),
            view.head,
            view.title,
            view.body,
            view.labels,
            document.reviewers,
            document.assignees,
            view.draft,
            comments=tuple(said),
        )

    def approve(self, number: int, who: str) -> None:
        self.forge.approve(number, self._head(number), _person(who))

    def take_back(self, number: int, who: str) -> None:
        pytest.skip("an approval here is for good")

    def ask_for_changes(self, number: int, who: str) -> None:
        pytest.skip("there is no review here but an approval")

    def close(self, number: int, who: str) -> None:
        self.forge.close(number, "no", _person(who))

    def reopen(self, number: int, who: str) -> None:
        pytest.skip("what is closed here stays closed")

    def merge(self, number: int, who: str) -> None:
        self.forge.merge(number, self._head(number), person=_person(who))

    def label(self, number: int, name: str) -> None:
        self.forge.label(number, name, _person("ann"))

    def unlabel(self, number: int, name: str) -> None:
        self.forge.unlabel(number, name, _person("ann"))

    def make_ready(self, number: int) -> None:
        self.forge.mark(number, draft=False, person=_person("ann"))

    def push(self, branch: str, files: Mapping[str, bytes | None], message: str = "change") -> str:
        return push_as_ann(self, branch, files, message)

    def propose(self, branch: str, body: str = "") -> int:
        draft = MergeRequestDraft(branch, "main", self.tips()[branch], "Mine", body)
        return self.forge.open(draft, _person("ann")).number

    def comment(self, number: int, text: str) -> None:
        self.forge.say(number, text, _person("ann"))

    def delete_branch(self, branch: str, who: str) -> None:
        git(self.repository, "update-ref", "-d", f"refs/heads/{branch}")

    def write_body(self, number: int, body: str) -> None:
        local = self.forge.show(number)
        document = local.document
        draft = MergeRequestDraft(
            document.branch,
            document.base,
            document.head,
            document.title,
            body,
            document.needed,
            document.draft,
        )
        self.forge.update(number, draft, _person("ann"))

    def report(self, sha: str, name: str, state: Literal["pending", "success", "failure"]) -> None:
        (number,) = (each.number for each in self.requests() if each.head == sha)
        self.forge.publish(number, sha, Check(name, state), _person("ci"))

    def _head(self, number: int) -> str:
        forge = self.forge
        return forge.view(forge.show(number)).head


def push_as_ann(
    world: World, branch: str, files: Mapping[str, bytes | None], message: str = "change"
) -> str:
    """Onto the branch; onto main where it is new. The new commit."""
    tips = world.tips()
    if branch not in tips:
        git(world.repository, "update-ref", f"refs/heads/{branch}", tips["main"])
    return commit(world.repository, files, branch=branch, message=message, date=world.clock.tick())


def _person(name: str) -> Person:
    return Person(name, f"{name}@example.com")


@contextlib.contextmanager
def open_local_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalWorld]:
    create_repository(folder / "manifests.git", manifests())
    world = LocalWorld(folder, monkeypatch)
    world.prepare()
    yield world
