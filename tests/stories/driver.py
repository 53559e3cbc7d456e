"""Runs of the bot: undisturbed, and in processes of their own, which may be killed."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from promoter.engine.reconcile import Scope, reconcile
from tests.stories.apart import run_apart
from tests.stories.effects import Step, numbered
from tests.stories.two_shops import CHAPTERS, Chapter, TwoShops

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
    return run_apart(run_bot, shops, now, kill_at)
