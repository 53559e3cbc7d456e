"""A shop whose promotion graph is a test's own: manifests in several repositories and branches, a
real registry behind two names, and the time in hand."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from promoter.app import build
from tests.services.git_server import commit, create_repository, git
from tests.services.registry import RunningRegistry, running_registry
from tests.stories.forges import Clock
from tests.stories.shop import ALICE, Said, Terminal, timeless

HOST = "registry.shop.example"
HOST2 = "registry.prod.example"
"""Another name, with images of its own."""
_COPIES = "prod"
_HEAD = """\
version: 1
repository: {{url: {url}, branch: {branch}, forge: local}}
artifacts:
  - image: {host}/shop/{{application}}
    select: {{semver: ">=1.0"}}
"""


def pod(*images: str, comment: str = "as a person wrote it") -> bytes:
    """A manifest that names images in full."""
    containers = "".join(f"  - name: c{at}\n    image: {each}\n" for at, each in enumerate(images))
    head = f"# {comment}\napiVersion: v1\nkind: Pod\nmetadata: {{name: it}}\nspec:\n  containers:\n"
    return f"{head}{containers}".encode()


@dataclass
class GraphShop:
    folder: Path
    registry: RunningRegistry
    clock: Clock = field(default_factory=Clock)
    promoter: Terminal = field(default_factory=Terminal)
    digests: dict[str, str] = field(default_factory=dict)

    def repository(self, name: str) -> Path:
        return self.folder / f"{name}.git"

    def url(self, name: str) -> str:
        return self.repository(name).as_uri()

    def create(self, name: str, files: Mapping[str, bytes], branch: str = "main") -> None:
        """A repository, or one more branch of it, a month ago."""
        date = self.clock() - timedelta(days=30)
        if not self.repository(name).exists():
            create_repository(self.repository(name), branch=branch)
        commit(self.repository(name), files, branch=branch, date=date)

    def rule(self, text: str, *, head: str = _HEAD, branch: str = "main") -> None:
        (self.folder / "rules").mkdir(exist_ok=True)
        first = head.format(url=self.url("manifests"), branch=branch, host=HOST)
        (self.folder / "rules/shop.yaml").write_text(first + text, "utf-8")

    def publish(self, version: str, *names: str) -> None:
        for name in names or ("web",):
            digest = self.registry.push_image(
                f"shop/{name}", version, labels={"of": f"{name} {version}"}
            )
            self.digests[f"{name}:{version}"] = digest

    def copy(self, name: str, version: str) -> None:
        """As a job copies an image to the other registry: byte for byte."""
        digest = self.registry.push_image(
            f"{_COPIES}/shop/{name}", version, labels={"of": f"{name} {version}"}
        )
        assert digest == self.digests[f"{name}:{version}"]

    def run(self, expect: int = 0) -> Said:
        """A minute later."""
        self.clock.pass_by(minutes=1)
        return self.promoter("run", expect=expect)

    def decisions(self) -> dict[str, Any]:
        """By `staging/web`."""
        plan = self.promoter("plan", "--output", "json").json
        return {f"{each['environment']}/{each['application']}": each for each in plan["decisions"]}

    def running(self) -> dict[str, str]:
        return {name: each["running"]["label"] for name, each in self.decisions().items()}

    def people(self, name: str, *words: str) -> None:
        """What somebody does to a merge request of a repository."""
        self.promoter("mr", *words, "--repository", self.url(name), "--as", ALICE)

    def requests(self, name: str = "manifests", state: str = "open") -> dict[str, int]:
        """Merge requests of a repository by branch, `staging/web`."""
        words = ("mr", "list", "--all", "--repository", self.url(name), "--output", "json")
        return {
            each["branch"].removeprefix("promoter/"): each["number"]
            for each in self.promoter(*words).json["merge_requests"]
            if each["state"] == state
        }

    def file(self, name: str, path: str, branch: str = "main") -> str:
        return git(self.repository(name), "show", f"{branch}:{path}")

    def take_down(self, name: str) -> None:
        shutil.move(self.repository(name), self.folder / f"{name}.away")

    def bring_back(self, name: str) -> None:
        shutil.move(self.folder / f"{name}.away", self.repository(name))

    def settle(self, expect: int = 0) -> None:
        """A process without any memory decides the same, and there is nothing to do."""
        warm = self.promoter("plan", "--output", "json")
        cache = str(self.folder / f"fresh-{len(self.promoter.said)}")
        fresh = self.promoter("plan", "--output", "json", "--cache", cache)
        assert timeless(fresh.json) == timeless(warm.json)
        said = self.promoter("run", "--cache", cache, expect=expect)
        assert said.out.splitlines()[0] == "nothing to do"


@contextlib.contextmanager
def open_graph_shop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphShop]:
    """With 1.0.0 of web in the registry, and no manifests yet."""
    with running_registry(folder / "registry") as registry:
        shop = GraphShop(folder, registry)
        shop.publish("1.0.0")
        monkeypatch.setattr(build, "__defaults__", (shop.clock,))
        at = f"http://{registry.host}"
        for name, value in {
            "RULES": folder / "rules",
            "REGISTRIES": f"{HOST}={at},{HOST2}={at}/v2/{_COPIES}",
            "CACHE": folder / "cache",
        }.items():
            monkeypatch.setenv(f"PROMOTER_{name}", str(value))
        yield shop
