"""What goes wrong at the forge, its API and its git alike, for a while."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from tests.service.day.fate import Fate, is_read
from tests.services.github.faults import Fault, Faults

Mood = Literal["well", "down", "broken", "limited", "lossy", "slow"]
MOODS: tuple[Mood, ...] = ("down", "broken", "limited", "lossy", "slow")
_ALL = re.compile("")


@dataclass
class Sky:
    fate: Fate
    mood: Mood = "well"
    wait: int = 60
    """Seconds that a limit asks for."""

    def strike(self, request: str) -> Literal["fail", "limit", "drop"] | None:
        """What befalls a request, `METHOD /path`."""
        if self.mood == "well":
            return None
        chance = self.fate.of(request)
        if self.mood == "slow":
            self.fate.slow(chance * 15)
        if self.mood == "down" or (self.mood == "broken" and chance < 0.4):
            return "fail"
        if self.mood == "limited":
            return "limit"
        if self.mood == "lossy" and chance < 0.6 and not is_read(request):
            return "drop"
        return None


@dataclass
class HubFaults(Faults):
    """Those that a test of the fake GitHub orders, and the day's."""

    sky: Sky = field(kw_only=True)

    def take(self, request: str) -> Fault | None:
        struck = self.sky.strike(request)
        if struck == "drop":
            return Fault("drop", _ALL, 1)
        if struck == "limit" and "/git-" not in request and "/info/refs" not in request:
            return Fault("secondary", _ALL, 1, 403, self.sky.wait)
        if struck is not None:
            return Fault("fail", _ALL, 1, 503 if struck == "fail" else 429)
        return super().take(request)


class LabFault:
    """In the place of a `Fault` of the fake GitLab, and another one for each request."""

    gate = None

    def __init__(self, sky: Sky) -> None:
        self._sky = sky
        self.drop = False
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b"Retry later\n"

    def strikes(self, method: str, path: str) -> bool:
        struck = self._sky.strike(f"{method} {path}")
        self.drop = struck == "drop"
        self.status = {"fail": 503, "limit": 429}.get(struck or "")
        self.headers = {"Retry-After": str(self._sky.wait)} if struck == "limit" else {}
        return struck is not None

    def strikes_push(self, path: str) -> bool:
        return self.strikes("PUSH", path)
