"""One shop, told on three forges: what people do, by one vocabulary, and what they see.

The shop is `web` and `api` over dev, staging and production; the product is called as a shell calls
it, at a time that the test has in its hands. `worlds` opens one of the three.

ann and ben may write, guest may only look, and stale is somebody's bot that may write.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from promoter.app import build
from promoter.cli.demo_world import HOST
from promoter.forges.github.connect import connect as connect_github
from promoter.registries.layout_writer import write_image
from tests.services.git_server import git
from tests.stories.shop import Change, Terminal, changes

Kind = Literal["local", "github", "gitlab"]
State = Literal["open", "merged", "closed"]
KINDS: tuple[Kind, ...] = ("local", "github", "gitlab")
GITLAB_IN_SOAK = ("local", "github", pytest.param("gitlab", marks=pytest.mark.soak))
"""For long stories in which the two real forges differ in what other stories tell of both."""
REMEMBERS: tuple[Kind, ...] = ("github", "gitlab")
"""The forges that know rights, drafts by people, required checks and queues."""

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKEN = "canary-of-the-bot-6b1f0d92"
PROJECT = "acme/manifests"
APPLICATIONS = ("web", "api")
ENVIRONMENTS = """\
  dev: {merge: automatic}
  staging: {after: dev}
  production: {after: staging, merge: automatic, require: [approvals: 2]}
"""
LAYOUT = "apps/{application}/{environment}.yaml"
_STAGES = ("dev", "staging", "production")
_OURS = "refs/heads/promoter/"
_NOTE = "#!/bin/sh\ncat >> {file}\n"
"""Only a push runs it, and only the bot pushes; people's hands move refs."""
_RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: {kind}}}
artifacts:
  - image: {host}/{image}
    select: {{semver: ">=1.0"}}
applications: {layout}
environments:
{environments}
{more}
"""
_POD = """\
# {environment}: every byte but the version stays as a person wrote it
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
  - image: {host}/shop/{name}:1.0.0
"""


@dataclass
class Clock:
    """One time for the bot and the forge; on the forge each moment is a second later."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at

    def tick(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass(frozen=True)
class Seen:
    """A merge request as its page shows it; `comments` are the bot's, `status` is the state and the
    text of the one that is called `promoter`."""

    number: int
    state: State
    branch: str
    head: str
    title: str
    body: str
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    draft: bool = False
    armed: bool = False
    comments: tuple[str, ...] = ()
    status: tuple[str, str] | None = None


@dataclass
class World(ABC):
    """Everything in one folder. Numbers are those of the forge; a branch is `staging/web`."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    clock: Clock = field(default_factory=Clock)
    promoter: Terminal = field(default_factory=Terminal)
    images: int = 0

    kind: ClassVar[Kind]
    bot: ClassVar[str]

    @property
    @abstractmethod
    def url(self) -> str: ...

    @property
    @abstractmethod
    def repository(self) -> Path:
        """The bare repository behind."""

    # -- what people see -----------------------------------------------------------------------

    @abstractmethod
    def requests(self) -> list[Seen]:
        """All merge requests, the oldest first."""

    # -- what people do ------------------------------------------------------------------------

    @abstractmethod
    def approve(self, number: int, who: str) -> None: ...

    @abstractmethod
    def take_back(self, number: int, who: str) -> None:
        """This person's approval is dismissed."""

    @abstractmethod
    def ask_for_changes(self, number: int, who: str) -> None: ...

    @abstractmethod
    def close(self, number: int, who: str) -> None: ...

    @abstractmethod
    def reopen(self, number: int, who: str) -> None: ...

    @abstractmethod
    def merge(self, number: int, who: str) -> None: ...

    @abstractmethod
    def label(self, number: int, name: str) -> None: ...

    @abstractmethod
    def unlabel(self, number: int, name: str) -> None: ...

    @abstractmethod
    def make_ready(self, number: int) -> None: ...

    @abstractmethod
    def push(self, branch: str, files: Mapping[str, bytes | None], message: str = "change") -> str:
        """Ann commits onto a branch (made on main where it is new) and pushes."""

    @abstractmethod
    def propose(self, branch: str, body: str = "") -> int:
        """Ann opens a request of her own from a branch."""

    @abstractmethod
    def comment(self, number: int, text: str) -> None:
        """Ann says something on a request."""

    @abstractmethod
    def delete_branch(self, branch: str, who: str) -> None: ...

    @abstractmethod
    def write_body(self, number: int, body: str) -> None:
        """Somebody edits the text of a request."""

    # -- what programs do ----------------------------------------------------------------------

    @abstractmethod
    def report(self, sha: str, name: str, state: Literal["pending", "success", "failure"]) -> None:
        """CI says something of a commit."""

    # -- what is the same everywhere -----------------------------------------------------------

    def prepare(self) -> None:
        """All at 1.0.0; the product finds its settings in the environment."""
        self.publish("1.0.0")
        self.write_rules()
        self.monkeypatch.setattr(build, "__defaults__", (self.clock,))
        # GitHub asks for a second between two writes; a fake one needs none.
        quick = {**(connect_github.__kwdefaults__ or {}), "write_pause": 0}
        self.monkeypatch.setattr(connect_github, "__kwdefaults__", quick)
        hook = self.repository / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_NOTE.format(file=self.folder / "pushed"), "utf-8")
        hook.chmod(0o755)
        credentials = self.folder / "credentials.yaml"
        credentials.write_text(json.dumps(self.credentials()), "utf-8")
        self.use_cache("cache")
        for name, value in {
            "RULES": self.folder / "rules",
            "REGISTRIES": f"{HOST}=oci-layout:{self.folder / 'registry'}",
            "CREDENTIALS": credentials,
        }.items():
            self.monkeypatch.setenv(f"PROMOTER_{name}", str(value))

    def credentials(self) -> dict[str, dict[str, str]]:
        """By host; empty where none is needed."""
        host = self.url.split("/")[2]
        return {host: {"username": "promoter", "password": TOKEN}} if host else {}

    def use_cache(self, name: str) -> None:
        """Another name is a machine that remembers nothing."""
        self.monkeypatch.setenv("PROMOTER_CACHE", str(self.folder / name))

    def write_rules(
        self,
        environments: str = ENVIRONMENTS,
        more: str = "",
        *,
        name: str = "shop",
        image: str = "shop/{application}",
        layout: str = LAYOUT,
    ) -> None:
        (self.folder / "rules").mkdir(exist_ok=True)
        text = _RULE.format(
            url=self.url,
            kind=self.kind,
            host=HOST,
            image=image,
            layout=layout,
            environments=environments,
            more=more,
        )
        (self.folder / "rules" / f"{name}.yaml").write_text(text, "utf-8")

    def only_web(self) -> None:
        """The api's manifests go: a story of one application is told faster."""
        self.push("main", {file_of("api", stage): None for stage in _STAGES})

    def publish(self, version: str, *names: str, labels: Mapping[str, str] | None = None) -> None:
        """A build pushes an image of each application (or of those named)."""
        for name in names or APPLICATIONS:
            self.images += 1
            write_image(
                self.folder / "registry",
                f"shop/{name}",
                version,
                created=NOW - timedelta(days=30) + timedelta(minutes=self.images),
                labels={"of": f"{name} {version}", **(labels or {})},
            )

    def run(self, expect: int = 0) -> str:
        """`promoter run`, a minute later; what it said."""
        self.clock.pass_by(minutes=1)
        return self.promoter("run", expect=expect).text

    def settle(self, expect: int = 0) -> None:
        """A machine that remembers nothing has nothing to do, and does nothing."""
        before = self.requests(), self.tips()
        self.use_cache(f"fresh-{len(self.promoter.said)}")
        assert self.run(expect).splitlines()[0] == "nothing to do"
        self.use_cache("cache")
        assert (self.requests(), self.tips()) == before

    def decision(self, branch: str) -> Any:
        """What the plan says of one target, `staging/web`."""
        plan = self.promoter("plan", "--output", "json").json
        (found,) = (
            each
            for each in plan["decisions"]
            if f"{each['environment']}/{each['application']}" == branch
        )
        return found

    def open(self) -> dict[str, Seen]:
        return {each.branch: each for each in self.requests() if each.state == "open"}

    def heads(self) -> dict[str, int]:
        """How many heads the bot gave to each of its branches, ever."""
        file = self.folder / "pushed"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        moves = (line.split(" ") for line in lines)
        made = (ref for _, new, ref in moves if new.strip("0") and _OURS in ref)
        return dict(Counter(ref.removeprefix(_OURS) for ref in made))

    def request(self, branch: str) -> Seen:
        """The newest of a branch."""
        return [each for each in self.requests() if each.branch == branch][-1]

    def tips(self) -> dict[str, str]:
        """What people know as branches."""
        told = git(self.repository, "for-each-ref", "--format=%(refname) %(objectname)")
        pairs = (line.split(" ") for line in told.splitlines())
        return {ref.removeprefix("refs/heads/"): at for ref, at in pairs if "/heads/" in ref}

    def file(self, path: str, at: str = "main") -> bytes:
        return git(self.repository, "show", f"{at}:{path}").encode() + b"\n"

    def version(self, branch: str) -> str:
        """What `staging/web` runs."""
        environment, _, name = branch.partition("/")
        (line,) = (
            each
            for each in self.file(file_of(name, environment)).decode().splitlines()
            if "image:" in each
        )
        return line.partition(f"{HOST}/shop/{name}:")[2].partition("@")[0]

    def landings(self, since: str) -> dict[str, Change]:
        """What main changed since then, by file."""
        return changes(self.repository, since, "main")


def file_of(name: str, environment: str) -> str:
    return LAYOUT.format(application=name, environment=environment)


def manifests(names: Sequence[str] = APPLICATIONS) -> dict[str, bytes]:
    """All at 1.0.0."""
    return {
        file_of(name, stage): _POD.format(name=name, environment=stage, host=HOST).encode()
        for name in names
        for stage in _STAGES
    }
