"""What a gate says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from promoter.model.ledger import Sighting
from promoter.model.trouble import TroubleKind

Door = Literal["open", "merge"]
Judgement = Literal["pass", "wait", "block"]
HOLD = "hold"
"""The built-in gate of holds: it stands at every door, and no rule asks for it."""


@dataclass(frozen=True)
class Verdict:
    """A gate's answer for one release in one target.

    `gate` is the rule's entry in normal spelling (`soak: 1d`). `guards` is the door it stands at:
    opening the merge request or merging it. `wait` ends by itself or by `opened_by`; `block` ends
    only by a person. `evidence` is what the gate saw, as values by name.
    """

    gate: str
    guards: Door
    judgement: Judgement
    why: str
    evidence: tuple[tuple[str, str], ...] = ()
    opens_at: datetime | None = None
    """When it opens by itself, or when the source that did not answer asked to be asked again."""
    opened_by: str | None = None
    trouble: TroubleKind | None = None
    """Who can mend what kept the gate from being evaluated; None: it was evaluated."""
    remedy: str = ""
    """The command or link by which it is opened; empty where there is none."""
    seen_at: datetime | None = field(default=None, compare=False)
    """When the oldest of what it saw was looked up; None where it looked at nothing but the time
    and the rule."""
    skipped: bool = False
    """Somebody's word stands for it: it passes without having been judged."""
    notes: tuple[Sighting, ...] = ()
    """First sights that it went by and that the ledger is to keep."""

    @property
    def passes(self) -> bool:
        return self.judgement == "pass"

    @property
    def told(self) -> str:
        """Why, with the gate; a hold names its file instead, which is where to look."""
        if self.gate != HOLD:
            return f"{self.why} ({self.gate})"
        file = dict(self.evidence).get("file")
        return f"{self.why} ({file})" if file else self.why
