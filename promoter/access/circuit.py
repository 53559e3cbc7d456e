"""A server that is dead is left alone for a while: a thousand questions must not each wait for it.

Pure but for a lock: the time is an argument, in seconds of any clock that only goes forward.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from promoter.errors import TransientError

_MOST = 5
_REST = 30.0
_MOST_SILENT = 10_000


class Circuit:
    """Counts the questions in a row that met silence; thread-safe. A question is known by a number
    of the caller's, the same for each of its tries and for the next look.

    Only a server that answers nobody is dead. So a question that stays silent counts once, until
    it is answered itself, and one that was asked before the last answer does not count: slow
    repositories never close the door on those beside them.

    After `most` every request fails at once for `rest` seconds, with the reason of the last
    failure. Then as many go ahead as probes, first those who have not met silence yet; the
    others go on failing until one came back with an answer, or another `rest` passed.
    """

    def __init__(self, most: int = _MOST, rest: float = _REST) -> None:
        self._most = most
        self._rest = rest
        self._lock = threading.Lock()
        self._failures = 0
        self._why = ""
        self._silent: set[int] = set()  # until they are answered themselves
        self._answers = 0
        self._until = 0.0
        self._tried: set[int] = set()  # who has had a try since the door was closed
        self._probes = 0
        self._others_wait = False

    def check(self, question: int, now: float) -> int:
        """The number of answers so far, to give to `failed`; raises TransientError while the
        server is left alone."""
        if self._failures < self._most:
            return self._answers
        with self._lock:
            if self._failures and now >= self._until:
                self._begin_round(now)
            if self._failures < self._most:
                return self._answers
            fresh = question not in self._tried
            if fresh and self._probes:
                self._probes -= 1
                self._tried.add(question)
                return self._answers
            self._others_wait |= fresh
            left = self._until - now
        raise TransientError(
            f"{self._why}; so it was {self._failures} times in a row, and it is not asked again"
            f" for {left:.0f} s",
            retry_after=timedelta(seconds=left),
        )

    def failed(self, question: int, answers: int, why: str, now: float) -> None:
        """A try met silence; `answers` as of its `check`, `why` is for people, already redacted."""
        with self._lock:
            known = question in self._silent
            self._tried.add(question)
            if len(self._silent) >= _MOST_SILENT:
                self._silent.clear()
            self._silent.add(question)
            if answers == self._answers and not known:
                self._failures += 1
                self._why = why
                if self._failures == self._most:
                    self._until = now + self._rest
                    self._tried = set(self._silent)
                    self._probes = 0
                    self._others_wait = False

    def answered(self, question: int) -> None:
        """Somebody is there, whatever was said."""
        with self._lock:
            self._failures = 0
            self._answers += 1
            self._silent.discard(question)
            self._tried.clear()

    def matters(self) -> bool:
        """Whether anything would be lost with it."""
        return self._failures >= self._most

    def _begin_round(self, now: float) -> None:
        """Everybody may probe once before anybody does so twice."""
        self._until = now + self._rest
        self._probes = self._most
        if not self._others_wait:
            self._tried.clear()
        self._others_wait = False
