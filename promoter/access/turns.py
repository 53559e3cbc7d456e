"""Who comes first where not all can be served: those who were sent away before. Pure, no lock."""

from __future__ import annotations

from collections import OrderedDict

_PATIENCE = 3600.0
_MOST = 10_000


class Turns:
    """The questions that were sent away, in the order of that, until they are served.

    Everybody asks in the same order at each look: without turns the first ones would always get
    all there is, and the last ones never anything. Who did not ask for `patience` seconds has
    lost the turn. Times are in seconds of any clock that only goes forward.
    """

    def __init__(self, patience: float = _PATIENCE, most: int = _MOST) -> None:
        self._patience = patience
        self._most = most
        self._asked_at: OrderedDict[int, float] = OrderedDict()

    def before(self, question: int, now: float) -> int:
        """How many are to be served before this one."""
        while self._asked_at:
            first, asked_at = next(iter(self._asked_at.items()))
            if asked_at + self._patience >= now:
                break
            del self._asked_at[first]
        if question not in self._asked_at:
            return len(self._asked_at)
        return next(place for place, each in enumerate(self._asked_at) if each == question)

    def send_away(self, question: int, now: float) -> None:
        if question in self._asked_at or len(self._asked_at) < self._most:
            self._asked_at[question] = now

    def serve(self, question: int) -> None:
        self._asked_at.pop(question, None)
