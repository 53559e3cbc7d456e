"""The process that `quiet_look` measures: the product, a loop around it, and nothing else."""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promoter.app import App, build, read_clock
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, reconcile
from promoter.settings import load_settings

HOST = "registry.example.com"


@dataclass(frozen=True)
class World:
    """Everything that a run needs: a folder, and where the registry is."""

    folder: Path
    registry: str
    targets: int = 3000

    @property
    def remote(self) -> Path:
        return self.folder / "manifests.git"

    def app(self, cache_name: str) -> App:
        return build(
            load_settings(
                {
                    "rules": (self.folder / "shop.yaml",),
                    "registries": [f"{HOST}={self.registry}"],
                    "cache": self.folder / cache_name,
                }
            ),
            read_clock,
        )


def _serve(world: World, cache: str, profiled: bool) -> None:
    """Looks at each line that comes in, and answers with the figures of the look."""
    started: list[object] = []
    sys.addaudithook(lambda event, given: _note(started, event, given))
    app = world.app(cache)
    rules, _ = app.rules()
    observer = Observer(app.adapters)
    spent = 0.0
    for _ in sys.stdin:
        with _profile() if profiled else contextlib.nullcontext():
            outcome = reconcile(Scope(rules), app.adapters, app.clock, observer=observer)
        states = {each.state for each in outcome.plan.decisions}
        if len(outcome.plan.decisions) != world.targets or states != {"current"}:
            raise SystemExit(f"{states}, {outcome.plan.decisions[0].why}, {outcome.troubles}")
        if outcome.effects and cache != "settling":
            raise SystemExit(f"something was done: {outcome.effects[0]}")
        used = sum(
            each.ru_utime + each.ru_stime
            for each in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"cpu": used - spent, "memory": memory, "git": len(started)}), flush=True)
        spent = used
        started.clear()


def _note(started: list[object], event: str, given: tuple[Any, ...]) -> None:
    """Python tells of each process before it starts it."""
    if event == "subprocess.Popen" and "git" in map(str, given[1]):
        started.append(given[1])


@contextlib.contextmanager
def _profile() -> Iterator[None]:
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.enable()
    yield
    profiler.disable()
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumtime").print_stats(70)


if __name__ == "__main__":
    _folder, _address, _cache, *_profiled = sys.argv[1:]
    _serve(World(Path(_folder), _address), _cache, bool(_profiled))
