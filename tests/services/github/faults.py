"""What goes wrong on demand at the fake GitHub, and how much of its limit a login has left."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

from tests.services.github.state import Pull, World

_WINDOW_S = 3600
Kind = Literal["drop", "fail", "graphql", "secondary", "slow"]


@dataclass
class Fault:
    kind: Kind
    matches: re.Pattern[str]
    times: int
    status: int = 500
    seconds: float = 0
    skip: int = 0
    said: str = "Server Error"
    type: str = ""


@dataclass
class Faults:
    """Each fault waits for requests whose `METHOD /path` (below the API's root) holds its
    regular expression, lets `skip` of them pass, and strikes as often as it says."""

    _world: World
    _waiting: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    stale: dict[str, dict[int, Pull]] = field(default_factory=dict)
    struck: list[str] = field(default_factory=list)

    def drop_answer(self, matching: str, times: int = 1, skip: int = 0) -> None:
        """Do the work and hang up."""
        self._add(Fault("drop", re.compile(matching), times, skip=skip))

    def fail(self, matching: str, status: int = 500, times: int = 1, skip: int = 0) -> None:
        """Answer with an error, the work not done."""
        self._add(Fault("fail", re.compile(matching), times, status, skip=skip))

    def fail_graphql(self, message: str, type: str = "", times: int = 1) -> None:  # noqa: A002
        """Answer 200 with `errors`, as GraphQL does, the work not done."""
        pattern = re.compile("POST /api/graphql")
        self._add(Fault("graphql", pattern, times, said=message, type=type))

    def limit_secondary(self, matching: str, retry_after_s: int = 1, times: int = 1) -> None:
        """403 with `Retry-After`, the work not done."""
        self._add(Fault("secondary", re.compile(matching), times, 403, retry_after_s))

    def slow(self, matching: str, seconds: float, times: int = 1) -> None:
        """Answer, and do the work, only after so long."""
        self._add(Fault("slow", re.compile(matching), times, seconds=seconds))

    def forget(self) -> None:
        """Nothing goes wrong from now on, and nothing has."""
        with self._lock:
            self._waiting.clear()
            self.struck.clear()

    def freeze_lists(self) -> None:
        """From now on lists tell what is there now, whatever happens."""
        with self._world.lock:
            self.stale = {
                name: deepcopy(each.pulls) for name, each in self._world.repositories.items()
            }

    def thaw_lists(self) -> None:
        self.stale = {}

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def take(self, request: str) -> Fault | None:
        """The fault that strikes a request, if any does; it is counted down."""
        with self._lock:
            for each in self._waiting:
                if each.matches.search(request):
                    if each.skip:
                        each.skip -= 1
                        continue
                    each.times -= 1
                    if each.times == 0:
                        self._waiting.remove(each)
                    self.struck.append(f"{each.kind} {request}")
                    return each
        return None


@dataclass
class Limits:
    """The primary rate limit: so many requests an hour for each login. An answer 304 is free."""

    _world: World
    limit: int = 5000
    used: dict[str, int] = field(default_factory=dict)
    reset_in_s: float = _WINDOW_S

    def exhaust(self, login: str, reset_in_s: float) -> None:
        """Nothing is left until then."""
        self.used[login], self.reset_in_s = self.limit, reset_in_s
        self._reset_at = self._now() + reset_in_s

    def __post_init__(self) -> None:
        self._reset_at = self._now() + self.reset_in_s

    def _now(self) -> float:
        return self._world.clock().timestamp()

    def is_over(self, login: str) -> bool:
        if self._now() >= self._reset_at:
            self.used.clear()
            self._reset_at = self._now() + _WINDOW_S
        return self.used.get(login, 0) >= self.limit

    def count(self, login: str) -> None:
        self.used[login] = self.used.get(login, 0) + 1

    def uncount(self, login: str) -> None:
        self.used[login] = max(self.used.get(login, 0) - 1, 0)

    def told(self, login: str) -> Mapping[str, int]:
        used = self.used.get(login, 0)
        return {
            "limit": self.limit,
            "remaining": max(self.limit - used, 0),
            "reset": int(self._reset_at),
            "used": used,
        }

    def headers(self, login: str) -> dict[str, str]:
        told = {f"X-RateLimit-{k.title()}": str(v) for k, v in self.told(login).items()}
        return {**told, "X-RateLimit-Resource": "core"}
