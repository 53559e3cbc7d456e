"""110 updates in one reconcile, of 100 applications: wall time, memory, packs and pushes.

The forge (a fake), its git and the registry's files are served by this process; the product runs
in a child that does nothing else. There each call of the forge's adapter is timed: `forge` is the
time during which at least one of them was waiting for its answer, `rest` all the other, and that
has the aim. `imports` are fast-imports and `pushes` those that the server got: the first brings all
branches, the last notes in the ledger which statuses were published. GitHub asks for a second
between two writes; that is left out, and measured alone with the argument `paused`: some minutes.
"""

from __future__ import annotations

import contextlib
import cProfile
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.forge_shop import FORGES, Shop, names, open_shop
from benchmarks.timing import CommandError
from promoter.engine.adapters import Adapters
from promoter.engine.reconcile import Scope, reconcile
from promoter.forges.github.talk import WRITE_PAUSE

_APPLICATIONS, _UPDATES = 100, 110
_ENVIRONMENTS = "  dev: {}\n  preview: {}\n"
_AIM = 5.0
_ROUNDS = 3


@dataclass(frozen=True)
class Figures:
    """Times in seconds, `memory` the peak in MB; `branches` the pushes that move branches, `git`
    all commands of git's."""

    wall: float
    forge: float
    memory: float
    opened: int
    imports: int
    branches: int
    git: int

    @property
    def rest(self) -> float:
        return self.wall - self.forge


def main() -> int:
    if len(sys.argv) > 2:
        folder, forge, url, cache_name, pause, *profile = sys.argv[1:]
        shop = Shop(Path(folder), forge, url)
        print(json.dumps(_measure(shop, cache_name, float(pause), bool(profile))))
        return 0
    try:
        head = ("wall s", "forge s", "rest s", "MB", "opened", "imports", "pushes", "branches")
        print(f"{f'{_UPDATES} updates in one reconcile':<34}", end="")
        print("".join(f"{each:>9}" for each in (*head, "git")))
        if sys.argv[1:] == ["paused"]:
            _show("github, a second between writes", [_run("github", WRITE_PAUSE)])
            return 0
        for forge in FORGES:
            rounds = [_run(forge, 0) for _ in range(_ROUNDS)]
            _show(f"{forge}, no pause", rounds)
            rest = median(each.rest for each, _ in rounds)
            verdict = "met" if rest < _AIM else "MISSED"
            print(f"{forge}, beside the forge's time: {rest:.2f} s  < {_AIM:g} {verdict}")
    except CommandError as error:
        print(f"many_updates: nothing measured: {error}", file=sys.stderr)
        return 1
    return 0


def _show(what: str, rounds: list[tuple[Figures, int]]) -> None:
    each = [figures for figures, _ in rounds]
    times = (
        median(one.wall for one in each),
        median(one.forge for one in each),
        median(one.rest for one in each),
    )
    first, pushes = rounds[0]
    counts = (first.opened, first.imports, pushes, first.branches, first.git)
    print(
        f"{what:<34}{''.join(f'{one:>9.2f}' for one in times)}"
        f"{max(one.memory for one in each):>9.0f}{''.join(f'{one:>9}' for one in counts)}"
    )


def _run(forge: str, pause: float) -> tuple[Figures, int]:
    """The figures of one reconcile, and how many pushes the server got."""
    applications = names(_APPLICATIONS)
    targets = [(name, "dev") for name in applications]
    targets += [(name, "preview") for name in applications[: _UPDATES - _APPLICATIONS]]
    with (
        tempfile.TemporaryDirectory() as folder,
        open_shop(Path(folder) / "shop", forge, targets) as (shop, served),
    ):
        shop.publish("1.1.0", applications)
        command = [sys.executable, "-m", "benchmarks.many_updates"]
        given = [str(shop.folder), forge, shop.url, "cache", str(pause)]
        done = subprocess.run([*command, *given], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:]
            raise CommandError(f"{forge}: {last[0] if last else done.returncode}")
        return Figures(**json.loads(done.stdout)), served.pushes


def _measure(shop: Shop, cache_name: str, pause: float, profiled: bool) -> dict[str, Any]:
    """One reconcile of a process that has nothing yet: no mirror, no connection."""
    commands: list[list[str]] = []
    sys.addaudithook(lambda event, given: _note_command(commands, event, given))
    app = shop.app(cache_name, _ENVIRONMENTS, pause)
    rules, _ = app.rules()
    waiting = Waiting()
    profile = cProfile.Profile() if profiled else None
    start = time.perf_counter()
    with profile or contextlib.nullcontext():
        outcome = reconcile(Scope(rules), timed(app.adapters, waiting), app.clock)
    wall = time.perf_counter() - start
    if profile:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(60)
    troubles = [str(each) for each in (*outcome.troubles, *outcome.plan.troubles)]
    if troubles or len(outcome.effects) != _UPDATES:
        raise CommandError(f"{len(outcome.effects)} effects, {troubles}, {outcome.warnings}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    imports = sum(each[0] == "fast-import" for each in commands)
    branches = sum(each[0] == "push" and "refs/heads/promoter/" in str(each) for each in commands)
    figures = Figures(
        wall, waiting.seconds, peak, len(outcome.effects), imports, branches, len(commands)
    )
    return asdict(figures)


def _note_command(commands: list[list[str]], event: str, given: tuple[Any, ...]) -> None:
    """Which git is started, as Python itself tells it before it starts a process."""
    if event == "subprocess.Popen" and "git" in given[1]:
        words = list(given[1])
        commands.append(words[words.index("git") + 1 :])


class Waiting:
    """How long at least one of several calls at once was under way."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._running = 0
        self._since = 0.0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        with self._lock:
            if not self._running:
                self._since = time.perf_counter()
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self.seconds += time.perf_counter() - self._since


def timed(adapters: Adapters, waiting: Waiting) -> Adapters:
    """The same adapters, with the time that passes in those of forges."""
    forge = cache(lambda address: _Timed(adapters.forge(address), waiting))
    return Adapters(adapters.repository, forge, adapters.registry)


class _Timed:
    """Any method of a forge, timed."""

    def __init__(self, inner: Any, waiting: Waiting) -> None:
        self._inner = inner
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*arguments: Any) -> Any:
            with self._waiting.call():
                return method(*arguments)

        return call


if __name__ == "__main__":
    sys.exit(main())
