"""Facts: answered questions about the world.

A decision is a pure function of rules, facts and the time. It asks by `Inquiry.need`; a
question that nobody answered yet interrupts the decision of that one target, is collected,
and the whole function runs again once all collected questions are answered in one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Self, TypeVar, cast

from promoter.model.baseline import Baseline
from promoter.model.hold import Hold, Holds
from promoter.model.image import ImageName
from promoter.model.ledger import Journey, Published, Queued, Sighting, Wish
from promoter.model.ports import Branch, Check, Footing, ImageDetails, MergeRequest, Readiness
from promoter.model.question import question_type
from promoter.model.release import Release
from promoter.model.rule import Pin, RepositoryAddress, Rule
from promoter.model.target import Discovery, Edit, FileChange, Reading, Target
from promoter.model.trouble import TroubleKind

T = TypeVar("T")


@dataclass(frozen=True)
class Question(Generic[T]):
    """Something to be known. Equal questions are one question; `T` is the answer's type."""


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    value: T
    seen_at: datetime
    source: str


@dataclass(frozen=True)
class Unknown:
    """No answer. It means wait, and never reads as "absent".

    `kind` tells who can mend it: a wrong password is `input`, a server that is down `transient`.
    """

    why: str
    kind: TroubleKind = "transient"
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Tip:
    """A branch and the commit it points at; `queued` are the commits that a merge queue tries
    before they get in."""

    branch: str
    commit: str
    queued: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """A release ran in a target from `since` on, put there by `commit`.

    `release` None: the sites were absent, mixed or unreadable then. `author` (`NAME <EMAIL>`) and
    `message` are the commit's: commentary, for history.
    """

    release: Release | None
    since: datetime
    commit: str
    author: str = field(default="", compare=False)
    message: str = field(default="", compare=False)


@question_type
class TipOf(Question[Tip]):
    """The branch that the rules name, or the remote's HEAD."""

    repository: RepositoryAddress


@question_type
class TargetsOf(Question[Discovery]):
    """The targets of the rule's environments that live in this repository and branch."""

    rule: Rule
    repository: RepositoryAddress
    commit: str


@question_type
class ReadingOf(Question[Reading]):
    """Which artifacts a target's manifests name, and at which versions."""

    repository: RepositoryAddress
    commit: str
    target: Target
    names: tuple[ImageName, ...]


@question_type
class PeriodsOf(Question[tuple[Period, ...]]):
    """What ran in a target, newest first, along the first-parent history of `commit`."""

    repository: RepositoryAddress
    commit: str
    target: Target
    names: tuple[ImageName, ...]


@question_type
class EditOf(Question[Edit]):
    """The bytes that bring a target at `commit` to `release`, written as `pins` says by name."""

    repository: RepositoryAddress
    commit: str
    target: Target
    release: Release
    pins: tuple[tuple[ImageName, Pin], ...]


@question_type
class HoldsOf(Question[Holds]):
    """What the hold files of a manifest repository say at one commit, those that are over too."""

    repository: RepositoryAddress
    commit: str


@question_type
class RestoreOf(Question[Edit | None]):
    """The bytes that a target had at the commit `at`, where it ran `release`; None where more than
    promotions changed its files since, so that they are not what is wanted back."""

    repository: RepositoryAddress
    commit: str
    target: Target
    running: Release
    release: Release
    at: str
    pins: tuple[tuple[ImageName, Pin], ...]


@question_type
class BanOf(Question[tuple[FileChange, ...]]):
    """How the hold files at `commit` change by one more hold."""

    repository: RepositoryAddress
    commit: str
    hold: Hold


@question_type
class BaselineOf(Question[Baseline]):
    """What was offered in an environment when the bot was adopted; empty where it never was."""

    repository: RepositoryAddress
    commit: str
    environment: str


@question_type
class TagsOf(Question[tuple[str, ...]]):
    name: ImageName


@question_type
class DigestOf(Question[str | None]):
    """The digest that a tag names now; None only where the registry said that there is none."""

    name: ImageName
    tag: str


@question_type
class StillOf(Question[str | None]):
    """The digest that a tag names, where it is known to have named `digest` and that runs already:
    the answer may be some minutes old, for nothing is done by it. It tells whether somebody pushed
    the tag again."""

    name: ImageName
    tag: str
    digest: str


@question_type
class DetailsOf(Question[ImageDetails | None]):
    """Creation time and labels; None only where the registry said that there is no such image."""

    name: ImageName
    digest: str


@question_type
class SightingsOf(Question[tuple[Sighting, ...]]):
    """What the ledger of a manifest repository holds of one image's tags, oldest first.

    Asked after the tip: the ledger is fetched with it.
    """

    repository: RepositoryAddress
    name: ImageName


@question_type
class WishesOf(Question[tuple[Wish, ...]]):
    """Every wish in the ledger of a manifest repository, one a target at most."""

    repository: RepositoryAddress


@question_type
class MergeRequestsOf(Question[tuple[MergeRequest, ...]]):
    """All merge requests on the base branch that come from a branch of the bot's.

    Asked before the tip, so that a request that is seen never promises what the tip does not
    show yet: else a merge or a new request of another process would be undone or done twice.
    """

    repository: RepositoryAddress


@question_type
class BranchOf(Question[Branch | None]):
    """A branch of the bot's as it stands, compared with the base at `base`."""

    repository: RepositoryAddress
    name: str
    base: str


@question_type
class ApprovalsOf(Question[tuple[str, ...]]):
    """Who approved a merge request at exactly this head, the author left out."""

    repository: RepositoryAddress
    number: int
    head: str


@question_type
class MergedOf(Question[tuple[tuple[str, bytes | None], ...] | None]):
    """What merging a branch's head into the base would change there: path -> content (None:
    deleted); None where the two conflict."""

    repository: RepositoryAddress
    base: str
    head: str


@question_type
class ChecksOf(Question[tuple[Check, ...]]):
    """What pipelines and others say of the head of a merge request."""

    repository: RepositoryAddress
    number: int
    head: str


@question_type
class CommitChecksOf(Question[tuple[Check, ...]]):
    """What pipelines and others say of a commit that is in a branch already."""

    repository: RepositoryAddress
    commit: str


@question_type
class ReadinessOf(Question[Readiness]):
    """Whether the forge would merge it now; asked where nothing else is in the way."""

    repository: RepositoryAddress
    number: int
    head: str


@question_type
class FootingOf(Question[Footing]):
    """What the bot may do in a repository, and what protects its base branch."""

    repository: RepositoryAddress
    base: str


@question_type
class PublishedOf(Question[tuple[Published, ...]]):
    """What the bot said last of the heads of merge requests, as the ledger keeps it."""

    repository: RepositoryAddress


@question_type
class QueuedOf(Question[tuple[Queued, ...]]):
    """What the bot put into the forge's queue last, as the ledger keeps it."""

    repository: RepositoryAddress


@question_type
class ListedOf(Question[datetime | None]):
    """When all ended merge requests into a base were listed, as the ledger keeps it."""

    repository: RepositoryAddress
    base: str


@question_type
class JourneysOf(Question[tuple[Journey, ...]]):
    """How releases came to a target, as the ledger keeps it, the oldest first."""

    repository: RepositoryAddress
    target: Target


class NotAsked(Exception):  # noqa: N818 - control flow inside decisions, never seen outside
    """The decision can't go on before these questions are answered."""

    def __init__(self, questions: tuple[Question[Any], ...]) -> None:
        super().__init__(questions)
        self.questions = questions


class NotKnown(Exception):  # noqa: N818 - control flow inside decisions, never seen outside
    """A question was asked and the world did not answer."""

    def __init__(self, question: Question[Any], unknown: Unknown) -> None:
        super().__init__(unknown.why)
        self.question = question
        self.unknown = unknown


def ask_together(steps: Iterable[Callable[[], T]]) -> list[T]:
    """The results of all steps; NotAsked with what any of them is missing, so one round does."""
    results: list[T] = []
    missing: dict[Question[Any], None] = {}
    for step in steps:
        try:
            results.append(step())
        except NotAsked as more:
            missing.update(dict.fromkeys(more.questions))
    if missing:
        raise NotAsked(tuple(missing))
    return results


@dataclass(frozen=True)
class Facts:
    """Every answer so far."""

    answers: Mapping[Question[Any], Known[Any] | Unknown]

    @classmethod
    def none(cls) -> Self:
        return cls({})

    @property
    def unanswered(self) -> dict[Question[Any], Unknown]:
        """What was asked and the world did not tell."""
        return {each: why for each, why in self.answers.items() if isinstance(why, Unknown)}

    def get(self, question: Question[T]) -> Known[T] | Unknown | None:
        """The answer; None where it was not asked yet."""
        return cast("Known[T] | Unknown | None", self.answers.get(question))

    def seen_at(self, questions: Iterable[Question[Any]]) -> datetime | None:
        """When the oldest of these answers was found; None where none is known."""
        answers = (self.answers.get(question) for question in questions)
        return min((each.seen_at for each in answers if isinstance(each, Known)), default=None)

    def plus(self, answers: Mapping[Question[Any], Known[Any] | Unknown]) -> Facts:
        return Facts({**self.answers, **answers})

    def prefetch(self, *questions: Question[Any]) -> None:
        """Raises NotAsked with every question that is missing; saves rounds, returns nothing."""
        missing = tuple(question for question in questions if question not in self.answers)
        if missing:
            raise NotAsked(missing)

    def need(self, question: Question[T]) -> T:
        """The answer's value; raises NotAsked or NotKnown."""
        answer = self.answers.get(question)
        if isinstance(answer, Known):
            return cast("T", answer.value)
        if answer is None:
            raise NotAsked((question,))
        raise NotKnown(question, answer)

    def need_all(self, questions: Iterable[Question[T]]) -> Sequence[T]:
        """All values, in order; raises NotAsked with every missing question, so one batch does."""
        wanted = tuple(questions)
        missing = tuple(question for question in wanted if question not in self.answers)
        if missing:
            raise NotAsked(missing)
        values: list[T] = []
        for question in wanted:
            answer = self.answers[question]
            if isinstance(answer, Unknown):
                raise NotKnown(question, answer)
            values.append(cast("T", answer.value))
        return values
