"""What happens in a shop on a forge, chapter by chapter: together they call for every kind of
effect that a bot has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promoter.decisions.person import HOLD
from tests.stories.effects import Step
from tests.stories.forge_shop import ENVIRONMENTS, Kind, Shop, file_of
from tests.stories.github_shop import open_github_shop
from tests.stories.gitlab_shop import open_gitlab_shop

OPENERS: dict[Kind, Callable[[Path], AbstractContextManager[Shop]]] = {
    "github": open_github_shop,
    "gitlab": open_gitlab_shop,
}
WEB = "promoter/dev/web"


@dataclass(frozen=True)
class Chapter:
    """What happens in the world, and every kind of effect of the run that answers it."""

    title: str
    happens: Callable[[Shop], object]
    effects: frozenset[str]


def _only_web(shop: Shop, environments: str = ENVIRONMENTS["web"]) -> None:
    shop.write_rules({"web": environments})
    shop.publish("1.1.0", "web")


def _people_and_news(shop: Shop) -> None:
    """Three requests are open. Of one there is a newer release, one is of what is gone, and to
    the branch of one somebody pushed."""
    shop.publish("1.1.0")
    quietly(shop)
    shop.publish("1.2.0", "api")
    shop.push("main", {file_of("cart", "dev"): None})
    shop.push("promoter/staging/web", {"apps/web/notes.txt": b"by hand\n"})


def _ready_for_the_queue(shop: Shop) -> None:
    shop.merge_by_queue()
    _only_web(shop, "  dev: {merge: automatic}")
    quietly(shop)
    shop.let_in(WEB)


def _held_in_the_queue(shop: Shop) -> None:
    _ready_for_the_queue(shop)
    quietly(shop)
    shop.label(WEB, HOLD)


_NOTED = ("commit", "push")
CHAPTERS = (
    Chapter("a first release", _only_web, frozenset({*_NOTED, "open", "merge", "publish"})),
    Chapter(
        "people and news",
        _people_and_news,
        frozenset({*_NOTED, "comment", "update", "close", "label", "publish"}),
    ),
    Chapter("into the queue", _ready_for_the_queue, frozenset({"merge", *_NOTED})),
    Chapter("out of the queue", _held_in_the_queue, frozenset({*_NOTED, "disarm", "publish"})),
)


def quietly(shop: Shop, cache: str | None = None) -> None:
    """A run in which nothing goes wrong, and which leaves nothing to do."""
    outcome = shop.bot.run(shop.clock, cache=cache or shop.fresh_cache())
    wrong = (*outcome.troubles, *outcome.plan.troubles, *outcome.warnings)
    assert not wrong, wrong


@dataclass(frozen=True)
class Tale:
    """The world before the run of a chapter, and what an undisturbed one makes of it, by these
    steps and so many writes."""

    before: object
    steps: tuple[Step, ...]
    writes: int
    contents: dict[str, Any]
    deeds: Counter[str]


def tell(shop: Shop, chapter: Chapter) -> Tale:
    chapter.happens(shop)
    before = shop.save()
    shop.restore(before)
    steps: list[Step] = []
    outcome = shop.bot.run(shop.clock, steps.append, shop.fresh_cache())
    wrong = (*outcome.troubles, *outcome.plan.troubles, *outcome.warnings)
    assert not wrong, wrong
    assert {step.name for step in steps} == chapter.effects
    writes, deeds, contents = shop.writes(), shop.deeds(), shop.contents()
    again = shop.bot.run(shop.clock, cache=shop.fresh_cache())
    assert (again.effects, shop.deeds()) == ((), deeds), "an empty disk decides the same"
    return Tale(before, tuple(steps), writes, contents, deeds)
