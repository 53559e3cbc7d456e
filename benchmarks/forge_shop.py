"""A shop with as many applications as wanted on a fake GitHub or GitLab, its images in a directory
of OCI layouts: what the figures about forges are taken from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from promoter.access.credentials import Credentials
from promoter.app import App, build, read_clock
from promoter.engine.adapters import Adapters
from promoter.forges.github.connect import connect
from promoter.model.ports import Forge
from promoter.model.rule import RepositoryAddress
from promoter.registries.layout_writer import write_image
from promoter.settings import load_settings
from tests.services.github.fake import fake_github
from tests.services.gitlab.fake import fake_gitlab
from tests.services.gitlab.nouns import DEVELOPER, MAINTAINER

HOST = "registry.example.com"
FORGES = ("github", "gitlab")
_TOKEN = "of-the-bot-0123456789"
_BUILT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_RULE = """\
version: 1
repository: {{url: "{url}", branch: main, forge: {forge}}}
artifacts:
  - image: {host}/shop/{{application}}
    select: {{semver: ">=1.0"}}
applications: apps/{{application}}/{{environment}}/deployment.yaml
environments:
{environments}limits: {{open: 100000}}
"""
_MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: {name}
        image: {host}/shop/{name}:1.0.0@{digest}
"""


@dataclass(frozen=True)
class Served:
    """A forge with the repository on it; `calls` is its log, a request to the API each; `log` one
    that holds those of git over HTTP, others beside them perhaps; `is_list` knows a request for
    merge requests among the calls."""

    forge: str
    url: str
    calls: list[str]
    log: list[str]
    opened: Callable[[], int]
    """How many merge requests were opened so far."""

    @property
    def git(self) -> list[str]:
        return [each for each in self.log if ".git/" in each]

    def is_list(self, call: str) -> bool:
        path = call.partition("?")[0]
        return path.startswith("GET ") and path.endswith(("/pulls", "/merge_requests"))

    @property
    def pushes(self) -> int:
        return sum(each.startswith("POST ") and "git-receive-pack" in each for each in self.git)


@dataclass(frozen=True)
class Shop:
    """Everything that a run needs, in one folder and one address: also for another process."""

    folder: Path
    forge: str
    url: str

    def publish(self, version: str, names: Sequence[str]) -> None:
        for name in names:
            _publish(self.folder, name, version)

    def app(self, cache: str, environments: str = "  dev: {}\n", write_pause: float = 0) -> App:
        """The product, wired as always but for the pause between two writes on GitHub."""
        rules = self.folder / "shop.yaml"
        text = _RULE.format(url=self.url, forge=self.forge, host=HOST, environments=environments)
        rules.write_text(text, "utf-8")
        host = urlsplit(self.url).netloc
        credentials = self.folder / "credentials.yaml"
        with os.fdopen(os.open(credentials, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(f'"{host}": {{username: bot, password: {_TOKEN}}}\n')
        settings = load_settings(
            {
                "rules": (rules,),
                "registries": [f"{HOST}=oci-layout:{self.folder / 'registry'}"],
                "credentials": credentials,
                "cache": self.folder / cache,
            }
        )
        app = build(settings, read_clock)
        if self.forge != "github":
            return app
        known = Credentials.load(credentials)
        made: dict[RepositoryAddress, Forge] = {}

        def forge(address: RepositoryAddress) -> Forge:
            if address not in made:
                made[address] = connect(
                    address.url, credentials=known, now=read_clock, write_pause=write_pause
                )
            return made[address]

        adapters = Adapters(app.adapters.repository, forge, app.adapters.registry)
        return App(app.settings, adapters, app.mirror, app.clock)


def names(count: int) -> list[str]:
    return [f"service-{number:04d}" for number in range(count)]


@contextlib.contextmanager
def open_shop(
    folder: Path,
    forge: str,
    targets: Sequence[tuple[str, str]],
    publish: Callable[[Path, str, str], str] | None = None,
) -> Iterator[tuple[Shop, Served]]:
    """All targets (application and environment) run 1.0.0, which is the newest. `publish` puts an
    image of an application at a version somewhere else, and gives its digest."""
    folder.mkdir(parents=True)
    put = publish or _publish
    digests = {name: put(folder, name, "1.0.0") for name in {name for name, _ in targets}}
    files = {
        f"apps/{name}/{environment}/deployment.yaml": _MANIFEST.format(
            name=name, host=HOST, digest=digests[name]
        ).encode()
        for name, environment in targets
    }
    with _SERVERS[forge](folder / "forge", files) as served:
        yield Shop(folder, forge, served.url), served


def _publish(folder: Path, name: str, version: str) -> str:
    labels = {"of": name, "version": version}
    return write_image(folder / "registry", f"shop/{name}", version, created=_BUILT, labels=labels)


@contextlib.contextmanager
def _github(root: Path, files: dict[str, bytes]) -> Iterator[Served]:
    with fake_github(root, now=read_clock, checked=False) as hub:
        hub.add_user("bot", token=_TOKEN)
        shop = hub.create("acme/manifests", files, write=("bot", "ann"))
        yield Served(
            "github", shop.url, hub.requests, hub.git_requests, lambda: len(shop.state.pulls)
        )


@contextlib.contextmanager
def _gitlab(root: Path, files: dict[str, bytes]) -> Iterator[Served]:
    with fake_gitlab(root, read_clock, checked=False) as gitlab:
        world = gitlab.world
        people = {
            world.user("project_7_bot_0a1b", _TOKEN, bot=True): DEVELOPER,
            world.user("ann", "of-ann"): MAINTAINER,
        }
        project = world.project("acme/manifests", files, people)
        url = gitlab.url("acme/manifests.git")
        yield Served("gitlab", url, gitlab.calls, gitlab.requests, lambda: len(project.requests))


_SERVERS: dict[str, Callable[..., contextlib.AbstractContextManager[Served]]] = {
    "github": _github,
    "gitlab": _gitlab,
}
