"""A shop whose merge requests live on a forge that remembers: what a bot needs beside one, and what
its people see there. `github_shop` and `gitlab_shop` are the two of them.

`web` goes to dev by itself and to staging by people; the services `api` and `cart` wait for people
in dev.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache as cached
from functools import partial
from pathlib import Path
from typing import Any, Literal

from promoter.access.credentials import Credentials
from promoter.access.http import HttpClient
from promoter.app import App, build
from promoter.cli.demo_world import HOST, DemoWorld
from promoter.engine.adapters import Adapters
from promoter.engine.ledger import REF
from promoter.engine.reconcile import Scope, reconcile
from promoter.forges.github.forge import GitHubForge
from promoter.forges.github.login import TokenLogin
from promoter.forges.github.place import GitHubPlace
from promoter.forges.github.talk import Conversation
from promoter.forges.gitlab.forge import connect as connect_gitlab
from promoter.model.outcome import Outcome
from promoter.model.ports import Forge
from promoter.settings import load_settings
from tests.services.git_server import git, refs
from tests.stories.effects import Watch, numbered

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKEN = "of-the-bot-0123456789abcdef"
ANN = "of-ann-0123456789abcdef"
SHOPS = ("web", "api", "cart")
Kind = Literal["github", "gitlab"]

_RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: {kind}}}
artifacts:
  - image: {host}/shop/{{application}}
    select: {{semver: ">=1.0"}}
applications: {path}
environments:
{environments}
{request}
"""
_PATHS = {
    "web": "apps/{application}/overlays/{environment}.yaml",
    "services": "services/{application}/{environment}.yaml",
}
ENVIRONMENTS = {
    "web": "  dev: {merge: automatic}\n  staging: {after: dev, require: [approvals: 1]}",
    "services": "  dev: {}",
}
REQUEST = "merge-request: {labels: [promoter, team-a], reviewers: [ann], assignees: [ann]}"
_POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
  - image: {host}/shop/{name}:1.0.0
"""
_TIMES = re.compile(r"\b\d+[dhms](?: \d+[dhms])?\b|\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|\+00:00)")
_COMMITS = re.compile(r"\b[0-9a-f]{40}\b|\bat [0-9a-f]{8,12}\b|(?<=promoter )[a-z-]+ [0-9a-f]{16}")
_NUMBERS = re.compile(r"[#!]\d+|(?<=/pull/)\d+|(?<=/merge_requests/)\d+|(?<=\"number\": )\d+")


def file_of(name: str, environment: str) -> str:
    path = _PATHS.get(name, _PATHS["services"])
    return path.format(application=name, environment=environment)


def manifests() -> dict[str, bytes]:
    """All at 1.0.0."""
    files = [("web", "dev"), ("web", "staging"), ("api", "dev"), ("cart", "dev")]
    return {
        file_of(name, environment): _POD.format(name=name, host=HOST).encode()
        for name, environment in files
    }


class Clock:
    """One time for the bot and the forge; on the forge each moment is a second later."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def tick(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Bot:
    """The product on a machine of its own beside a forge; another process may be it, too."""

    kind: Kind
    url: str
    folder: Path

    def flags(self, cache: str = "cache") -> dict[str, Any]:
        return {
            "rules": (self.folder / "rules",),
            "registries": [f"{HOST}=oci-layout:{self.folder / 'registry'}"],
            "credentials": self.folder / "credentials.yaml",
            "cache": self.folder / cache,
        }

    def app(self, clock: Clock, cache: str = "cache") -> App:
        return build(load_settings(self.flags(cache)), clock)

    def adapters(self, app: App, clock: Clock) -> Adapters:
        """The app's own, but for a forge that takes no rest between two writes, and waits by the
        clock."""
        return Adapters(
            app.adapters.repository,
            cached(lambda address: self._forge(app, address.url, clock)),
            app.adapters.registry,
        )

    def _forge(self, app: App, url: str, clock: Clock) -> Forge:
        credentials = Credentials.load(app.settings.credentials, (), http=HttpClient, now=clock)
        if self.kind == "github":
            place = GitHubPlace.of(url)
            login = TokenLogin(partial(credentials.for_host, place.host), place.host)
            talk = Conversation(place, login, clock, write_pause=0, sleep=clock.sleep)
            return GitHubForge(talk, clock)
        http = HttpClient(proxies={}, pause=clock.sleep, clock=clock.seconds, now=clock)
        return connect_gitlab(url, credentials=credentials, http=http)

    def run(self, clock: Clock, watch: Watch = lambda _: None, cache: str = "cache") -> Outcome:
        app = self.app(clock, cache)
        rules, errors = app.rules()
        assert not errors, errors
        return reconcile(Scope(rules), numbered(self.adapters(app, clock), watch), clock)


@dataclass
class Shop(ABC):
    """Everything in one folder; the forge is served while the test goes on."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    caches: int = 0

    kind: Kind = field(init=False)

    @property
    @abstractmethod
    def url(self) -> str: ...

    @property
    @abstractmethod
    def repository(self) -> Path:
        """The bare repository behind."""

    @abstractmethod
    def save(self) -> object:
        """All that the forge remembers, to go back to."""

    @abstractmethod
    def restore(self, saved: Any) -> None:
        """As it was then, without faults, and with nothing noted since."""

    @abstractmethod
    def writes(self) -> int:
        """How many writes came in since the last `restore`: of the API and pushes."""

    @abstractmethod
    def lose_answer(self, number: int) -> None:
        """Of the write with this number, from 1; it is done."""

    @abstractmethod
    def break_at(self, number: int) -> None:
        """The write with this number is answered with 500, and not done."""

    @abstractmethod
    def struck(self) -> bool:
        """Whether what was to go wrong has gone wrong."""

    @abstractmethod
    def requests(self) -> list[tuple[str, dict[str, Any]]]:
        """Each merge request by its branch, as people see it, the oldest first."""

    @abstractmethod
    def deeds(self) -> Counter[str]:
        """What the bot did since the last `restore` that may be done only once, and how often."""

    @abstractmethod
    def lag(self) -> AbstractContextManager[None]:
        """Lists of merge requests tell what was there before, as a replica does that lags."""

    @abstractmethod
    def limit(self, seconds: int, *, at: str = "") -> None:
        """The forge wants no request for so long: from now on, or of those whose method and path
        hold `at` the next one."""

    @abstractmethod
    def lift_limits(self) -> None: ...

    @abstractmethod
    def push(self, branch: str, files: Mapping[str, bytes | None]) -> None:
        """Ann commits onto a branch and pushes."""

    @abstractmethod
    def label(self, branch: str, name: str) -> None:
        """Ann labels the open request of a branch."""

    @abstractmethod
    def merge_by_queue(self) -> None:
        """From now on main takes only what its queue merges, and nothing before `let_in`."""

    @abstractmethod
    def let_in(self, branch: str) -> None:
        """What kept the branch out of the queue is done."""

    def prepare(self) -> None:
        demo = DemoWorld(self.folder)
        for name in SHOPS:
            demo.publish(name, "1.0.0")
        self.write_rules()
        host = self.url.split("/")[2]
        entry = {host: {"username": "bot", "password": TOKEN}}
        (self.folder / "credentials.yaml").write_text(json.dumps(entry), "utf-8")

    def write_rules(
        self, environments: Mapping[str, str] = ENVIRONMENTS, request: str = REQUEST
    ) -> None:
        """A file for each rule that is given; what requests are given stands in the first."""
        folder = self.folder / "rules"
        folder.mkdir(exist_ok=True)
        for file in folder.iterdir():
            file.unlink()
        for name, each in environments.items():
            text = _RULE.format(
                url=self.url,
                kind=self.kind,
                host=HOST,
                path=_PATHS[name],
                environments=each,
                request=request if name == next(iter(environments)) else "",
            )
            (folder / f"{name}.yaml").write_text(text, "utf-8")

    def publish(self, version: str, *shops: str) -> None:
        for name in shops or SHOPS:
            DemoWorld(self.folder).publish(name, version)

    @property
    def bot(self) -> Bot:
        return Bot(self.kind, self.url, self.folder)

    def fresh_cache(self) -> str:
        self.caches += 1
        return f"cache-{self.caches}"

    def contents(self) -> dict[str, Any]:
        """What people see, without times, commit ids and numbers, which come in any order."""
        seen: dict[str, Any] = {"requests": _by_branch(self.requests())}
        opened = {branch for branch, told in self.requests() if told["state"] in ("open", "opened")}
        for ref in refs(self.repository):
            branch = ref.removeprefix("refs/heads/")
            if ref == REF:
                seen[ref] = self._ledger(ref)
            elif branch == "main":
                seen[ref] = self._log("--first-parent", "--format=%T %ae%n%B%x00", ref)
                seen["everything on main"] = sorted(self._log("--format=%ae%n%B%x00", ref))
            elif branch in opened:
                patch = git(self.repository, "diff", "--full-index", f"main...{ref}")
                seen[ref] = (patch, self._log("--format=%ae%n%B%x00", f"main..{ref}"))
        return seen

    def _ledger(self, ref: str) -> dict[str, list[str]]:
        paths = git(self.repository, "ls-tree", "-r", "--name-only", ref).split()
        return {
            path: masked(git(self.repository, "show", f"{ref}:{path}")).splitlines()
            for path in paths
        }

    def _log(self, *arguments: str) -> list[str]:
        return masked(git(self.repository, "log", *arguments)).split("\0\n")


def masked(text: str) -> str:
    """Without what another run may tell otherwise: times, commits, numbers."""
    for pattern, word in ((_TIMES, "TIME"), (_COMMITS, "COMMIT"), (_NUMBERS, "NUMBER")):
        text = pattern.sub(word, text)
    return text


def _by_branch(
    requests: Sequence[tuple[str, dict[str, Any]]],
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for branch, told in requests:
        found.setdefault(branch, []).append(told)
    return found
