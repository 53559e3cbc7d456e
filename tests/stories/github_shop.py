"""A shop on the fake GitHub."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.services.github.fake import FakeGitHub, fake_github
from tests.services.github.people import HostedRepository
from tests.services.github.state import Effect, Protection, Pull
from tests.stories.forge_shop import ANN, TOKEN, Clock, Kind, Shop, manifests, masked

_WRITES = r"^(POST|PUT|PATCH|DELETE) (?!.*git-upload-pack)"
_WRITE = re.compile(_WRITES).search
_ONCE = (
    *("opened", "commented", "merged", "closed", "labelled", "assigned", "asked"),
    *("queued", "dequeued", "pushed", "draft", "ready"),
)


@dataclass
class GitHubShop(Shop):
    hub: FakeGitHub = field(kw_only=True)
    shop: HostedRepository = field(kw_only=True)
    kind: Kind = field(init=False, default="github")

    @property
    def url(self) -> str:
        return self.shop.url

    @property
    def repository(self) -> Path:
        return self.shop.git

    def save(self) -> object:
        with self.hub.world.lock:
            self.caches += 1
            kept = self.folder / f"saved-{self.caches}"
            shutil.copytree(self.shop.git, kept)
            return kept, deepcopy(self.shop.state.__dict__), self.clock.at

    def restore(self, saved: Any) -> None:
        kept, state, at = saved
        with self.hub.world.lock:
            shutil.rmtree(self.shop.git)
            shutil.copytree(kept, self.shop.git)
            self.shop.state.__dict__.update(deepcopy(state))
            self.clock.at = at
            self.hub.journal.clear()
            self.hub.requests.clear()
            self.hub.git_requests.clear()
            self.lift_limits()

    def writes(self) -> int:
        return sum(1 for each in (*self.hub.requests, *self.hub.git_requests) if _WRITE(each))

    def lose_answer(self, number: int) -> None:
        self.hub.faults.drop_answer(_WRITES, skip=number - 1)

    def break_at(self, number: int) -> None:
        self.hub.faults.fail(_WRITES, skip=number - 1)

    def struck(self) -> bool:
        return len(self.hub.faults.struck) == 1

    def requests(self) -> list[tuple[str, dict[str, Any]]]:
        return [(each.branch, self._told(each)) for each in self.shop.pulls("all")]

    def _told(self, pull: Pull) -> dict[str, Any]:
        state = self.shop.state
        said = [each for each in state.statuses if each.sha == pull.head]
        return {
            "state": "merged" if pull.merged_at else pull.state,
            "base": pull.base,
            "title": pull.title,
            "body": masked(pull.body or ""),
            "labels": sorted(pull.labels),
            "people": (sorted(pull.reviewers), sorted(pull.assignees)),
            "draft": pull.draft,
            "armed": pull.number in state.queue,
            "comments": [masked(e.body) for e in state.comments if e.number == pull.number],
            # Of what has ended nobody reads it any more.
            "statuses": {e.context: (e.state, masked(e.description or "")) for e in said}
            if pull.state == "open"
            else {},
        }

    @contextlib.contextmanager
    def lag(self) -> Iterator[None]:
        self.hub.faults.freeze_lists()
        try:
            yield
        finally:
            self.hub.faults.thaw_lists()

    def limit(self, seconds: int, *, at: str = "") -> None:
        if at:
            self.hub.faults.limit_secondary(at, seconds)
        else:
            self.hub.limits.exhaust("bot", seconds)

    def lift_limits(self) -> None:
        self.hub.faults.forget()
        self.hub.limits.used.clear()

    def push(self, branch: str, files: Mapping[str, bytes | None]) -> None:
        self.shop.push(branch, files)

    def label(self, branch: str, name: str) -> None:
        self.shop.label(self._open_from(branch).number, name)

    def _open_from(self, branch: str) -> Pull:
        (found,) = (each for each in self.shop.pulls() if each.branch == branch)
        return found

    def merge_by_queue(self) -> None:
        self.shop.protect("main", Protection(checks=("build",), queue=True, by="ruleset"))

    def let_in(self, branch: str) -> None:
        self.shop.report(self._open_from(branch).head, "build", "success")

    def deeds(self) -> Counter[str]:
        done = [e for e in self.hub.journal if e.what in _ONCE and e.login == "bot"]
        return Counter(each for effect in done for each in self._name(effect))

    def _name(self, effect: Effect) -> Iterator[str]:
        if effect.what == "pushed":
            ref, _, commit = effect.detail.partition(" ")
            if ref.startswith("refs/heads/") and commit != "deleted":
                yield f"pushed {ref}"
            return
        assert effect.number is not None
        branch = self.shop.state.pulls[effect.number].branch
        yield f"{effect.what} {branch} {masked(effect.detail)}"


@contextlib.contextmanager
def open_github_shop(folder: Path, *, checked: bool = False) -> Iterator[GitHubShop]:
    """Not held against the published API: each run would take twice as long."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    with fake_github(folder / "hub", now=clock.tick, checked=checked) as hub:
        hub.world.clock = clock
        hub.add_user("bot", token=TOKEN)
        hub.add_user("ann", token=ANN)
        hosted = hub.create("acme/manifests", manifests(), write=("bot", "ann"))
        made = GitHubShop(folder, clock, hub=hub, shop=hosted)
        made.prepare()
        yield made
