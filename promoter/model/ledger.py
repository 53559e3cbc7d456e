"""What neither Git's history nor the forge can tell later, kept in `refs/promoter/ledger`.

Losing it loses comfort, not correctness: a tag that moved before it was seen again is not
noticed, and a release that somebody asked for must be asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from promoter.model.image import ImageName
from promoter.model.ports import CheckState, MergeRequest
from promoter.model.release import Release
from promoter.model.target import Target


@dataclass(frozen=True)
class Sighting:
    """The digest that a tag named when it was first taken, or when its age began to count; `at` in
    UTC."""

    name: ImageName
    tag: str
    digest: str
    at: datetime


@dataclass(frozen=True)
class Wish:
    """A release that somebody asked for: a person or a CI job, on the command line.

    It is a candidate of its target until a later release supersedes it or a person rejects it.
    Its artifacts may be fewer than the target's: the others go their own way. `at` in UTC.
    `skips` are the environments that it need not have passed and the gates that it is not asked,
    for a `reason`.
    """

    application: str
    environment: str
    release: Release
    at: datetime
    by: str
    skips: tuple[str, ...] = ()
    reason: str = ""

    def is_for(self, target: Target) -> bool:
        return (self.application, self.environment) == (target.application, target.environment)


@dataclass(frozen=True)
class WishEnd:
    """What was asked for came to its end: it is not a candidate any more."""

    application: str
    environment: str
    release: Release


@dataclass(frozen=True)
class RequestEnd:
    """A merge request of the bot's that was merged or closed: how, and by whom. A forge lists them
    page by page, the more the older the repository."""

    request: MergeRequest


@dataclass(frozen=True)
class Published:
    """The status that the bot published last on the head of a merge request, so that it is not
    published at each look. `branch` is the request's, empty for all those that are not the bot's.
    """

    branch: str
    head: str
    state: CheckState
    text: str


@dataclass(frozen=True)
class Queued:
    """The merge request of a branch was put into the forge's queue with this head and base; empty:
    it was taken out again by the bot. Where it is not in there and did not land either, the queue
    or a person took it out, and it is not put back as it is."""

    branch: str
    head: str
    base: str


@dataclass(frozen=True)
class Listed:
    """All ended merge requests into `base` were listed at `at` (UTC): what ended before is in the
    ledger where it is the bot's, and need not be listed again."""

    base: str
    at: datetime


@dataclass(frozen=True)
class Journey:
    """A release on its way to a target: when it was first offered there, and when each gate (in
    the rule's spelling, `soak: 1d`) was first seen to pass for it. Times in UTC."""

    application: str
    environment: str
    release: Release
    offered_at: datetime
    passed: tuple[tuple[str, datetime], ...] = ()

    def plus(self, later: Journey) -> Journey:
        """With what another look saw of it: the first time of each wins."""
        known = dict(self.passed)
        fresh = tuple(each for each in later.passed if each[0] not in known)
        return replace(self, passed=(*self.passed, *fresh)) if fresh else self


Note = Sighting | Wish | WishEnd | RequestEnd | Published | Queued | Listed | Journey
"""What is written to the ledger."""
