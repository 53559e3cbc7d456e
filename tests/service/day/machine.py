"""The service on a machine of its own: with a clock that may be wrong, a cache, and an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache as cached
from pathlib import Path
from typing import Protocol

from promoter.access.credentials import Credentials
from promoter.access.http import HttpClient
from promoter.app import App, build, read_rules
from promoter.cli.demo_world import HOST
from promoter.engine.adapters import Adapters
from promoter.forges.github.forge import GitHubForge
from promoter.forges.github.login import TokenLogin
from promoter.forges.github.place import GitHubPlace
from promoter.forges.github.talk import Conversation
from promoter.forges.gitlab.forge import GitLabForge
from promoter.forges.gitlab.server import GitLabPlace
from promoter.model.ports import Forge, Registry
from promoter.registries.distribution import DistributionRegistry
from promoter.registries.place import Place
from promoter.registries.store import ContentStore
from promoter.service.rulebook import Rulebook
from promoter.service.service import Service
from promoter.service.webhooks.nudge import Nudge
from promoter.settings import load_settings
from tests.service.hand import HandPool, HandTimer
from tests.stories.effects import Step, numbered
from tests.stories.forges import Clock, World

POLL = timedelta(minutes=5)


class Time(Protocol):
    """What the right time is; to wait makes it pass."""

    @property
    def clock(self) -> Clock: ...

    def wait(self, seconds: float) -> None: ...


@dataclass
class Wall:
    """What the machine shows for the time."""

    time: Time
    skew: timedelta = timedelta()

    def __call__(self) -> datetime:
        return self.time.clock.at + self.skew

    def seconds(self) -> float:
        """Of a clock that only goes forward, whatever the other one shows."""
        return self.time.clock.at.timestamp()


@dataclass
class Machine:
    """`service` is None while no process runs. Effects are told to `watch`."""

    name: str
    world: World
    wall: Wall
    registry: str
    watch: Callable[[Machine, Step], None]
    poll: timedelta = POLL
    caches: int = 0
    pool: HandPool = field(default_factory=HandPool)
    timers: list[HandTimer] = field(default_factory=list)
    service: Service | None = None

    @property
    def cache(self) -> Path:
        return self.world.folder / f"cache-{self.name}-{self.caches}"

    def start(self) -> None:
        """Raises what the service raises that does not start."""
        self.pool, self.timers = HandPool(), []
        app = self.app()
        service = Service(
            numbered(self.adapters(app), lambda step: self.watch(self, step)),
            Rulebook(app.rule_files, read_rules),
            self.wall,
            timer=self._timer,
            spread=lambda: 0.0,
            poll=self.poll,
            parallel=2,
            pool=self.pool,
        )
        service.start()
        self.service = service

    def end(self) -> None:
        self.service = None
        self.pool.waiting.clear()

    def forget(self) -> None:
        """The next process begins with an empty cache."""
        self.caches += 1

    @property
    def wakes_at(self) -> datetime | None:
        """By the right clock."""
        at = self.timers[-1].at if self.service and self.timers else None
        return at - self.wall.skew if at else None

    @property
    def is_stopping(self) -> bool:
        return self.service is not None and self.service.ready()[1] == "stopping"

    def beat(self) -> None:
        if self.service:
            self.service.beat()

    def hear(self, nudge: Nudge) -> int:
        return self.service.nudge([nudge], None) if self.service else 0

    def _timer(self, wake: Callable[[], None]) -> HandTimer:
        self.timers.append(HandTimer(wake))
        return self.timers[-1]

    def app(self) -> App:
        folder = self.world.folder
        settings = load_settings(
            {
                "rules": (folder / "rules",),
                "registries": [f"{HOST}={self.registry}"],
                "credentials": folder / "credentials.yaml",
                "cache": self.cache,
            }
        )
        return build(settings, self.wall)

    def adapters(self, app: App) -> Adapters:
        """The app's own, but for what waits, which waits by the simulated time."""
        wall = self.wall
        http = HttpClient(proxies={}, pause=wall.time.wait, clock=wall.seconds, now=wall)
        credentials = Credentials.load(app.settings.credentials, (), http=lambda: http, now=wall)

        def forge() -> Forge:
            url = self.world.url
            if self.world.kind == "gitlab":
                place = GitLabPlace.of(url, ())
                return GitLabForge(place, credentials.for_host, http, wall.seconds)
            there = GitHubPlace.of(url)
            login = TokenLogin(lambda: credentials.for_host(there.host), there.host)
            talk = Conversation(there, login, wall, write_pause=0, sleep=wall.time.wait)
            return GitHubForge(talk, wall)

        def registry(host: str) -> Registry:
            at = Place.of(host, self.registry, plain_http=True)
            return DistributionRegistry(
                host,
                http,
                credentials.of(host, at.origin, at.prefix),
                plain_http=True,
                base=self.registry,
                store=ContentStore(app.settings.cache / "content"),
            )

        return Adapters(app.adapters.repository, cached(lambda _: forge()), cached(registry))
