"""Answers questions about the world, in parallel batches. A failure is an answer too."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from promoter import telemetry
from promoter.access.redaction import redact
from promoter.decisions.branches import PREFIX
from promoter.decisions.memory import Memory
from promoter.engine.adapters import Adapters
from promoter.engine.hold_files import HoldFiles, write_hold
from promoter.engine.kept import Kept, Passing
from promoter.engine.ledger import (
    read_ended,
    read_journeys,
    read_listed,
    read_published,
    read_queued,
    read_sightings,
    read_wishes,
)
from promoter.engine.library import Library
from promoter.engine.periods import read_periods
from promoter.engine.restore import restore
from promoter.engine.standing import Standing
from promoter.errors import InputError, PromoterError, TransientError
from promoter.manifests import edit_target
from promoter.model.baseline import Baseline, baseline_file
from promoter.model.facts import (
    ApprovalsOf,
    BanOf,
    BaselineOf,
    BranchOf,
    ChecksOf,
    CommitChecksOf,
    DetailsOf,
    DigestOf,
    EditOf,
    FootingOf,
    HoldsOf,
    JourneysOf,
    Known,
    ListedOf,
    MergedOf,
    MergeRequestsOf,
    PeriodsOf,
    PublishedOf,
    Question,
    QueuedOf,
    ReadinessOf,
    ReadingOf,
    RestoreOf,
    SightingsOf,
    StillOf,
    TagsOf,
    TargetsOf,
    Tip,
    TipOf,
    Unknown,
    WishesOf,
)
from promoter.model.image import ImageName
from promoter.model.ports import Forge, MergeRequest
from promoter.model.record import Record
from promoter.model.target import Edit, FileChange, Reading
from promoter.registries.details import read_details
from promoter.rules.baseline import read_baseline
from promoter.rules.layout import discover

_log = logging.getLogger(__name__)
_WORKERS = 16
_TO_REGISTRY = 64  # connections to one, as many as the HTTP pool keeps: they mostly wait
_HEADS = "refs/heads/"
_LISTED_LATE = timedelta(days=1)  # a forge's list may show later that a request ended
_MOST_MERGERS = 100  # who merged those of years ago, nobody needs to be told by
Answers = dict[Question[Any], Known[Any] | Unknown]


class Observer:
    """Answers questions; keeps what is addressed by content (manifests by blob) between calls, and
    with it, in `memory`, what was decided of the answers."""

    def __init__(self, adapters: Adapters) -> None:
        self.memory = Memory()
        self._kept = Kept()
        self._standing = Standing()
        self._library = Library()
        self._hold_files = HoldFiles()
        self._single: dict[type[Question[Any]], Callable[[Any], object]] = {
            TipOf: self._tip,
            TargetsOf: self._targets,
            TagsOf: lambda q: tuple(self._registry(q.name.registry).tags(q.name.path)),
            DigestOf: lambda q: self._registry(q.name.registry).digest(q.name.path, q.tag),
            StillOf: lambda q: self._registry(q.name.registry).digest(q.name.path, q.tag),
            DetailsOf: lambda q: read_details(
                self._registry(q.name.registry), q.name.path, q.digest
            ),
            MergeRequestsOf: self._requests,
            BanOf: self._ban,
            BaselineOf: self._baseline,
            RestoreOf: lambda q: restore(self._repository(q.repository), self._library, q),
            HoldsOf: lambda q: self._hold_files.read(self._repository(q.repository), q.commit),
            WishesOf: lambda q: read_wishes(self._repository(q.repository)),
            MergedOf: lambda q: self._repository(q.repository).merged(q.base, q.head),
            PublishedOf: lambda q: read_published(self._repository(q.repository)),
            QueuedOf: lambda q: read_queued(self._repository(q.repository)),
            ListedOf: lambda q: read_listed(self._repository(q.repository), q.base),
            ApprovalsOf: lambda q: tuple(self._forge(q.repository).approvals(q.number, q.head)),
            ChecksOf: lambda q: tuple(self._forge(q.repository).checks(q.number, q.head)),
            CommitChecksOf: lambda q: tuple(self._forge(q.repository).commit_checks(q.commit)),
            ReadinessOf: lambda q: self._forge(q.repository).readiness(q.number, q.head),
            FootingOf: lambda q: self._forge(q.repository).footing(q.base),
        }
        self._registry = adapters.registry
        self._forge = adapters.forge
        self._repository = adapters.repository

    def doubt(self, name: ImageName) -> None:
        """Somebody says that an image was pushed: the next look asks what its tags name."""
        self._standing.forget(name)

    def answer(self, questions: Collection[Question[Any]], now: datetime) -> Answers:
        """One answer for each question; never raises for what the world does."""
        with telemetry.span("observe", questions=len(questions)) as span:
            if span.recording:
                span.set(**Counter(type(each).__name__ for each in questions))
            return self._answer(questions, now)

    def _answer(self, questions: Iterable[Question[Any]], now: datetime) -> Answers:
        # What is read for many targets of one commit at once.
        batched: dict[type[Question[Any]], Callable[[Any], Mapping[Any, object]]] = {
            SightingsOf: self._sightings,
            JourneysOf: self._journeys,
            ReadingOf: self._readings,
            PeriodsOf: lambda batch: self._periods(batch, now),
            EditOf: self._edits,
            BranchOf: self._branches,
        }
        answers: Answers = {}
        batches: dict[object, list[Question[Any]]] = defaultdict(list)
        jobs: list[Callable[[], Answers]] = []
        far: dict[str, list[Callable[[], Answers]]] = defaultdict(list)
        for place, question in enumerate(questions):
            kept = self._kept.find(question, now) or self._standing.find(question, now)
            if kept is not None:
                answers[question] = kept
            elif isinstance(question, ReadingOf | PeriodsOf | EditOf):
                key = (type(question), question.repository, question.commit)
                batches[key].append(question)
            elif isinstance(question, BranchOf):
                # Most are not there; those that are cost a process each, so they go side by side.
                batches[BranchOf, question.repository, place % _WORKERS].append(question)
            elif isinstance(question, SightingsOf | JourneysOf):
                batches[type(question), question.repository].append(question)
            else:
                job = self._job((question,), self._answer_single, now)
                if isinstance(question, TagsOf | DigestOf | StillOf | DetailsOf):
                    far[question.name.registry].append(job)
                else:
                    jobs.append(job)
        jobs.extend(self._job(batch, batched[type(batch[0])], now) for batch in batches.values())
        rooms = [(_WORKERS, jobs), *((_TO_REGISTRY, each) for each in far.values())]
        if sum(len(each) for _, each in rooms) == 1:
            answers.update(next(job for _, each in rooms for job in each)())
            return answers
        with ExitStack() as open_rooms:
            # One room a registry: one that is slow keeps nobody else waiting for a worker.
            running = [
                pool.submit(telemetry.carried(job))
                for workers, each in rooms
                for pool in [open_rooms.enter_context(ThreadPoolExecutor(workers))]
                for job in each
            ]
            for future in running:
                answers.update(future.result())
        return answers

    def _job(
        self,
        batch: Sequence[Question[Any]],
        ask: Callable[[Any], Mapping[Any, object]],
        now: datetime,
    ) -> Callable[[], Answers]:
        """Asks for a batch; where that fails as a whole, one by one, so that each question gets
        its own answer."""

        def run() -> Answers:
            try:
                values = ask(batch)
            except Exception as error:  # noqa: BLE001 - one bad answer never stops the others
                if len(batch) == 1:
                    _log.debug("no answer to %s", batch[0], exc_info=True)
                    return {batch[0]: _unknown(error, now)}
                answers: Answers = {}
                for question in batch:
                    answers.update(self._job((question,), ask, now)())
                return answers
            return {
                question: self._known(question, value, now) for question, value in values.items()
            }

        return run

    def _known(self, question: Question[Any], value: object, now: datetime) -> Known[Any]:
        answer = value if isinstance(value, Passing) else Passing(value, None)
        self._kept.keep(question, answer, now)
        known = Known(answer.value, now, type(question).__name__)
        if isinstance(question, StillOf):
            self._standing.note(question, known)
        return known

    def _answer_single(self, batch: Sequence[Question[Any]]) -> Mapping[Question[Any], object]:
        (question,) = batch
        return {question: self._single[type(question)](question)}

    def _tip(self, question: TipOf) -> Tip:
        repository = self._repository(question.repository)
        refs = repository.refresh()
        branch = question.repository.branch or repository.default_branch()
        commit = refs.get(f"{_HEADS}{branch}")
        if commit is None:
            names = sorted(ref.removeprefix(_HEADS) for ref in refs if ref.startswith(_HEADS))
            present = ", ".join(name for name in names if not name.startswith(PREFIX))
            raise InputError(
                f"{question.repository.url} has no branch '{branch}'"
                + (f"; it has {present}" if present else "; it is empty: push a first commit")
            )
        # docs.github.com, "Managing a merge queue": each group of requests gets a branch there.
        tried = f"{_HEADS}gh-readonly-queue/{branch}/"
        queued = sorted(at for ref, at in refs.items() if ref.startswith(tried))
        return Tip(branch, commit, tuple(queued))

    def _requests(self, question: MergeRequestsOf) -> tuple[MergeRequest, ...]:
        address = question.repository
        repository = self._repository(address)
        base = address.branch or repository.default_branch()
        remembered = {each.number: each for each in read_ended(repository, base)}
        ends = [each.ended_at for each in remembered.values()]
        known_at = (at for at in (*ends, read_listed(repository, base)) if at)
        latest = max(known_at, default=None)
        since = latest - _LISTED_LATE if latest else None
        forge = self._forge(address)
        found = {each.number: each for each in forge.find(base, PREFIX, since)}
        known: dict[int, MergeRequest] = {}
        for number, each in found.items():
            before = remembered.get(number)
            # A request may be reopened, and end again in another way.
            is_known = before is not None and _end_of(before) == _end_of(each)
            merger = each.merged_by or (before.merged_by if before and is_known else None)
            known[number] = replace(each, kept=each.kept or is_known, merged_by=merger)
        known.update(_with_mergers(forge, known))
        return tuple(each for _, each in sorted({**remembered, **known}.items(), reverse=True))

    def _targets(self, question: TargetsOf) -> object:
        repository = self._repository(question.repository)
        files = repository.tree(question.commit).list()
        return discover(question.rule, question.repository, [each.path for each in files])

    def _baseline(self, question: BaselineOf) -> Baseline:
        path = baseline_file(question.environment)
        tree = self._repository(question.repository).tree(question.commit)
        content = tree.read([path]).get(path)
        return read_baseline(path, content) if content is not None else {}

    def _ban(self, question: BanOf) -> tuple[FileChange, ...]:
        tree = self._repository(question.repository).tree(question.commit)
        _, change = write_hold(tree, question.hold)
        return (change,)

    def _readings(self, batch: Sequence[ReadingOf]) -> Mapping[ReadingOf, object]:
        repository, commit = self._repository(batch[0].repository), batch[0].commit
        sought = {(each.target.path, each.names) for each in batch}
        files = self._library.files(repository, commit, {path for path, _ in sought}, sought)
        wanted = [(files[each.target.path], each.names) for each in batch]
        read = self._library.readings(repository, wanted)
        readings: dict[ReadingOf, Reading] = {}
        for each in batch:
            target = files[each.target.path]
            reading = read(target, each.names)
            if not reading.sites and not reading.problems:
                near = self._library.near(repository, target, each.names)
                reading = replace(reading, near=near)
            readings[each] = reading
        return readings

    def _periods(self, batch: Sequence[PeriodsOf], now: datetime) -> Mapping[PeriodsOf, object]:
        repository = self._repository(batch[0].repository)
        read = read_periods(repository, self._library, batch[0].commit, batch, now)
        return {each: Passing(periods, read.until) for each, periods in read.periods.items()}

    def _branches(self, batch: Sequence[BranchOf]) -> Mapping[BranchOf, object]:
        repository = self._repository(batch[0].repository)
        return {each: repository.branch(each.name, each.base) for each in batch}

    def _sightings(self, batch: Sequence[SightingsOf]) -> Mapping[SightingsOf, object]:
        repository = self._repository(batch[0].repository)
        found = read_sightings(repository, [each.name for each in batch])
        return {each: found[each.name] for each in batch}

    def _journeys(self, batch: Sequence[JourneysOf]) -> Mapping[JourneysOf, object]:
        repository = self._repository(batch[0].repository)
        found = read_journeys(repository, [each.target for each in batch])
        return {each: found[each.target] for each in batch}

    def _edits(self, batch: Sequence[EditOf]) -> Mapping[EditOf, Edit]:
        repository, commit = self._repository(batch[0].repository), batch[0].commit
        files = self._library.files(repository, commit, {each.target.path for each in batch})
        wanted = {
            each: (files[each.target.path], tuple(name for name, _ in each.pins)) for each in batch
        }
        read = self._library.readings(repository, wanted.values())
        sites = {each: read(*wanted[each]).sites for each in batch}
        paths = {each: sorted({site.where.file for site in sites[each]}) for each in batch}
        blobs = repository.blobs(
            {wanted[each][0].files[path] for each in batch for path in paths[each]}
        )
        edits: dict[EditOf, Edit] = {}
        for each in batch:
            contents = {path: blobs[wanted[each][0].files[path]] for path in paths[each]}
            edits[each] = edit_target(contents, sites[each], each.release, dict(each.pins))
        return edits


def _with_mergers(forge: Forge, requests: Mapping[int, MergeRequest]) -> Mapping[int, MergeRequest]:
    """Those of the bot's that were merged lately, with who merged them: asked for before the
    ledger keeps how they ended. Comfort: a forge that does not tell stops nothing."""
    untold = [
        number
        for number, each in sorted(requests.items(), reverse=True)
        if each.state == "merged" and not each.merged_by and not each.kept
        if Record.parse(each.body)
    ][:_MOST_MERGERS]
    if not untold:
        return {}
    try:
        mergers = forge.mergers(untold)
    except PromoterError as error:
        _log.info("nobody tells who merged %d merge requests: %s", len(untold), error)
        return {}
    return {number: replace(requests[number], merged_by=who) for number, who in mergers.items()}


def _end_of(request: MergeRequest) -> tuple[object, ...]:
    # The ledger knows no fractions of a second.
    at = request.ended_at.replace(microsecond=0) if request.ended_at else None
    return request.state, request.closed_by, request.closed_by_bot, at


def _unknown(error: Exception, now: datetime) -> Unknown:
    if not isinstance(error, PromoterError):
        return Unknown(f"a bug in promoter: {type(error).__name__}; run with --debug", "bug")
    why = redact(str(error))  # the last door before plans, texts and merge requests
    if isinstance(error, InputError):
        return Unknown(why, "input")
    if isinstance(error, TransientError) and error.retry_after:
        return Unknown(why, retry_at=now + error.retry_after)
    return Unknown(why)
