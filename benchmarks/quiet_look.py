"""A look at which nothing is to be done: 1,000 applications by 3 environments, 15,000 files, 12,000
image references, 1,010 image repositories on a real docker-registry, on this machine.

Every environment runs the newest release, with gates (`soak`, `window`, `approvals`) that a newer
one would have to pass; 300 promotions stand in the history, and the ledger knows every tag. `cold`
is a process that has nothing: from its start, over reading the rules and cloning the repository,
to the end of its first look. `restarted` is the same with the mirror on disk. `quiet` are the looks
after it in the same process, as `promoter serve` takes them. `moved` is one after somebody pushed
a file that concerns nobody.

`CPU` is this process's with its children, git above all; `registry` is the registry's own, on the
same two cores; `requests` are what it wrote to its access log. A second table is about files: the
same applications among three times as many files that are nobody's, and with ten times as many of
their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, cast

from benchmarks.quiet_process import World
from benchmarks.quiet_world import add_files, build_registry, build_world, push_nothing
from benchmarks.timing import CommandError
from tests.services.registry import RunningRegistry

_LOOKS = 5
_COLD_ROUNDS = 3
_MEMORY_AIM, _QUIET_AIM, _COLD_AIM = 150, 2.0, 4.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """Seconds, and MB at the peak; `git` processes of git's, `requests` to the registry."""

    wall: float
    cpu: float
    registry: float
    memory: float
    requests: int
    git: int


def main() -> int:
    if shutil.which("docker-registry") is None:
        print("quiet_look: docker-registry is absent, nothing measured", file=sys.stderr)
        return 0  # `make bench` goes on with what it can measure
    try:
        with tempfile.TemporaryDirectory() as folder:
            _measure_all(Path(folder))
    except (CommandError, subprocess.CalledProcessError) as error:
        print(f"quiet_look: nothing measured: {error}", file=sys.stderr)
        return 1
    return 0


def _measure_all(folder: Path) -> None:
    with build_registry(folder / "registry") as registry:
        world = build_world(folder / "world", f"http://{registry.host}")
        _settle(world, registry)
        print(f"{'1,000 applications by 3':<34}{'wall s':>8}{'CPU s':>7}{'registry':>9}", end="")
        print(f"{'MB':>6}{'requests':>9}{'git':>5}  aim")
        cold = [_look_anew(world, registry, f"cold-{each}") for each in range(_COLD_ROUNDS)]
        _show("cold", cold, _COLD_AIM)
        _show("restarted", [_look_anew(world, registry, "cold-0") for _ in range(_COLD_ROUNDS)])
        quiet, moved = _look_on(world, registry)
        _show("quiet", quiet, _QUIET_AIM, _MEMORY_AIM)
        _show("moved", moved)
        for what, wide, deep in (("30,000 files of nobody's", 30, 0), ("150,000 files", 30, 120)):
            add_files(world, wide, deep)
            quiet, moved = _look_on(world, registry)
            _show(f"quiet, {what}", quiet)
            _show(f"moved, {what}", moved)


def _settle(world: World, registry: RunningRegistry) -> None:
    """The ledger learns every tag."""
    with _looking(world, registry, "settling") as look:
        look()


def _look_anew(world: World, registry: RunningRegistry, cache: str) -> Figures:
    with _looking(world, registry, cache) as look:
        return look()


def _look_on(world: World, registry: RunningRegistry) -> tuple[list[Figures], list[Figures]]:
    with _looking(world, registry, "cold-0") as look:
        look()
        quiet = [look() for _ in range(_LOOKS)]
        moved = []
        for _ in range(_COLD_ROUNDS):
            push_nothing(world)
            moved.append(look())
        return quiet, moved


@contextlib.contextmanager
def _looking(
    world: World, registry: RunningRegistry, cache: str
) -> Iterator[Callable[[], Figures]]:
    """A process that looks each time it is called; what was before the first call counts to it."""
    command = [sys.executable, "-m", "benchmarks.quiet_process", str(world.folder), world.registry]
    before, started = _seen(registry), time.perf_counter()
    process = subprocess.Popen(
        [*command, cache], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    given, told = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    is_first = True

    def look() -> Figures:
        nonlocal before, started, is_first
        if not is_first:
            before, started = _seen(registry), time.perf_counter()
        is_first = False
        given.write("look\n")
        given.flush()
        line = told.readline()
        wall = time.perf_counter() - started
        if not line:
            raise CommandError(f"the process ended with {process.wait()}")
        after = _seen(registry)
        cpu, asked = (now - then for now, then in zip(after, before, strict=True))
        return Figures(wall, registry=cpu, requests=int(asked), **json.loads(line))

    try:
        yield look
    finally:
        given.close()
        process.wait()


def _seen(registry: RunningRegistry) -> tuple[float, int]:
    """The registry's processor time so far, and how many requests it logged."""
    return _processor_time(_registry_process()), len(registry.requests())


def _registry_process() -> int:
    """The child of this process that is the registry."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    named = {int(each): Path(f"/proc/{each}/comm").read_text() for each in children}
    return next(pid for pid, name in named.items() if name.startswith("docker-registr"))


def _processor_time(pid: int) -> float:
    # proc(5): the name, in brackets, may hold anything; utime and stime are 12 and 13 after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _show(what: str, each: Sequence[Figures], wall_aim: float = 0, memory_aim: float = 0) -> None:
    wall, memory = median(one.wall for one in each), max(one.memory for one in each)
    aims = []
    if wall_aim:
        aims.append(f"< {wall_aim:g} s {'met' if wall < wall_aim else 'MISSED'}")
    if memory_aim:
        aims.append(f"< {memory_aim:g} MB {'met' if memory < memory_aim else 'MISSED'}")
    requests, git = median(one.requests for one in each), median(one.git for one in each)
    print(
        f"{what:<34}{wall:>8.2f}{median(one.cpu for one in each):>7.2f}"
        f"{median(one.registry for one in each):>9.2f}{memory:>6.0f}{requests:>9.0f}{git:>5.0f}"
        f"  {', '.join(aims)}".rstrip(),
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
