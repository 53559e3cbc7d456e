"""A target that goes back: what somebody asks for, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.target import FileChange, Target


@dataclass(frozen=True)
class Rollback:
    """Somebody, on the command line, wants a target back at an earlier release.

    `to` names it as holds name releases (a label, a release's id, an image); empty: the last one
    that soaked there. `bad` is the id of the release that is to go, as it ran when it was asked for
    (empty: whatever runs): once it is gone, nothing goes back any further.
    """

    application: str
    environment: str
    by: str
    reason: str
    to: str = ""
    bad: str = ""

    def is_for(self, target: Target) -> bool:
        return (self.application, self.environment) == (target.application, target.environment)


@dataclass(frozen=True)
class Affected:
    """An environment downstream that runs the release that is taken back, or is about to."""

    environment: str
    since: datetime | None = None
    """Since when it runs there; None: it does not."""
    request: str = ""
    """The address of the open merge request that would bring it."""


@dataclass(frozen=True)
class GoingBack:
    """`bad` is taken back to `good`, which ran there for `ran` until `until`. `soaked`: it ran as
    long as the rule asks of a soak; `exact`: the files become again what they were, byte for byte,
    as nothing but promotions changed them since. `changes` bring it, `record` is what they say."""

    bad: Release
    good: Release
    by: str
    reason: str
    ran: timedelta
    until: datetime
    soaked: bool
    exact: bool
    ban: str
    """The file that keeps the bad release out from then on; empty: it is kept out already."""
    commit: str
    """The tip that this was decided on."""
    record: Record
    changes: tuple[FileChange, ...]
    affected: tuple[Affected, ...] = ()
