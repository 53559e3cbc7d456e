"""The service beside a forge that remembers, with its time and threads by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from promoter.app import read_rules
from promoter.service.rulebook import Rulebook
from promoter.service.service import Service
from promoter.service.webhooks.nudge import ImagePushed, RepositoryChanged
from tests.service.hand import HandPool, HandTimer
from tests.stories.effects import Watch, numbered
from tests.stories.forge_shop import Bot, Shop

POLL = timedelta(minutes=2)


@dataclass
class HandBot:
    """`service` is made by `start`; another one beside it is the second replica."""

    shop: Shop
    cache: str = "cache"
    watch: Watch = lambda _: None
    pool: HandPool = field(default_factory=HandPool)
    timers: list[HandTimer] = field(default_factory=list)
    service: Service = field(init=False)

    def start(self) -> None:
        bot = Bot(self.shop.kind, self.shop.url, self.shop.folder)
        app = bot.app(self.shop.clock, self.cache)
        self.service = Service(
            numbered(bot.adapters(app, self.shop.clock), self.watch),
            Rulebook(app.rule_files, read_rules),
            self.shop.clock,
            timer=self._timer,
            spread=lambda: 0.0,
            poll=POLL,
            parallel=2,
            pool=self.pool,
        )
        self.service.start()

    def _timer(self, wake):  # type: ignore[no-untyped-def] # as Scheduler takes it
        self.timers.append(HandTimer(wake))
        return self.timers[-1]

    def look(self) -> int:
        """Take all looks that are due; how many that were."""
        return self.pool.drain()

    def forward(self, **time: float) -> int:
        """Some time passes."""
        self.shop.clock.at += timedelta(**time)
        self.service.beat()
        return self.look()

    def pushed(self, path: str, trace: str | None = None) -> int:
        return self.service.nudge([ImagePushed(path)], trace)

    def forge_says(self) -> int:
        return self.service.nudge([RepositoryChanged((self.shop.url,))], None)
