"""Makes what docs/merge-requests.md shows, and its images: `python -m docs.make_merge_requests`.

Everything that is shown is what the product writes: it promotes an application through three
environments on the forges of the tests, at times and with names that are the same each time.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from docs.drawing import draw
from docs.merge_requests_page import Shown, drawing_of, image_of, page_of
from promoter.access.credentials import Credentials
from promoter.app import App, build
from promoter.engine.adapters import Adapters
from promoter.engine.reconcile import Scope, reconcile
from promoter.forges.github.connect import connect
from promoter.registries.layout_writer import write_image
from promoter.settings import load_settings
from tests.services.github.fake import FakeGitHub, fake_github
from tests.services.github.people import HostedRepository
from tests.services.gitlab.fake import FakeGitLab, fake_gitlab
from tests.services.gitlab.nouns import DEVELOPER, MAINTAINER, Request, User
from tests.services.gitlab.project import Project

FOLDER = Path(__file__).parent
PAGE = FOLDER / "merge-requests.md"
_REGISTRY = "registry.example.com"
_TOKEN = "of-the-bot-0123456789"
_IMAGES = ("checkout-api", "checkout-worker")
_VERSIONS = {"1.4.0": "3f2c9a41", "1.4.1": "9b07d2e6", "1.5.0": "c41e8f03"}
_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_RULE = """\
version: 1
repository: {{url: "{url}", branch: main, forge: {forge}}}
artifacts:
  - image: registry.example.com/shop/{{application}}-api
    select: {{semver: ">=1.0"}}
  - image: registry.example.com/shop/{{application}}-worker
    select: {{semver: ">=1.0"}}
applications: apps/{{application}}/overlays/{{environment}}
environments:
  dev: {{merge: automatic}}
  staging: {{after: dev, merge: automatic}}
  production:
    after: staging
    merge: automatic
    require: [soak: 24h, approvals: 2]
"""
_OVERLAY = """\
resources: [../../base]
images:
"""


class Hosted(Protocol):
    """A forge with the shop's repository, and its people."""

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str: ...

    def approve(self, login: str) -> None:
        """Approve the open merge request."""

    def show(self) -> Shown:
        """The open merge request."""


class Clock:
    """Goes on only when it is told."""

    def __init__(self) -> None:
        self.now = _START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **units: int) -> None:
        self.now += timedelta(**units)


@dataclass
class OnGitHub:
    hub: FakeGitHub
    shop: HostedRepository
    name = "github"

    @property
    def url(self) -> str:
        return self.shop.url

    def approve(self, login: str) -> None:
        self.shop.approve(self.shop.pulls()[0].number, login)

    def show(self) -> Shown:
        (pull,) = self.shop.pulls()
        said = [each for each in self.shop.state.comments if each.number == pull.number]
        status = [each for each in self.shop.state.statuses if each.sha == pull.head][-1]
        return Shown(
            self.name,
            f"#{pull.number}",
            pull.title,
            pull.body or "",
            tuple((each.login, each.body) for each in said),
            tuple(login for login, each in pull.verdicts.items() if each.state == "APPROVED"),
            (status.context, status.state, status.description or ""),
        )


@dataclass
class OnGitLab:
    gitlab: FakeGitLab
    project: Project
    people: Mapping[str, User]
    name = "gitlab"

    @property
    def url(self) -> str:
        return self.gitlab.url(f"{self.project.path}.git")

    def approve(self, login: str) -> None:
        (request,) = self._open()
        self.gitlab.world.approve(self.project, request.iid, self.people[login])

    def _open(self) -> list[Request]:
        return [each for each in self.project.requests.values() if each.state == "opened"]

    def show(self) -> Shown:
        (request,) = self._open()
        status = [each for each in self.project.statuses if each.sha == request.head][-1]
        return Shown(
            self.name,
            f"!{request.iid}",
            request.title,
            request.description,
            tuple((each.author.username, each.body) for each in request.notes if not each.system),
            tuple(each.user.username for each in request.approvals),
            (status.name, status.state, status.description or ""),
        )


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not on PATH: the images can't be drawn", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = tell(folder)
        for each in told:
            draw(Path(chromium), drawing_of(each), FOLDER / image_of(each), folder)
    PAGE.write_text(page_of(told, PAGE.read_text("utf-8")), "utf-8")
    return 0


def tell(folder: Path) -> tuple[Shown, ...]:
    """The story on both forges, below `folder`."""
    return tuple(_tell(folder / name, host) for name, host in _HOSTS.items())


def _tell(folder: Path, host: Callable[..., contextlib.AbstractContextManager[Hosted]]) -> Shown:
    clock = Clock()
    folder.mkdir(parents=True)
    digests = {name: _publish(folder, name, "1.4.0", clock()) for name in _IMAGES}
    files = {
        f"apps/checkout/overlays/{environment}/kustomization.yaml": _overlay(digests)
        for environment in ("dev", "staging", "production")
    }
    with host(folder / "forge", files, clock) as hosted:
        app = _app(folder, hosted, clock)
        for version in ("1.4.1", "1.5.0"):
            clock.pass_(hours=5, minutes=12)
            for name in _IMAGES:
                _publish(folder, name, version, clock.now - timedelta(minutes=7))
            _look(app)
            clock.pass_(days=1, hours=2)
            _look(app)
        clock.pass_(minutes=40)
        hosted.approve("ann")
        clock.pass_(minutes=2)
        _look(app)
        return hosted.show()


def _look(app: App) -> None:
    outcome = reconcile(Scope(app.rules()[0]), app.adapters, app.clock)
    troubles = (*outcome.troubles, *outcome.plan.troubles, *outcome.warnings)
    if troubles:
        raise AssertionError(f"the story goes wrong: {troubles}")


def _publish(folder: Path, name: str, version: str, created: datetime) -> str:
    labels = {
        "org.opencontainers.image.source": "https://github.com/acme/checkout",
        "org.opencontainers.image.revision": (_VERSIONS[version] * 5)[:40],
        "of": name,
    }
    return write_image(folder / "registry", f"shop/{name}", version, created=created, labels=labels)


def _overlay(digests: Mapping[str, str]) -> bytes:
    entries = (
        f"- name: {_REGISTRY}/shop/{name}\n  newTag: 1.4.0\n  digest: {digest}\n"
        for name, digest in digests.items()
    )
    return f"{_OVERLAY}{''.join(entries)}".encode()


def _app(folder: Path, hosted: Hosted, clock: Clock) -> App:
    rule, credentials = folder / "shop.yaml", folder / "credentials.yaml"
    rule.write_text(_RULE.format(url=hosted.url, forge=hosted.name), "utf-8")
    credentials.touch(0o600)
    credentials.write_text(
        f'"{urlsplit(hosted.url).netloc}": {{username: bot, password: {_TOKEN}}}\n', "utf-8"
    )
    settings = load_settings(
        {
            "rules": (rule,),
            "registries": [f"{_REGISTRY}=oci-layout:{folder / 'registry'}"],
            "credentials": credentials,
            "cache": folder / "cache",
        }
    )
    app = build(settings, clock)
    if hosted.name == "gitlab":
        return app
    known = Credentials.load(credentials)
    forge = cache(lambda at: connect(at.url, credentials=known, now=clock, write_pause=0))
    adapters = Adapters(app.adapters.repository, forge, app.adapters.registry)
    return App(settings, adapters, app.mirror, clock)


@contextlib.contextmanager
def _github(root: Path, files: Mapping[str, bytes], clock: Clock) -> Iterator[Hosted]:
    with fake_github(root, now=clock, checked=False) as hub:
        hub.add_user("promoter-bot", token=_TOKEN)
        people = ("promoter-bot", "ann", "ben")
        yield OnGitHub(hub, hub.create("acme/manifests", files, write=people))


@contextlib.contextmanager
def _gitlab(root: Path, files: Mapping[str, bytes], clock: Clock) -> Iterator[Hosted]:
    with fake_gitlab(root, clock, checked=False) as gitlab:
        bot = gitlab.world.user("promoter-bot", _TOKEN, bot=True)
        people = {name: gitlab.world.user(name) for name in ("ann", "ben")}
        members = {bot: DEVELOPER, **dict.fromkeys(people.values(), MAINTAINER)}
        yield OnGitLab(gitlab, gitlab.world.project("acme/manifests", files, members), people)


_HOSTS: Mapping[str, Callable[..., contextlib.AbstractContextManager[Hosted]]] = {
    "github": _github,
    "gitlab": _gitlab,
}


if __name__ == "__main__":
    sys.exit(main())
