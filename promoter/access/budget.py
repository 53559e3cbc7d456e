"""How often a server may be asked: as its owner allows, and as it says itself.

Pure but for a lock: the time is an argument, in seconds of any clock that only goes forward.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Self

from promoter.access.turns import Turns
from promoter.errors import InputError, TransientError

_RATE = re.compile(r"\s*([0-9]{1,9})\s*/\s*([0-9]{0,6})\s*(s|m|h|d)\s*")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_WAIT = 86_400.0  # that is believed
_LONGEST_REST = 900.0  # then somebody asks whether it still holds: one answer is not the last word
_SPACING = 0.05  # between those who waited for a server that had enough: they must not come at once
_FIRST_GUESS, _LONGEST_GUESS = 1.0, 60.0  # how long a server rests that does not say how long
_SINCE_EPOCH = 1e8  # a larger number of seconds is a date, a smaller one a duration
_MOST_DIGITS = 12


@dataclass(frozen=True)
class Rate:
    """At most `count` requests in `seconds`, where a rest of that length allows them at once."""

    count: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """`50/s`, `600/m`, `100/6h`; raises InputError."""
        match = _RATE.fullmatch(text)
        length = int(match[2] or 1) * _SECONDS[match[3]] if match else 0
        if match is None or not int(match[1]) or not length:
            raise InputError(
                f"'{text[:40]}' is not a rate: write how many requests in which time, as 50/s,"
                " 600/m or 100/6h"
            )
        return cls(int(match[1]), float(length))


@dataclass(frozen=True)
class Told:
    """What a response says of how often its server may be asked; all in seconds.

    `rest`: nobody is to ask before; `guess`: that too, for how long is left open. `pause`: who
    asked that is not to ask it again before (a 503 is the trouble of one repository). `pulls_left`:
    how many manifests may still be fetched (Docker Hub counts GETs, not HEADs), within a
    `window` that fills again; None where nothing was said.
    """

    rest: float | None = None
    guess: bool = False
    pause: float | None = None
    pulls_left: int | None = None
    window: float = 0.0

    @property
    def wait(self) -> float | None:
        """For how long who asked that is to wait, as the server has it."""
        waits = (self.rest, self.pause, self.window if self.pulls_left == 0 else None)
        return next((wait for wait in waits if wait is not None), None)

    @property
    def again(self) -> float | None:
        """In how many seconds to ask again: sooner, where one answer would stop a server for a
        day. That pulls are back, HEADs tell meanwhile."""
        if self.wait is None or self.pulls_left == 0:
            return self.wait
        return min(self.wait, _LONGEST_REST)


_NOTHING = Told()


def told(status: int, headers: Mapping[str, str]) -> Told:
    """Reads `Retry-After` (RFC 9110, section 10.2.3), `RateLimit-Remaining: 0;w=21600` (Docker
    Hub, "Pull usage and limits") and `RateLimit-Reset` (draft-ietf-httpapi-ratelimit-headers,
    also with `X-`, and as a date). A date counts from the server's own `Date`."""
    remaining = headers.get("RateLimit-Remaining") or headers.get("X-RateLimit-Remaining")
    busy = status == 429 or status >= 500
    if not busy and not remaining:
        return _NOTHING
    rest = retry_after(headers) if status == 429 else None
    pause = retry_after(headers) if status >= 500 else None
    left, window = _parse_remaining(remaining or "")
    if left is not None and window:
        # Its 429 says no more than this: a HEAD is still welcome.
        spent = status == 429 and left == 0
        return Told(
            rest=None if spent else rest,
            guess=status == 429 and not spent and rest is None,
            pause=pause,
            pulls_left=left,
            window=min(rest, window) if spent and rest is not None else window,
        )
    if rest is None and left == 0:
        rest = _reset(headers)
    return Told(rest=rest, guess=status == 429 and rest is None, pause=pause)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from either form of Retry-After (RFC 9110, section 10.2.3).

    A date counts from the server's own Date, so no clock of ours is involved.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return _seconds(text, headers)
    until = _date(text)
    return None if until is None else _wait_until(until, headers)


def _seconds(text: str, headers: Mapping[str, str]) -> float | None:
    """A number of seconds, from now on or since 1970."""
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        return None
    seconds = float(text)
    if seconds > _SINCE_EPOCH:
        return _wait_until(seconds, headers)
    return min(seconds, _LONGEST_WAIT)


def _wait_until(until: float, headers: Mapping[str, str]) -> float | None:
    since = _date(headers.get("Date", ""))
    return None if since is None else min(max(until - since, 0.0), _LONGEST_WAIT)


def _date(text: str) -> float | None:
    """Seconds since 1970 of a date as HTTP writes it; None for anything else."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):  # what is none, and years that are none
        return None


def _parse_remaining(text: str) -> tuple[int | None, float]:
    """The number and its window (0: not told) of `76;w=21600`."""
    number, _, rest = text.partition(";")
    number, name, width = number.strip(), *rest.strip().partition("=")[::2]
    if not (number.isascii() and number.isdigit()):
        return None, 0.0
    known = name.strip() == "w" and width.isascii() and width.isdigit()
    return int(number[:9]), min(float(width[:9]), _LONGEST_WAIT) if known else 0.0


def _reset(headers: Mapping[str, str]) -> float | None:
    text = headers.get("RateLimit-Reset") or headers.get("X-RateLimit-Reset") or ""
    return _seconds(text.strip(), headers)


def remaining(headers: Mapping[str, str]) -> int | None:
    """How many requests the server still allows; None where it does not tell."""
    text = headers.get("RateLimit-Remaining") or headers.get("X-RateLimit-Remaining")
    return _parse_remaining(text)[0] if text else None


@dataclass(frozen=True)
class Slot:
    """A leave to ask in `wait` seconds, as things stood in this `round` of the budget."""

    wait: float
    round: int


class Budget:
    """Who may ask one server when; thread-safe. `name` is the server's, for messages.

    A leave holds until the server says that it has enough: then a new round begins, and those
    who still wait for their slot must ask for another (`holds`). After such a rest the slots
    lie a little apart, so that the first answer tells the others whether to go on.
    """

    def __init__(self, name: str, rate: Rate | None = None) -> None:
        self._name = name
        self._rate = rate
        self._lock = threading.Lock()
        self._tokens = float(rate.count) if rate else 0.0
        self._filled_at: float | None = None
        self._turns = Turns()
        self._round = 0
        self._resting = False
        self._next_slot = 0.0
        self._rest_until = 0.0
        self._guess = 0.0
        self._pulls_until = 0.0

    def reserve(
        self,
        now: float,
        most: float,
        *,
        at_least: float = 0.0,
        pull: bool = False,
        question: int = 0,
    ) -> Slot:
        """A leave to ask within `most` seconds and not before `at_least`; `pull`: this request
        counts as the pull of an image; `question`: the same for each try and look, so that who
        was refused before comes first. Raises TransientError where it can't be had."""
        if pull and now < self._pulls_until:
            raise self._refusal("its pull limit is used up", self._pulls_until - now)
        if not self._resting and self._rate is None:
            if at_least > most:
                raise self._refusal("there is no time left to ask", at_least)
            return Slot(at_least, self._round)
        with self._lock:
            start = now + at_least
            if self._resting:
                start = max(start, self._next_slot)
            if start - now > most:
                raise self._refusal("it asked to wait", start - now)
            if self._rate is not None:
                start = max(start, now + self._take_token(self._rate, question, now, most))
            if self._resting:
                self._next_slot = start + _SPACING
            return Slot(start - now, self._round)

    def holds(self, slot: Slot) -> bool:
        """Whether the leave still stands after its wait."""
        return slot.round == self._round

    def matters(self, now: float) -> bool:
        """Whether anything would be lost with it."""
        return self._rate is not None or self._resting or now < self._pulls_until

    @property
    def left(self) -> int | None:
        """How many more the rate allowed at once when it was asked last; None: there is no rate."""
        return max(int(self._tokens), 0) if self._rate else None

    def learn(self, slot: Slot, said: Told, now: float) -> None:
        """Take in what the server answered to the request of this slot."""
        if said is _NOTHING and not self._resting and not self._guess:
            return
        with self._lock:
            if said.pulls_left is not None:
                self._pulls_until = now + said.window if said.pulls_left == 0 else 0.0
            # What was asked before the server's last word on it proves nothing new.
            news = slot.round == self._round
            rest = None if said.rest is None else min(said.rest, _LONGEST_REST)
            if rest is None and said.guess and news:
                rest = self._guess = min(max(self._guess * 2, _FIRST_GUESS), _LONGEST_GUESS)
            if rest is not None:
                if rest and (news or now + rest > self._rest_until + 1.0):
                    self._round += 1
                    self._resting = True
                    self._rest_until = max(self._rest_until, now + rest)
                    self._next_slot = self._rest_until
            elif news and not said.guess:
                self._resting = False
                self._guess = 0.0

    def _take_token(self, rate: Rate, question: int, now: float, most: float) -> float:
        """In how many seconds there is one. The tokens are below zero where later ones are
        promised already."""
        since = 0.0 if self._filled_at is None else max(now - self._filled_at, 0.0)
        self._filled_at = now
        filled = self._tokens + since * rate.count / rate.seconds
        self._tokens = min(filled, float(rate.count))
        missing = 1 - self._tokens
        turn = (missing + self._turns.before(question, now)) * rate.seconds / rate.count
        if turn > most:
            self._turns.send_away(question, now)
            raise self._refusal("its rate limit is used up", turn)
        self._turns.serve(question)
        self._tokens -= 1
        return max(missing, 0.0) * rate.seconds / rate.count

    def _refusal(self, why: str, wait: float) -> TransientError:
        return TransientError(
            f"{self._name} is not asked now: {why} (another {wait:.0f} s)",
            retry_after=timedelta(seconds=wait),
        )
