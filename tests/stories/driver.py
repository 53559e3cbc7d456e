"""Runs of the bot: undisturbed, and in processes of their own, which may be killed.

Children are forked from a server that has imported everything and has no threads.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock
from typing import Any

from promoter.engine.reconcile import Scope, reconcile
from tests.stories.effects import Step, numbered
from tests.stories.two_shops import CHAPTERS, Chapter, TwoShops

_SECONDS = 120
_ONE_READER = Lock()
"""Starting a process reads how every other one ended, and that can be read but once."""
_ADAPTERS = (
    "git.cmd",
    "promoter.repositories.git",
    "promoter.forges.local",
    "promoter.registries.layout",
)
PID_FILE = "bot.pid"
"""In the world's folder: the process id of the last run."""


@dataclass(frozen=True)
class Tale:
    """A world before the run of a chapter, and what it looks like after an undisturbed one, which
    took these steps and so many pushes."""

    before: TwoShops
    steps: tuple[Step, ...]
    pushes: int
    contents: dict[str, Any]
    requests: dict[int, str]


def tell(chapter: Chapter, folder: Path) -> Tale:
    """Play the story without a fault up to the end of a chapter."""
    shops = TwoShops.make(folder / "undisturbed")
    for each in CHAPTERS[: CHAPTERS.index(chapter) + 1]:
        each.happens(shops)
        before = shops.copy(folder / "before" / str(CHAPTERS.index(each)))
        app, steps = shops.app(each.now), list[Step]()
        reconcile(Scope(app.rules()[0]), numbered(app.adapters, steps.append), app.clock)
    names = tuple(step.name for step in steps if step.moment == "before")
    assert names == chapter.effects
    pushes = len([name for name in names if name != "commit"])
    return Tale(before, tuple(steps), pushes, shops.contents(), shops.requests())


def run_bot(shops: TwoShops, now: datetime, kill_at: Step | None = None) -> None:
    """One run, which must end well and leave nothing to do; killed where `kill_at` says."""

    def watch(step: Step) -> None:
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    (shops.folder / PID_FILE).write_text(str(os.getpid()), "utf-8")
    app = shops.app(now)
    rules, errors = app.rules()
    adapters = numbered(app.adapters, watch)
    outcome = reconcile(Scope(rules), adapters, app.clock)
    again = reconcile(Scope(rules), adapters, app.clock)
    wrong = (*errors, *outcome.troubles, *outcome.plan.troubles, *again.effects)
    if wrong:
        raise AssertionError(f"a run ends with {wrong}")


def run_in_child(shops: TwoShops, now: datetime, kill_at: Step | None = None) -> int:
    """The same in another process; its exit code, negative for a signal."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *_ADAPTERS])
    child = context.Process(target=run_bot, args=(shops, now, kill_at))
    with _ONE_READER:
        child.start()
    ended = wait([child.sentinel], _SECONDS)
    with _ONE_READER:
        if not ended:
            child.kill()
        child.join()
    assert ended, f"a run took longer than {_SECONDS} seconds"
    assert child.exitcode is not None
    return child.exitcode
