"""What the sources of short-lived credentials look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from promoter.access.http import HttpClient


def _absent() -> NoReturn:
    raise AssertionError("credentials that were given by hand ask nobody")


@dataclass(frozen=True)
class Surroundings:
    """`http` is the process's client; `metadata` one that goes through no proxy, for addresses
    of this very machine. `now` is the wall clock in UTC. Both clients are made when they are
    first needed."""

    environment: Mapping[str, str] = field(repr=False)
    http: Callable[[], HttpClient] = _absent
    metadata: Callable[[], HttpClient] = _absent
    now: Callable[[], datetime] = _absent
