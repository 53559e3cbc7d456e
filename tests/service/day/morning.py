"""How a day begins: a shop on a forge, a registry, and two replicas of the bot."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from urllib3.util import Retry

from promoter.cli.demo_world import HOST
from tests.service.day.behind import Behind
from tests.service.day.day import Day
from tests.service.day.fate import Fate
from tests.service.day.machine import POLL, Machine, Wall
from tests.service.day.shelf import Shelf
from tests.service.day.sky import Sky
from tests.services.misbehaving import serving
from tests.stories.forges import APPLICATIONS, Kind, World
from tests.stories.github_world import open_github_world
from tests.stories.gitlab_world import open_gitlab_world

ENVIRONMENTS = """\
  dev: {merge: automatic}
  staging: {after: dev}
  production: {after: staging, merge: automatic, require: [soak: 30m, approvals: 1]}
"""


class _Log(logging.Handler):
    """What the bot says of its deeds and troubles stands in the day's log."""

    def __init__(self, day: Day) -> None:
        super().__init__(logging.INFO)
        self._day = day

    def emit(self, record: logging.LogRecord) -> None:
        who = self._day.running[-1] if self._day.running else "bot"
        self._day.say(who, record.getMessage())


@contextlib.contextmanager
def open_day(kind: Kind, folder: Path, seed: int, *, poll: timedelta = POLL) -> Iterator[Day]:
    """All at 1.0.0, and two replicas have begun."""
    with contextlib.ExitStack() as stack:
        monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
        monkeypatch.setattr(Retry, "sleep", lambda *_: None)  # it knows no other clock
        opened = open_github_world if kind == "github" else open_gitlab_world
        world: World = stack.enter_context(opened(folder, monkeypatch, checked=False))
        clock = world.clock
        fate = Fate(seed, lambda seconds: clock.pass_by(seconds=seconds))
        shelf = Shelf(fate, "of-the-robot-4c1e")
        server = stack.enter_context(serving({}))
        monkeypatch.setattr(server, "take", shelf.answer)
        registry = f"http://{server.host}"
        day = Day(world, seed, shelf, Sky(fate), Behind(world), fate, Random(seed), registry)
        _prepare(day)
        logger = logging.getLogger("promoter")
        handler = _Log(day)
        stack.callback(logger.removeHandler, handler)
        stack.callback(logger.setLevel, logger.level)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        for name in ("one", "two"):
            machine = Machine(name, world, Wall(day), registry, day.watch, poll)
            day.machines.append(machine)
            day.start(machine)
        stack.callback(day.end_all)
        yield day


def _prepare(day: Day) -> None:
    world = day.world
    for name in APPLICATIONS:
        day.people.publish(name, "1.0.0")
    world.write_rules(ENVIRONMENTS)
    entries = {
        world.url.split("/")[2]: ("bot", "forge.password", day.behind.token),
        HOST: ("robot", "registry.password", day.shelf.password),
    }
    for _, file, secret in entries.values():
        (world.folder / file).write_text(secret, "utf-8")
    told = {
        host: {"username": user, "password-file": str(world.folder / file)}
        for host, (user, file, _) in entries.items()
    }
    (world.folder / "credentials.yaml").write_text(json.dumps(told), "utf-8")
    day.behind.lie_under(day.sky)
