"""Two bots at once on GitHub and on GitLab, lists that lag behind, and forges that want fewer
requests: one merge request, one merge, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from promoter.cli import exit_codes, main
from promoter.forges.github.connect import connect
from promoter.model.outcome import Outcome
from tests.stories.baton import Baton, Choose, by_chance
from tests.stories.effects import Step
from tests.stories.forge_chapters import CHAPTERS, OPENERS, Chapter, Tale, quietly, tell
from tests.stories.forge_shop import ENVIRONMENTS, Clock, Kind, Shop

FIRST, PEOPLE, *QUEUE = CHAPTERS
SOME_SOAK = [
    pytest.param(each, id=each.title, marks=[pytest.mark.soak] if each is PEOPLE else [])
    for each in CHAPTERS
]
"""The longest runs in `make soak`."""
HELD = [
    pytest.param(
        kind,
        each,
        id=f"{kind}-{each.title}",
        marks=[] if (kind, each) in (("github", FIRST), ("gitlab", QUEUE[0])) else pytest.mark.soak,
    )
    for each in CHAPTERS
    for kind in OPENERS
]
SEEDS = 2
RACED = ("push", "open", "update", "close", "merge", "disarm")


@pytest.fixture(params=["github", pytest.param("gitlab", marks=pytest.mark.soak)])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    kind: Kind = request.param
    with OPENERS[kind](tmp_path / "shop") as made:
        yield made


class HeldBefore:
    """The first player stops before its first effect of a kind until the other is done."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held = False

    def watch(self, step: Step) -> None:
        self._held = self._held or (step.name, step.moment) == (self._name, "before")

    def __call__(self, last: int, _: Sequence[int]) -> int:
        return int(last == 1 or self._held)


def run_two_engines(shop: Shop, choose: Choose, held: HeldBefore | None = None) -> list[Outcome]:
    """Both run to their ends, one at a time, each by a clock of its own."""
    baton = Baton(choose)

    def run(player: int) -> Outcome:
        clock = Clock(shop.clock.at + timedelta(seconds=player))

        def hand_over(step: Step) -> None:
            if held and player == 0:
                held.watch(step)
            baton.hand_over(player)

        return baton.play(player, partial(shop.bot.run, clock, hand_over, f"{cache}-{player}"))

    cache = shop.fresh_cache()
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(2)))


def check(outcomes: Sequence[Outcome], shop: Shop, tale: Tale, how: str) -> None:
    for outcome in outcomes:
        assert (outcome.troubles, outcome.plan.troubles) == ((), ()), how
    assert shop.contents() == tale.contents, how
    assert shop.deeds() == tale.deeds, how


@pytest.mark.parametrize(("shop", "chapter"), HELD, indirect=["shop"])
def test_an_engine_that_is_held_while_another_does_all_the_work(
    chapter: Chapter, shop: Shop
) -> None:
    tale = tell(shop, chapter)
    names = [name for name in RACED if name in chapter.effects]
    assert names
    for name in names:
        shop.restore(tale.before)
        held = HeldBefore(name)
        check(run_two_engines(shop, held, held), shop, tale, f"held before {name}")


@pytest.mark.parametrize("chapter", SOME_SOAK[:2])
def test_two_engines_that_take_turns_by_chance(chapter: Chapter, shop: Shop) -> None:
    tale = tell(shop, chapter)
    for seed in range(SEEDS):
        shop.restore(tale.before)
        check(run_two_engines(shop, by_chance(seed)), shop, tale, f"seed {seed}")


def test_two_engines_that_really_run_at_once(shop: Shop) -> None:
    tale = tell(shop, FIRST)
    shop.restore(tale.before)
    clocks = [Clock(shop.clock.at + timedelta(seconds=each)) for each in range(2)]
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(shop.bot.run, clock, cache=f"cache-of-{each}")
            for each, clock in enumerate(clocks)
        ]
    check([each.result() for each in runs], shop, tale, "at once")


@pytest.mark.parametrize("chapter", SOME_SOAK)
def test_lists_that_lag_behind_double_nothing(chapter: Chapter, shop: Shop) -> None:
    tale = tell(shop, chapter)
    shop.restore(tale.before)
    with shop.lag():
        for _ in range(2):
            outcome = shop.bot.run(shop.clock, cache=shop.fresh_cache())
            code = exit_codes.of_troubles(outcome.plan, outcome.troubles, broken_rules=False)
            assert code in (exit_codes.DONE, exit_codes.LATER), outcome.troubles
            assert shop.deeds() <= tale.deeds
            # An update that is not seen is said once more, with the head that was pushed for it.
            assert max(Counter(outcome.effects).values(), default=0) <= 2
    quietly(shop)
    assert shop.contents() == tale.contents
    assert shop.deeds() == tale.deeds


@pytest.mark.parametrize("chapter", SOME_SOAK[:2])
def test_a_short_limit_is_waited_for(chapter: Chapter, shop: Shop) -> None:
    tale = tell(shop, chapter)
    shop.restore(tale.before)
    if shop.kind == "github":
        shop.limit(3, at="^(POST|PATCH) .*/pulls")
        limit_once = [1]

        def exhaust(step: Step) -> None:
            if step.name == "publish" and limit_once:
                limit_once.clear()
                shop.limit(5)

        outcome = shop.bot.run(shop.clock, exhaust, shop.fresh_cache())
        assert not limit_once
    else:
        shop.limit(3, at="merge_requests$")
        outcome = shop.bot.run(shop.clock, cache=shop.fresh_cache())
    check([outcome], shop, tale, "waited")


@pytest.mark.parametrize("name", ["push", "open", "merge", "publish"])
def test_a_long_limit_within_a_run_is_later(name: str, shop: Shop) -> None:
    tale = tell(shop, FIRST)
    shop.restore(tale.before)
    steps: list[Step] = []

    def exhaust(step: Step) -> None:
        steps.append(step)
        if step.name == name and len([e for e in steps if e.name == name]) == 1:
            shop.limit(600)

    before = shop.clock.at
    outcome = shop.bot.run(shop.clock, exhaust, shop.fresh_cache())
    assert shop.clock.at - before < timedelta(minutes=2), "it waits no longer than its budget"
    code = exit_codes.of_troubles(outcome.plan, outcome.troubles, broken_rules=False)
    # A status is commentary: a run does not fail for it.
    assert code == exit_codes.LATER if name != "publish" else outcome.warnings
    shop.lift_limits()
    shop.clock.sleep(600)
    quietly(shop)
    assert shop.contents() == tale.contents
    assert shop.deeds() == tale.deeds


def test_a_limit_is_one_clear_line_and_the_next_run_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connect.__kwdefaults__
    monkeypatch.setitem(connect.__kwdefaults__, "write_pause", 0)
    shop.write_rules({"services": ENVIRONMENTS["services"]}, "")
    shop.publish("1.1.0", "api")
    flags = shop.bot.flags()
    words = [
        "run",
        *("--rules", str(flags["rules"][0]), "--registry", flags["registries"][0]),
        *("--credentials", str(flags["credentials"]), "--cache", str(flags["cache"])),
    ]
    shop.limit(600, at="^POST .*/pulls$" if shop.kind == "github" else "merge_requests$")
    assert main(words) == exit_codes.LATER
    said = capsys.readouterr()
    lines = f"{said.out}{said.err}".splitlines()
    told = {each.strip() for each in lines if "asks for fewer" in each}  # the same of each target
    assert len(told) == 1, said
    shop.lift_limits()
    assert main(words) == exit_codes.DONE, capsys.readouterr()
    assert [branch for branch, _ in shop.requests()] == ["promoter/dev/api"]
