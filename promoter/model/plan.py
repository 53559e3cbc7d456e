"""The plan: what a reconcile would do, and why, target by target."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from promoter.errors import Where
from promoter.model.facts import Question
from promoter.model.hold import NO_HOLDS, Holds
from promoter.model.image import ImageName
from promoter.model.ledger import Listed, Note, RequestEnd
from promoter.model.ports import Check, Footing, MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rollback import GoingBack
from promoter.model.rule import CommitTexts, RepositoryAddress, RequestTexts
from promoter.model.target import FileChange, Target
from promoter.model.trouble import TroubleKind
from promoter.model.verdict import Verdict


class State(StrEnum):
    """Where a target stands; one answer each, explained by `Decision.why`."""

    CURRENT = "current"
    """It runs the newest release that it may run."""
    PROPOSED = "proposed"
    """A merge request is open (or opens now), and a person merges it."""
    PROMOTING = "promoting"
    """A merge request is open (or opens now), and the bot merges it."""
    WAITING = "waiting"
    """A gate says wait."""
    BLOCKED = "blocked"
    """A gate or the manifests say no, until a person changes something."""
    HELD_BACK = "held-back"
    """What is offered is not later than what runs."""
    REJECTED = "rejected"
    """A person's word: the release was closed, reverted or taken over here."""
    UNKNOWN = "unknown"
    """The world did not answer; nothing is done before it does."""
    NOT_FOLLOWED = "not-followed"
    """No site of the target names an artifact of the rule."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something that was not chosen (a tag, a release), and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What a policy chose from a registry for one artifact, and why not the others."""

    name: ImageName
    policy: str
    chosen: str | None
    passed_over: tuple[PassedOver, ...]


@dataclass(frozen=True)
class SourceChange:
    """The commits of an image's source, by its labels: from `before` (None: not known) to `after`
    in the repository at `source`, an http or https address without an ending."""

    name: ImageName
    source: str
    before: str | None
    after: str


@dataclass(frozen=True)
class Stay:
    """A release ran in an environment from `since` to `until`; None: it still does at `seen`."""

    environment: str
    since: datetime
    until: datetime | None
    seen: datetime


@dataclass(frozen=True)
class Propose:
    """Make the branch and its merge request what they should be.

    `head` is the branch's head to reuse where its content is right already; else a commit is
    made and moves the branch from `expected` (None: create). `number`: the open one to update.
    """

    record: Record
    branch: str
    base: str
    base_commit: str
    changes: tuple[FileChange, ...]
    approvals: int
    expected: str | None = None
    head: str | None = None
    number: int | None = None
    draft: bool = False
    replaces: Release | None = None
    """What the open request brought so far, where that is another release."""
    rebuilds: bool = False
    """The same release again: the base moved under it."""
    request: RequestTexts = field(default_factory=RequestTexts)
    commit: CommitTexts = field(default_factory=CommitTexts)
    others: tuple[Record, ...] = ()
    """What it brings beside `record`: to the other targets of its group."""
    news: tuple[str, ...] = ()
    """What the request of a group brings that it did not bring so far, a sentence each."""

    @property
    def records(self) -> tuple[Record, ...]:
        return (self.record, *self.others)


@dataclass(frozen=True)
class Close:
    number: int
    branch: str
    reason: str


@dataclass(frozen=True)
class Merge:
    """Merge exactly `head`; `record` is what it brings."""

    number: int
    branch: str
    head: str
    record: Record
    base_commit: str
    request: RequestTexts = field(default_factory=RequestTexts)
    others: tuple[Record, ...] = ()

    @property
    def records(self) -> tuple[Record, ...]:
        return (self.record, *self.others)


@dataclass(frozen=True)
class Disarm:
    """Take it out of the forge's queue, or off its train: it may not be merged now."""

    number: int
    branch: str
    reason: str


@dataclass(frozen=True)
class LeaveAlone:
    """Say once, on the request, that its branch is a person's now."""

    number: int
    branch: str
    head: str


@dataclass(frozen=True)
class Publish:
    """Say on the head of a merge request where it stands; `branch` is empty for one that is not
    the bot's."""

    number: int
    branch: str
    head: str
    check: Check


@dataclass(frozen=True)
class Requested:
    """What became of a release that somebody asked for: `state` as that of a target, HELD_BACK
    where `superseded_by`, which runs or is on its way, is later."""

    release: Release
    by: str
    state: State
    why: str
    superseded_by: Release | None = None


Hand = Literal["branch", "hold"]
"""A person pushed to the branch of an open request, or holds the request by its label."""

Action = Propose | Close | Merge | Disarm | LeaveAlone


@dataclass(frozen=True)
class Decision:
    """The one answer for one target.

    `running` since `since`; `offered` is the release that is promoted, waits or is held back,
    from `origin` (an environment, or `registry`).
    """

    rule: str
    repository: RepositoryAddress
    target: Target
    state: State
    why: str
    running: Release | None = None
    since: datetime | None = None
    offered: Release | None = None
    origin: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    selections: tuple[Selection, ...] = ()
    merge_request: MergeRequest | None = None
    action: Action | None = None
    trouble: TroubleKind | None = None
    where: Where | None = None
    requested: tuple[Requested, ...] = ()
    sources: tuple[SourceChange, ...] = ()
    stays: tuple[Stay, ...] = ()
    notes: tuple[Note, ...] = ()
    head: str | None = None
    """Where the branch of its open merge request stands."""
    hand: Hand | None = None
    """What a person has a hand on."""
    holds: Holds = NO_HOLDS
    """What holds the target now, by the files of the repository."""
    newest: Release | None = None
    """The newest release that is offered here, whatever keeps it."""
    rollback: GoingBack | None = None
    """Where somebody wants it back: from what to what."""
    lands_in: tuple[str, ...] = ()
    """The files that its open merge request changes, where the bot is to merge it."""
    members: tuple[Decision, ...] = ()
    """Where this is about the one merge request of a group: the targets that it is to bring. Its
    own `target` then is none of the repository; it only has their common name."""


@dataclass(frozen=True)
class Trouble:
    """Something that stopped a whole rule; `kind` says who can mend it."""

    rule: str
    why: str
    kind: TroubleKind
    where: Where | None = None

    def __str__(self) -> str:
        return f"{self.where or self.rule}: {self.why}"


@dataclass(frozen=True)
class Orphan:
    """An open merge request of the bot's whose target is gone, and its closing."""

    repository: RepositoryAddress
    rule: str
    action: Close


Standing = Literal["enforced", "advisory", "contradictory"]


@dataclass(frozen=True)
class Stance:
    """Whether the forge backs what a rule wants of an environment. `enforced`: nobody gets past
    the gates; `advisory`: whoever may merge can; `contradictory`: rule and forge can't both be
    satisfied. `why` is a sentence that ends with what to do, where there is something to do."""

    rule: str
    environment: str
    standing: Standing
    why: str


@dataclass(frozen=True)
class Advice:
    """How the bot stands in one repository: `problems` keep it from working, `warnings` don't."""

    repository: RepositoryAddress
    base: str
    footing: Footing
    stances: tuple[Stance, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """`asks` is not empty while facts are missing; then nothing else is final."""

    decisions: tuple[Decision, ...]
    orphans: tuple[Orphan, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    ended: tuple[tuple[RepositoryAddress, RequestEnd], ...] = ()
    asks: frozenset[Question[Any]] = frozenset()
    statuses: tuple[tuple[RepositoryAddress, Publish], ...] = ()
    advice: tuple[Advice, ...] = ()
    listed: tuple[tuple[RepositoryAddress, Listed], ...] = ()
    groups: tuple[Decision, ...] = ()
    """One for each merge request of a group: its action is that of all its members."""

    @property
    def acting(self) -> tuple[Decision, ...]:
        """All that may have an action."""
        return (*self.decisions, *self.groups)

    @property
    def actions(self) -> tuple[tuple[RepositoryAddress, Action], ...]:
        """Every action with its repository, in the order of the plan."""
        decided = tuple((each.repository, each.action) for each in self.acting if each.action)
        return decided + tuple((each.repository, each.action) for each in self.orphans)

    @property
    def notes(self) -> dict[RepositoryAddress, tuple[Note, ...]]:
        """What is to be kept in the ledger of each repository, each once."""
        found: dict[RepositoryAddress, dict[Note, None]] = {}
        kept: tuple[tuple[RepositoryAddress, Note], ...] = (*self.ended, *self.listed)
        for repository, note in kept:
            found.setdefault(repository, {})[note] = None
        members = (member for each in self.groups for member in each.members)
        for decision in (*self.acting, *members):
            judged = (note for verdict in decision.verdicts for note in verdict.notes)
            for note in (*decision.notes, *judged):
                found.setdefault(decision.repository, {})[note] = None
        return {repository: tuple(notes) for repository, notes in found.items()}
