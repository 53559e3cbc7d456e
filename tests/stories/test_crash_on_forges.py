"""Killed at every effect on GitHub and on GitLab, and with every write's answer lost or refused:
the next run makes the same world as without, and nothing is done twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from tests.stories.apart import run_apart
from tests.stories.effects import Step
from tests.stories.forge_chapters import CHAPTERS, OPENERS, Chapter, Tale, quietly, tell
from tests.stories.forge_shop import Bot, Clock, Kind, Shop

_SIGNALLED = (("open", "after"), ("merge", "after"), ("push", "after"))
FIRST, PEOPLE, *QUEUE = CHAPTERS


def _each(*short: tuple[str, Chapter]) -> list[ParameterSet]:
    """Every chapter on both forges; what is not `short` runs in `make soak`: it takes minutes."""
    return [
        pytest.param(
            kind,
            each,
            id=f"{kind}-{each.title}",
            marks=[] if (kind, each) in short else [pytest.mark.soak],
        )
        for each in CHAPTERS
        for kind in OPENERS
    ]


OUT = QUEUE[1]
KILLED = _each(("github", OUT))
LOST = _each(("gitlab", OUT))
# What a refusal leaves behind is what a kill before it does; what differs is that the run goes on.
REFUSED = _each(("github", OUT))
LATER_S = 90  # the next run comes later: its commits have other ids


class KilledError(BaseException):
    """Nobody in the product catches it, as nobody catches a kill."""


@pytest.fixture(params=OPENERS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    kind: Kind = request.param
    with OPENERS[kind](tmp_path / "shop") as made:
        yield made


@pytest.mark.parametrize(("shop", "chapter"), KILLED, indirect=["shop"])
def test_a_kill_at_any_effect_leaves_no_trace(chapter: Chapter, shop: Shop) -> None:
    """Between the end of an effect and the start of the next one nothing is written."""
    tale = tell(shop, chapter)
    # A commit is seen by nobody before it is pushed.
    places = [each for each in tale.steps if each.moment == "before" and each.name != "commit"]
    for place in (*places, tale.steps[-1]):
        shop.restore(tale.before)
        cache = shop.fresh_cache()

        def kill(step: Step, place: Step = place) -> None:
            if step == place:
                raise KilledError

        with pytest.raises(KilledError):
            shop.bot.run(shop.clock, kill, cache)
        shop.clock.sleep(LATER_S)
        quietly(shop, cache if place.number % 2 else None)
        check(shop, tale, f"killed at {place}")


@pytest.mark.parametrize(("shop", "chapter"), LOST, indirect=["shop"])
def test_an_answer_that_is_lost_is_no_second_try(chapter: Chapter, shop: Shop) -> None:
    tale = tell(shop, chapter)
    for number in range(1, tale.writes + 1):
        shop.restore(tale.before)
        shop.lose_answer(number)
        shop.bot.run(shop.clock, cache=shop.fresh_cache())
        assert shop.struck(), number
        shop.clock.sleep(LATER_S)
        quietly(shop)
        check(shop, tale, f"the answer to write {number} was lost")


@pytest.mark.soak
def test_a_process_that_is_killed_for_good(shop: Shop) -> None:
    """Some of the above with a process of its own and a signal."""
    tale = tell(shop, CHAPTERS[0])
    places = [step for step in tale.steps if (step.name, step.moment) in _SIGNALLED]
    for place in places[:3]:
        shop.restore(tale.before)
        cache = shop.fresh_cache()
        code = run_apart(run_and_die, shop.bot, shop.clock, cache, place)
        assert code == -signal.SIGKILL, place
        shop.clock.sleep(LATER_S)
        quietly(shop, cache)
        check(shop, tale, f"killed at {place}")


def run_and_die(bot: Bot, clock: Clock, cache: str, place: Step) -> None:
    def kill(step: Step) -> None:
        if step == place:
            os.kill(os.getpid(), signal.SIGKILL)

    bot.run(clock, kill, cache)


@pytest.mark.parametrize(("shop", "chapter"), REFUSED, indirect=["shop"])
def test_what_the_forge_could_not_do_is_done_by_the_next_run(chapter: Chapter, shop: Shop) -> None:
    tale = tell(shop, chapter)
    for number in range(1, tale.writes + 1):
        shop.restore(tale.before)
        shop.break_at(number)
        shop.bot.run(shop.clock, cache=shop.fresh_cache())
        assert shop.struck(), number
        shop.clock.sleep(LATER_S)
        quietly(shop)
        check(shop, tale, f"write {number} failed with 500")


def check(shop: Shop, tale: Tale, how: str) -> None:
    assert shop.contents() == tale.contents, how
    assert shop.deeds() == tale.deeds, how
