"""What the tag in use names is asked for now and then; what may lead to something, at each look."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from promoter.engine.adapters import Adapters
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.errors import TransientError
from promoter.model.facts import DigestOf, Facts, Known, StillOf, TagsOf
from promoter.model.image import ImageName
from promoter.model.plan import Plan, Propose, State
from tests.decisions.rules import artifact, digest, environment, rule
from tests.decisions.world import NOW, World, ago

WEB = ImageName.parse("ghcr.io/shop/web")
LONGEST = timedelta(minutes=15)
SHORTEST = LONGEST / 2


class Shelf:
    """A registry that counts what it is asked."""

    def __init__(self, **tags: dict[str, str]) -> None:
        self.images = tags
        self.asked: Counter[str] = Counter()
        self.is_down = False

    def tags(self, repository: str) -> list[str]:
        self.asked["tags"] += 1
        return list(self.images[repository.rpartition("/")[2]])

    def digest(self, repository: str, tag: str) -> str | None:
        self.asked["digest"] += 1
        if self.is_down:
            raise TransientError("503")
        return self.images[repository.rpartition("/")[2]].get(tag)

    def spent(self) -> dict[str, int]:
        spent, self.asked = self.asked, Counter()
        return dict(spent)


def observer_of(shelf: Shelf) -> Observer:
    def nowhere(where: object) -> Any:
        raise AssertionError(f"{where} is asked for what only a registry knows")

    registry: Any = shelf
    return Observer(Adapters(nowhere, nowhere, lambda _: registry))


def ask(observer: Observer, question: Any, now: datetime) -> Any:
    return observer.answer((question,), now)[question]


def test_it_is_believed_for_a_while_and_then_asked_again() -> None:
    shelf = Shelf(web={"1.0.0": digest("old")})
    observer, still = observer_of(shelf), StillOf(WEB, "1.0.0", digest("old"))
    assert ask(observer, still, NOW) == Known(digest("old"), NOW, "StillOf")
    shelf.images["web"]["1.0.0"] = digest("pushed again")
    assert ask(observer, still, NOW + SHORTEST - timedelta(seconds=1)).value == digest("old")
    assert shelf.spent() == {"digest": 1}
    told = ask(observer, still, NOW + LONGEST)
    assert (told.value, told.seen_at) == (digest("pushed again"), NOW + LONGEST)


def test_what_was_pushed_again_is_asked_for_at_each_look() -> None:
    shelf = Shelf(web={"1.0.0": digest("pushed again")})
    observer, still = observer_of(shelf), StillOf(WEB, "1.0.0", digest("old"))
    for _ in range(3):
        assert ask(observer, still, NOW).value == digest("pushed again")
    assert shelf.spent() == {"digest": 3}


def test_who_hears_of_a_push_asks_at_once() -> None:
    shelf = Shelf(web={"1.0.0": digest("old")})
    observer, still = observer_of(shelf), StillOf(WEB, "1.0.0", digest("old"))
    ask(observer, still, NOW)
    observer.doubt(ImageName.parse("ghcr.io/shop/api"))
    ask(observer, still, NOW)
    assert shelf.spent() == {"digest": 1}
    observer.doubt(WEB)
    ask(observer, still, NOW)
    assert shelf.spent() == {"digest": 1}


def test_a_clock_that_is_set_back_a_fresh_process_and_a_failure_have_nothing_to_believe() -> None:
    shelf = Shelf(web={"1.0.0": digest("old")})
    observer, still = observer_of(shelf), StillOf(WEB, "1.0.0", digest("old"))
    ask(observer, still, NOW)
    ask(observer, still, NOW - timedelta(seconds=1))
    ask(observer_of(shelf), still, NOW)
    assert shelf.spent() == {"digest": 3}
    shelf.is_down = True
    failed = [ask(observer, StillOf(WEB, "1.0.1", digest("old")), NOW) for _ in range(2)]
    assert not any(isinstance(each, Known) for each in failed)
    assert shelf.spent() == {"digest": 2}


def test_all_images_of_one_look_are_not_asked_for_again_at_one_look() -> None:
    names = [f"app-{number}" for number in range(60)]
    shelf = Shelf(**{each: {"1.0.0": digest("old")} for each in names})
    observer = observer_of(shelf)
    stills = [
        StillOf(ImageName.parse(f"ghcr.io/shop/{each}"), "1.0.0", digest("old")) for each in names
    ]
    looks = []
    for minute in range(60):
        observer.answer(stills, NOW + timedelta(minutes=minute))
        looks.append(shelf.spent().get("digest", 0))
    assert looks[0] == len(names)
    assert max(looks[1:]) < len(names) / 2
    assert sum(looks[1:]) < len(names) * 60 / 7


# -- with decisions -------------------------------------------------------------------------------


class Half(Observer):
    """The registry is asked as always, everything else is told by a world."""

    def __init__(self, world: World, shelf: Shelf) -> None:
        registry: Any = shelf
        nothing: Any = None
        super().__init__(Adapters(nothing, nothing, lambda _: registry))
        self._world = world

    def answer(self, questions: Any, now: datetime) -> Any:
        asked = list(questions)
        far = [each for each in asked if isinstance(each, TagsOf | DigestOf | StillOf)]
        near = [each for each in asked if each not in far]
        return {**self._world.answer(near, now), **super().answer(far, now)}


def shop() -> tuple[World, Shelf]:
    """web runs its newest release, made of two images; the ledger has seen both."""
    world = World((rule(environment("dev"), artifacts=(artifact(), artifact(short="proxy"))),))
    world.registry("web", "1.0.0", "1.1.0")
    world.registry("proxy", "1.0.0", "1.1.0")
    world.lands("web", "dev", "1.1.0", "proxy:1.1.0", at=ago(days=2))
    world.carry_out(world.plan())
    return world, Shelf(**world.tags)


def look(world: World, observer: Observer, now: datetime) -> Plan:
    return make_plan(Scope(world.rules), observer, Facts.none(), now, memory=observer.memory)[0]


def test_a_quiet_look_is_one_request_an_image() -> None:
    world, shelf = shop()
    observer = Half(world, shelf)
    (decision,) = look(world, observer, NOW).decisions
    assert decision.state is State.CURRENT
    assert shelf.spent() == {"tags": 2, "digest": 2}
    look(world, observer, NOW + timedelta(minutes=1))
    assert shelf.spent() == {"tags": 2}


def test_where_something_is_to_be_done_all_of_it_is_of_now() -> None:
    """The proxy was pushed again a minute ago: nobody is given it together with the new web."""
    world, shelf = shop()
    observer = Half(world, shelf)
    look(world, observer, NOW)
    shelf.images["web"]["1.2.0"] = digest("web:1.2.0")
    shelf.images["proxy"]["1.1.0"] = digest("pushed again")
    now = NOW + timedelta(minutes=1)
    (decision,) = look(world, observer, now).decisions
    assert not isinstance(decision.action, Propose)
    assert decision == look(world, Half(world, shelf), now).decisions[0]


def test_a_new_version_goes_out_at_the_next_look() -> None:
    world, shelf = shop()
    observer = Half(world, shelf)
    look(world, observer, NOW)
    shelf.images["web"]["1.2.0"] = digest("web:1.2.0")
    now = NOW + timedelta(minutes=1)
    (decision,) = look(world, observer, now).decisions
    assert isinstance(decision.action, Propose)
    assert decision == look(world, Half(world, shelf), now).decisions[0]
