"""The service in a process of its own, for as many looks as wanted; prints what it holds of the
machine as it goes on. `python -m tests.service.endurance FOLDER LOOKS`.

All is real but the time, which goes on by two minutes a look. Now and then a new version waits: it
is promoted to dev, and proposed for staging.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from promoter.app import build, read_rules
from promoter.cli.demo_world import DemoWorld
from promoter.service.rulebook import Rulebook
from promoter.service.service import Service
from promoter.settings import load_settings
from promoter.telemetry.prometheus import start_metrics
from tests.service.bot import POLL
from tests.service.hand import HandClock, HandPool, HandTimer

_VERSIONS, _SAMPLES = 20, 10


@dataclass(frozen=True)
class Sample:
    """After so many looks: memory in KiB, and counts."""

    looks: int
    memory: int
    threads: int
    children: int
    files: int


def main() -> int:
    folder, looks = Path(sys.argv[1]), int(sys.argv[2])
    world = DemoWorld(folder)
    clock = HandClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    world.prepare(clock())
    os.environ.update(world.environment)
    meter = start_metrics()
    app = build(load_settings({}), clock)
    pool = HandPool()
    service = Service(
        app.adapters,
        Rulebook(app.rule_files, read_rules),
        clock,
        timer=HandTimer,
        spread=lambda: 0.0,
        poll=POLL,
        parallel=2,
        pool=pool,
    )
    service.start()
    pool.drain()
    for look in range(1, looks + 1):
        if look % (looks // _VERSIONS) == 0:
            world.publish("web", f"1.1.{look}")
        clock.forward(minutes=2)
        service.beat()
        pool.drain()
        if look % (looks // _SAMPLES) == 0:
            service.measure()
            meter.render()
            sys.stdout.write(f"{json.dumps(asdict(_sample(look)))}\n")
    return 0


def _sample(looks: int) -> Sample:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
    return Sample(
        looks,
        pages * os.sysconf("SC_PAGE_SIZE") // 1024,
        threading.active_count(),
        len(children),
        len(list(Path("/proc/self/fd").iterdir())),
    )


if __name__ == "__main__":
    sys.exit(main())
