"""Two players of whom one runs at a time: who goes on is chosen at each handing over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

Choose = Callable[[int, Sequence[int]], int]
"""The next player, of the last one and those that still play."""


def by_chance(seed: int) -> Choose:
    """Players change often, or seldom: then one gets far ahead while the other stands still."""
    random = Random(seed)
    stays = random.choice((0.0, 0.5, 0.9))
    return lambda last, playing: last if random.random() < stays else random.choice(playing)


class HeldAt:
    """The first player stops at its `point`-th handing over until the other is done. `reached`
    tells whether there are so many."""

    def __init__(self, point: int) -> None:
        self._left = point
        self.reached = False

    def __call__(self, last: int, _: Sequence[int]) -> int:
        if last == 0:
            self._left -= 1
            self.reached = self._left == 0
        return int(last == 1 or self.reached)


class Baton:
    """Only the holder runs; at each handing over `choose` says who goes on."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._condition = threading.Condition()
        self._playing = [0, 1]
        self._holder = 0

    def play(self, player: int, turn: Callable[[], T]) -> T:
        """Run `turn` when the baton comes, and leave it to the other at the end."""
        self._wait(player)
        try:
            return turn()
        finally:
            with self._condition:
                self._playing.remove(player)
                self._give(next(iter(self._playing), player))

    def hand_over(self, player: int) -> None:
        with self._condition:
            if self._holder != player:
                raise AssertionError("two threads of one player want to hand over")
            if len(self._playing) > 1:
                self._give(self._choose(player, self._playing))
        self._wait(player)

    def _give(self, player: int) -> None:
        self._holder = player
        self._condition.notify_all()

    def _wait(self, player: int) -> None:
        with self._condition:
            if not self._condition.wait_for(lambda: self._holder == player, timeout=60):
                raise AssertionError(f"the baton never came to player {player}")
