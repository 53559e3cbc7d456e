"""A day with everything that goes wrong in one: at its end the repository holds what the rules
say, and each merge request was opened once.

What happens is chosen by a seed. It is told with the command that replays the day, which pytest
shows with -s, and with all that happened where the test fails.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from random import SystemRandom

import pytest

from tests.service.day.day import Day
from tests.service.day.evening import check, finish
from tests.service.day.machine import POLL
from tests.service.day.morning import open_day
from tests.stories.forges import Kind

# Read here: the tests themselves see no setting.
_SEED = os.environ.get("PROMOTER_TEST_DAY_SEED")
_HOURS = float(os.environ.get("PROMOTER_TEST_DAY_HOURS", "24"))
_REPLAY = (
    "PROMOTER_TEST_DAY_SEED={} PROMOTER_TEST_DAY_HOURS={:g} pytest -s -m 'soak or not soak' '{}'"
)


def live(
    kind: Kind,
    folder: Path,
    seed: int,
    hours: float,
    pace: float = 1.0,
    poll: timedelta = POLL,
) -> Day:
    """That day. `pace`: how many times as much happens as on a usual one."""
    tell(_REPLAY.format(seed, hours, os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]))
    with open_day(kind, folder, seed, poll=poll) as day:
        try:
            day.schedule(hours, pace=pace)
            day.run(hours=hours)
            finish(day)
            check(day)
        except BaseException:
            tell("\n".join(day.log))
            raise
        tell(f"{day.looks} looks, {len(day.openings)} merge requests")
    return day


def tell(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")


def test_a_short_day(tmp_path: Path) -> None:
    day = live("github", tmp_path, int(_SEED or 21), 0.4, 5, timedelta(minutes=20))
    assert day.openings


def test_a_registry_that_wants_rest_is_told_of_once(tmp_path: Path) -> None:
    with open_day("github", tmp_path, 1) as day:
        day.chaos = False
        day.run(seconds=1)
        day.shelf.mood, day.shelf.wait = "limited", 1500
        day.run(minutes=16)
        # Each of two replicas looks three times at two images, and hears of another time left.
        told = [each for each in day.log if "asked to wait" in each]
        assert len(told) == 4, told


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize("of", ["one", "two", "three"])
def test_a_whole_day(kind: Kind, of: str, tmp_path: Path) -> None:
    day = live(kind, tmp_path, int(_SEED or SystemRandom().randrange(1_000_000)), _HOURS)
    assert day.openings


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_the_seed_replays_the_day(kind: Kind, tmp_path: Path) -> None:
    first, second = (live(kind, tmp_path / each, 11, 1, pace=4).log for each in ("one", "two"))
    assert first == second
