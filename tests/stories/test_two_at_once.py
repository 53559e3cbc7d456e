"""Two bots at once: one merge request a target, one commit each, and no error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import count
from pathlib import Path

import pytest

from promoter.access.mirror import Mirror
from promoter.access.objects import Person
from promoter.app import App
from promoter.engine.adapters import Adapters
from promoter.engine.reconcile import Scope, reconcile
from promoter.forges.local import LocalForge
from promoter.model.outcome import Outcome
from promoter.model.ports import RefMove
from promoter.repositories.git import GitRepository
from tests.services.git_server import git, git_server
from tests.stories.apart import run_commands
from tests.stories.baton import Baton, Choose, HeldAt, by_chance
from tests.stories.driver import Tale, tell
from tests.stories.effects import numbered
from tests.stories.two_shops import CHAPTERS, NOW, REPOSITORY, Chapter, TwoShops

SEEDS = 6
ANN = Person("Ann", "ann@example.com")
ROUNDS = 5
MANUAL = {"web": "  dev: {}\n"}
AUTOMATIC = {"web": "  dev: {merge: automatic}\n"}


def run_two_processes(shops: TwoShops, caches: Sequence[str]) -> None:
    """Both start when both are ready; both end well and say nothing on the error stream."""
    ended = run_commands(*(("run", *shops.arguments(cache)) for cache in caches))
    assert [(each.code, each.err) for each in ended] == [(0, ""), (0, "")]


def commits_on(shops: TwoShops, range_: str) -> int:
    return int(git(shops.repository, "rev-list", "--count", range_))


def merge_by_hand(shops: TwoShops) -> None:
    """A person merges the open merge request."""
    forge = shops.app(NOW, "person").local_forge(shops.url)
    (request,) = (each for each in forge.list() if each.document.state == "open")
    assert request.head is not None
    forge.merge(request.number, request.head, person=ANN)


CACHES = [
    pytest.param(("cache", "cache-too"), id="two"),
    pytest.param(("cache", "cache"), id="one", marks=pytest.mark.soak),
]


@pytest.mark.parametrize("caches", CACHES)
def test_two_processes_open_one_merge_request_with_one_commit(
    caches: Sequence[str], tmp_path: Path
) -> None:
    shops = TwoShops.make(tmp_path / "shops").write_rules(MANUAL)
    for number in range(1, ROUNDS + 1):
        shops.publish(f"1.{number}.0", "web")
        run_two_processes(shops, caches)
        assert shops.requests() == {**dict.fromkeys(range(1, number), "merged"), number: "open"}
        assert commits_on(shops, "main..promoter/dev/web") == 1
        if number < ROUNDS:
            merge_by_hand(shops)
    shops.publish("2.0.0", "web")  # a newer one while the last is open
    run_two_processes(shops, caches)
    assert len(shops.requests()) == ROUNDS
    assert commits_on(shops, "main..promoter/dev/web") == 1


@pytest.mark.soak
@pytest.mark.parametrize("caches", CACHES)
def test_two_processes_merge_once(caches: Sequence[str], tmp_path: Path) -> None:
    shops = TwoShops.make(tmp_path / "shops").write_rules(AUTOMATIC)
    for number in range(1, ROUNDS + 1):
        shops.publish(f"1.{number}.0", "web")
        run_two_processes(shops, caches)
        assert shops.requests() == dict.fromkeys(range(1, number + 1), "merged")
        assert commits_on(shops, "main") == 1 + 2 * number  # a merge and what it merges, each
        assert "promoter/" not in git(shops.repository, "branch", "--list")


def test_two_processes_over_http(tmp_path: Path) -> None:
    with git_server(tmp_path) as server:
        url = server.url(f"shops/{REPOSITORY}")
        shops = TwoShops.make(tmp_path / "shops", url).write_rules(AUTOMATIC)
        for number in (1, 2):
            shops.publish(f"1.{number}.0", "web")
            run_two_processes(shops, ("cache", "cache-too"))
            assert shops.requests() == dict.fromkeys(range(1, number + 1), "merged")
            assert commits_on(shops, "main") == 1 + 2 * number


class HandingMirror(Mirror):
    """Hands over before every look at the remote and every push: also within an effect, between
    what it sees and what it writes."""

    hand_over: Callable[[], None]

    def refresh(self) -> dict[str, str]:
        self.hand_over()
        return super().refresh()

    def push(self, moves: Sequence[RefMove]) -> None:
        self.hand_over()
        super().push(moves)


def at_effects(app: App, hand_over: Callable[[], None]) -> Adapters:
    """Hands over on both sides of every effect of the engine."""
    return numbered(app.adapters, lambda _: hand_over())


def at_the_remote(app: App, hand_over: Callable[[], None]) -> Adapters:
    """Hands over whenever an adapter turns to the remote."""

    @cache
    def mirror(url: str) -> HandingMirror:
        made = HandingMirror(url, app.settings.cache)
        made.hand_over = hand_over
        return made

    name, email = app.settings.bot_name, app.settings.bot_email
    return Adapters(
        cache(lambda at: GitRepository(mirror(at.url), name=name, email=email, now=app.clock)),
        cache(lambda at: LocalForge(mirror(at.url), bot=Person(name, email), now=app.clock)),
        app.adapters.registry,
    )


HandsOver = Callable[[App, Callable[[], None]], Adapters]


def run_two_engines(
    shops: TwoShops, now: datetime, hands_over: HandsOver, choose: Choose, apart: int = 1
) -> list[Outcome]:
    """Both run to their ends, one at a time; their clocks are `apart` seconds apart, so that
    their commits differ or, with 0, are the same."""
    baton = Baton(choose)

    def run(player: int) -> Outcome:
        app = shops.app(now + timedelta(seconds=player * apart), f"cache-{player}")
        adapters = hands_over(app, partial(baton.hand_over, player))
        rules, _ = app.rules()
        return baton.play(player, lambda: reconcile(Scope(rules), adapters, app.clock))

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(2)))


def check(outcomes: Sequence[Outcome], shops: TwoShops, tale: Tale, how: str) -> None:
    for outcome in outcomes:
        assert (outcome.troubles, outcome.plan.troubles) == ((), ()), how
    assert shops.requests() == tale.requests, how
    assert shops.contents() == tale.contents, how


SHORT = CHAPTERS[3:]
HELD = [
    pytest.param(each, id=each.title, marks=[] if each in SHORT else [pytest.mark.soak])
    for each in CHAPTERS
]


@pytest.mark.parametrize("chapter", HELD)
def test_an_engine_held_anywhere_while_another_does_all_the_work(
    chapter: Chapter, tmp_path: Path
) -> None:
    tale = tell(chapter, tmp_path)
    for point in count(1):
        shops, held = tale.before.copy(tmp_path / f"held-{point}"), HeldAt(point)
        outcomes = run_two_engines(shops, chapter.now, at_the_remote, held)
        check(outcomes, shops, tale, f"held at {point}")
        if not held.reached:
            break
    assert point > 3 * len(chapter.effects) / 2


@pytest.mark.soak
@pytest.mark.parametrize("chapter", CHAPTERS[:3], ids=lambda chapter: chapter.title)
def test_two_engines_that_take_turns_by_chance(chapter: Chapter, tmp_path: Path) -> None:
    tale = tell(chapter, tmp_path)
    for seed in range(SEEDS):
        hands_over = at_effects if seed % 2 else at_the_remote
        shops = tale.before.copy(tmp_path / f"seed-{seed}")
        chance = by_chance(seed)
        outcomes = run_two_engines(shops, chapter.now, hands_over, chance, apart=seed // 2 % 2)
        check(outcomes, shops, tale, f"seed {seed}")
