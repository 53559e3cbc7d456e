"""A world as plain data: what registries list, what ran where, which requests are open.

It answers questions as `engine.observe` does, and `plan` runs the loop of `engine.reconcile`;
`carry_out` does to the data what `engine.apply` does to the real world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

from promoter.decisions.branches import PREFIX, branch_name
from promoter.decisions.person import LEFT_ALONE
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.errors import Where
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
    Facts,
    FootingOf,
    HoldsOf,
    JourneysOf,
    Known,
    ListedOf,
    MergedOf,
    MergeRequestsOf,
    Period,
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
from promoter.model.hold import FOLDER, Holds
from promoter.model.ledger import (
    Journey,
    Listed,
    Note,
    Published,
    Queued,
    RequestEnd,
    Sighting,
    Wish,
    WishEnd,
)
from promoter.model.plan import Action, Close, Decision, Disarm, LeaveAlone, Merge, Plan, Propose
from promoter.model.ports import (
    Branch,
    Check,
    Footing,
    ImageDetails,
    MergeRequest,
    Protection,
    Readiness,
    Rights,
)
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rollback import Rollback
from promoter.model.rule import EnvironmentRule, RepositoryAddress, Rule
from promoter.model.target import Discovery, Edit, FileChange, Problem, Reading, Site, Target
from promoter.rules.hold_edits import append_hold
from promoter.rules.holds import read_holds
from promoter.texts.change import commit_message, request_body, request_title
from tests.decisions.rules import environment, image, name, rule

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
Key = tuple[str, str]


def ago(**duration: float) -> datetime:
    return NOW - timedelta(**duration)


def on_its_way(*stages: EnvironmentRule, version: str = "1.1.0", since: datetime) -> World:
    """`version` has come to dev; staging, one of the stages behind it, runs 1.0.0."""
    world = World((rule(environment("dev"), *stages),))
    world.registry("web", "1.0.0", version)
    for each in ("dev", "staging"):
        world.ran("web", each, "1.0.0")
    world.lands("web", "dev", version, at=since)
    return world


@dataclass
class World:
    rules: tuple[Rule, ...] = field(default_factory=lambda: (rule(),))
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the image's short name: tag -> digest."""
    hidden: dict[str, set[str]] = field(default_factory=dict)
    """By the image's short name: tags that exist and are not listed."""
    absent: set[str] = field(default_factory=set)
    """Whole names under which a registry has nothing."""
    labels: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """By digest."""
    created: dict[str, datetime] = field(default_factory=dict)
    """By digest."""
    platforms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By digest."""
    sightings: list[Sighting] = field(default_factory=list)
    """What the ledger holds, oldest first; of all images."""
    journeys: dict[Key, tuple[Journey, ...]] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    asked_for: tuple[Wish, ...] = ()
    """On the command line, now."""
    only: frozenset[Key] | None = None
    limited: bool = True
    history: dict[Key, list[Period]] = field(default_factory=dict)
    """By application and environment, oldest first."""
    requests: list[MergeRequest] = field(default_factory=list)
    approvers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By head."""
    checks: dict[str, tuple[Check, ...]] = field(default_factory=dict)
    """By head, or by a commit of the base."""
    readiness: dict[int, Readiness] = field(default_factory=dict)
    """By number, where it is not ready."""
    footing: Footing = field(
        default_factory=lambda: Footing(Rights("bot"), Protection(False, 0, ()), statuses=False)
    )
    published: dict[tuple[str, str], Published] = field(default_factory=dict)
    """By branch and head."""
    queued: list[Queued] = field(default_factory=list)
    merges: dict[str, tuple[tuple[str, bytes | None], ...]] = field(default_factory=dict)
    """By head, what merging it would change; the others conflict."""
    told: list[Action] = field(default_factory=list)
    """What was said to people, or taken from the queue."""
    branches: dict[str, Branch] = field(default_factory=dict)
    tag_only: set[Key] = field(default_factory=set)
    mixed: dict[Key, str] = field(default_factory=dict)
    refused: dict[Key, Problem] = field(default_factory=dict)
    same: set[Key] = field(default_factory=set)
    """Targets whose bytes stay the same whatever release they are brought to."""
    baseline: dict[str, dict[str, Release]] = field(default_factory=dict)
    """By environment and application."""
    reworked: set[Key] = field(default_factory=set)
    """Targets whose files people changed since, so that they can't become what they were."""
    rollbacks: tuple[Rollback, ...] = ()
    paths: dict[Key, str] = field(default_factory=dict)
    """Where they are not the usual ones."""
    layout_problems: tuple[Problem, ...] = ()
    hold_files: dict[str, str] = field(default_factory=dict)
    """By the path below the folder of holds: `production/web.yaml`."""
    troubles: list[tuple[Callable[[Question[Any]], bool], Unknown]] = field(default_factory=list)
    asked: list[Question[Any]] = field(default_factory=list)
    tip: str = "0" * 40
    _serial: Any = field(default_factory=lambda: count(1))

    # -- what is told -------------------------------------------------------------------

    def registry(self, short: str, *versions: str) -> None:
        """The registry lists exactly these, in this order: `1.0.0`, or `latest@x` (see `image`)."""
        images = [image(f"{short}:{version}") for version in versions]
        self.tags[short] = {each.tag or "": each.digest or "" for each in images}

    def built(self, short: str, version: str, at: datetime) -> None:
        made = image(f"{short}:{version}")
        self.tags.setdefault(short, {})[made.tag or ""] = made.digest or ""
        self.created[made.digest or ""] = at

    def lands(self, application: str, environment: str, *versions: str, at: datetime) -> str:
        """A commit on the base brings these images; gives its id. `1.0.0` is the application's
        own image, `worker:1.0.0` another."""
        texts = [each if ":" in each else f"{application}:{each}" for each in versions]
        return self.lands_release(application, environment, Release.of(map(image, texts)), at)

    def lands_release(self, application: str, environment: str, what: Release, at: datetime) -> str:
        """The same for images whose names are not the usual ones."""
        return self._land((application, environment), what, at)

    def ran(self, application: str, environment: str, *versions: str) -> None:
        """One version after another, two days each, the last one still running."""
        for index, version in enumerate(versions):
            self.lands(application, environment, version, at=ago(days=2 * (len(versions) - index)))

    def fails(
        self, kind: type[Question[Any]], why: str = "503", when: Callable[[Any], bool] | None = None
    ) -> None:
        """From now on the world does not answer such questions."""
        self.troubles.append(
            (lambda q: isinstance(q, kind) and (when is None or when(q)), Unknown(why))
        )

    def moves_base(self) -> None:
        """Somebody commits something that no target holds."""
        self.tip = self._commit()

    def request(self, application: str, environment: str) -> MergeRequest:
        """The newest merge request of a target."""
        branch = branch_name(self._target(application, environment))
        return next(each for each in reversed(self.requests) if each.branch == branch)

    def change_request(self, request: MergeRequest, **changes: Any) -> None:
        self.requests = [
            replace(each, **changes) if each.number == request.number else each
            for each in self.requests
        ]

    def close(self, request: MergeRequest, by: str, bot: bool = False) -> None:
        """Closed, and the branch deleted with it, as forges offer."""
        self.change_request(request, state="closed", closed_by=by, closed_by_bot=bot)
        self.branches.pop(request.branch, None)

    def push(self, branch: str) -> None:
        """A person pushes another commit to a branch."""
        pushed = replace(self.branches[branch], head=self._commit(), message="mine", own=False)
        self.branches[branch] = pushed
        for each in self.requests:
            if each.branch == branch and each.state == "open":
                self.change_request(each, head=pushed.head)

    # -- what is decided and done ---------------------------------------------------------

    def plan(self, now: datetime = NOW, facts: Facts | None = None) -> Plan:
        return self.plan_and_facts(now, facts)[0]

    def plan_and_facts(self, now: datetime = NOW, facts: Facts | None = None) -> tuple[Plan, Facts]:
        return make_plan(
            Scope(self.rules, self.asked_for, self.only, self.rollbacks, self.limited),
            cast("Observer", self),
            facts or Facts.none(),
            now,
        )

    def decision(self, application: str, environment: str, now: datetime = NOW) -> Decision:
        (found,) = (
            each
            for each in self.plan(now).decisions
            if (each.target.application, each.target.environment) == (application, environment)
        )
        return found

    def reconcile(self, now: datetime = NOW) -> Plan:
        """Plan and carry out until there is nothing to do; the last plan."""
        for _ in range(20):
            plan = self.plan(now)
            before = (list(self.sightings), list(self.wishes))
            self.carry_out(plan, now)
            if not plan.actions and before == (self.sightings, self.wishes):
                return plan
        raise AssertionError("the bot never comes to rest")

    def carry_out(self, plan: Plan, now: datetime = NOW) -> None:
        for notes in plan.notes.values():
            self._keep(notes)
        for orphan in plan.orphans:
            self._do(orphan.action, None, now)
        for decision in plan.acting:
            if decision.action:
                self._do(decision.action, decision, now)
        for _, each in plan.statuses:
            said = Published(each.branch, each.head, each.check.state, each.check.text)
            self.published[each.branch, "" if each.branch else each.head] = said

    def _keep(self, notes: Iterable[Note]) -> None:
        for note in notes:
            if isinstance(note, Sighting):
                seen = {(each.name, each.tag, each.digest) for each in self.sightings}
                if (note.name, note.tag, note.digest) not in seen:
                    self.sightings.append(note)
                continue
            if isinstance(note, Published | Queued | Listed):
                continue  # `carry_out` keeps what is tested of them
            if isinstance(note, RequestEnd):
                self.change_request(note.request, kept=True)
                continue
            of, release = (note.application, note.environment), note.release
            if isinstance(note, Journey):
                known = {each.release: each for each in self.journeys.get(of, ())}
                known[release] = known[release].plus(note) if release in known else note
                self.journeys[of] = tuple(known.values())
                continue
            others = [each for each in self.wishes if _of(each) != of or each.release != release]
            if isinstance(note, WishEnd):
                self.wishes = others
            else:
                names = release.names
                others = [e for e in others if _of(e) != of or not e.release.names & names]
                self.wishes = [*others, note]

    def _do(self, action: Action, decision: Decision | None, now: datetime) -> None:
        if isinstance(action, Close):
            (request,) = (each for each in self.requests if each.number == action.number)
            self.close(request, "bot", bot=True)
        elif isinstance(action, Propose) and decision is not None:
            self._propose(action, decision)
        elif isinstance(action, Merge) and decision is not None:
            assert self.branches[action.branch].head == action.head
            assert decision.offered is not None or decision.members
            (request,) = (each for each in self.requests if each.number == action.number)
            self.merge(request, now)
        elif isinstance(action, LeaveAlone | Disarm):
            self.told.append(action)
            (request,) = (each for each in self.requests if each.number == action.number)
            labels = (LEFT_ALONE,) if isinstance(action, LeaveAlone) else ()
            self.change_request(request, armed=False, labels=(*request.labels, *labels))

    def merge(self, request: MergeRequest, now: datetime = NOW) -> None:
        records = Record.parse_all(request.body)
        assert records
        for record in records:
            self._land((record.application, record.environment), record.release, now)
        branch = self.branches.get(request.branch)  # people delete it under an open request
        for path, data in branch.files if branch else ():
            if path.startswith(f"{FOLDER}/") and data is not None:
                self.hold_files[path.removeprefix(f"{FOLDER}/")] = data.decode()
        self.change_request(request, state="merged")
        self.branches.pop(request.branch, None)

    def _propose(self, action: Propose, decision: Decision) -> None:
        here = self.branches.get(action.branch)
        if action.head is None:
            assert action.expected == (here.head if here else None), "the lease"
            files = tuple((each.path, each.after) for each in action.changes)
            message = commit_message(decision, action)
            here = Branch(action.branch, self._commit(), message, files, own=True)
            self.branches[action.branch] = here
        assert here is not None
        title, body = request_title(decision, action), request_body(decision, action)
        if action.number is not None:
            (request,) = (each for each in self.requests if each.number == action.number)
            self.change_request(
                request,
                head=here.head,
                title=title,
                body=body,
                approvals=action.approvals,
                draft=action.draft,
            )
            return
        number = len(self.requests) + 1
        url = f"https://git.example.com/manifests/{number}"
        opened = MergeRequest(
            number,
            "open",
            action.branch,
            action.base,
            here.head,
            title,
            body,
            url,
            approvals=action.approvals,
            draft=action.draft,
            kept=True,
        )
        self.requests.append(opened)

    # -- what is answered -----------------------------------------------------------------

    def answer(
        self, questions: Iterable[Question[Any]], now: datetime
    ) -> dict[Question[Any], Known[Any] | Unknown]:
        answers: dict[Question[Any], Known[Any] | Unknown] = {}
        for question in questions:
            self.asked.append(question)
            trouble = next((unknown for fits, unknown in self.troubles if fits(question)), None)
            answers[question] = trouble or Known(self._answer(question), now, "world")
        return answers

    def _answer(self, question: Question[Any]) -> object:
        match question:
            case TipOf():
                return Tip("main", self.tip)
            case TargetsOf():
                of, here = question.rule, question.repository
                targets = (t for t in self._targets(of) if of.repository_of(t.environment) == here)
                return Discovery(tuple(targets), self.layout_problems)
            case ReadingOf():
                return self._reading(question)
            case PeriodsOf():
                return tuple(reversed(self.history.get(_key(question.target), [])))
            case EditOf():
                return self._edit(question)
            case TagsOf():
                short = question.name.short
                hidden = self.hidden.get(short, ())
                return tuple(tag for tag in self.tags.get(short, {}) if tag not in hidden)
            case DigestOf() | StillOf():
                absent = str(question.name) in self.absent
                return None if absent else self.tags.get(question.name.short, {}).get(question.tag)
            case DetailsOf():
                gone = question.digest not in self.tags.get(question.name.short, {}).values()
                gone = gone or str(question.name) in self.absent
                return None if gone else self._details(question.digest)
            case SightingsOf():
                return tuple(each for each in self.sightings if each.name == question.name)
            case JourneysOf():
                return self.journeys.get(_key(question.target), ())
            case WishesOf():
                return tuple(self.wishes)
            case MergeRequestsOf():
                ours = [each for each in self.requests if each.branch.startswith(PREFIX)]
                return tuple(each for each in ours if self._lives_in(each, question.repository))
            case BranchOf():
                return self.branches.get(question.name)
            case ApprovalsOf():
                return self.approvers.get(question.head, ())
            case ChecksOf():
                return self.checks.get(question.head, ())
            case CommitChecksOf():
                return self.checks.get(question.commit, ())
            case ReadinessOf():
                return self.readiness.get(question.number, Readiness("ready"))
            case FootingOf():
                return self.footing
            case PublishedOf():
                return tuple(self.published.values())
            case QueuedOf():
                return tuple(self.queued)
            case ListedOf():
                return None
            case BaselineOf():
                return self.baseline.get(question.environment, {})
            case RestoreOf():
                return self._restore(question)
            case BanOf():
                return (self._ban(question),)
            case HoldsOf():
                files = self.hold_files.items()
                return Holds.together(
                    read_holds(f"{FOLDER}/{path}", text.encode()) for path, text in files
                )
            case MergedOf():
                return self.merges.get(question.head)
        raise AssertionError(f"nobody answers {question}")

    def _details(self, digest: str) -> ImageDetails:
        labels = self.labels.get(digest, ())
        return ImageDetails(self.created.get(digest), labels, self.platforms.get(digest, ()))

    def _reading(self, question: ReadingOf) -> Reading:
        key = _key(question.target)
        release = self._running(key)
        if release is None:
            return Reading((), None)
        file = f"{question.target.path}/kustomization.yaml"
        sites = tuple(
            Site(Where(file, line, 3), 0, "/images/0", "kustomization", each, self._digests(key))
            for line, each in enumerate(release.artifacts, 1)
            if each.name in question.names
        )
        if why := self.mixed.get(key):
            return Reading(sites, None, why)
        return Reading(sites, release)

    def _edit(self, question: EditOf) -> Edit:
        key = _key(question.target)
        if problem := self.refused.get(key):
            return Edit((), (problem,))
        before, after = _spelled(self._running(key)), _spelled(question.release)
        path = f"{question.target.path}/kustomization.yaml"
        return Edit(
            () if before == after or key in self.same else (FileChange(path, before, after),)
        )

    def _lives_in(self, request: MergeRequest, repository: RepositoryAddress) -> bool:
        """Whether the environment of a branch is in a repository; of one that is gone, in all."""
        name = request.branch.split("/")[1]
        homes = [
            of.repository_of(name) for of in self.rules for e in of.environments if e.name == name
        ]
        return repository in homes or not homes

    def _restore(self, question: RestoreOf) -> Edit | None:
        key = _key(question.target)
        if key in self.reworked:
            return None
        path = f"{question.target.path}/kustomization.yaml"
        before, after = _spelled(self._running(key)), _spelled(question.release)
        return Edit((FileChange(path, before, after),))

    def _ban(self, question: BanOf) -> FileChange:
        (application,), (environment,) = question.hold.applications, question.hold.environments
        path = f"{environment}/{application}.yaml"
        before = self.hold_files.get(path, "").encode()
        whole = f"{FOLDER}/{path}"
        return FileChange(whole, before, append_hold(before, question.hold, whole))

    def _digests(self, key: Key) -> bool:
        return key not in self.tag_only

    def _running(self, key: Key) -> Release | None:
        return self.history[key][-1].release if self.history.get(key) else None

    def _targets(self, of: Rule) -> tuple[Target, ...]:
        names = [each.name for each in of.environments]
        keys = [key for key in self.history if key[1] in names]
        return tuple(self._target(*key) for key in sorted(keys, key=lambda k: names.index(k[1])))

    def _target(self, application: str, environment: str) -> Target:
        usual = f"apps/{application}/{environment}"
        path = self.paths.get((application, environment), usual)
        return Target(application, environment, path)

    def _land(self, key: Key, release: Release, at: datetime) -> str:
        self.tip = self._commit()
        self.history.setdefault(key, []).append(Period(release, at, self.tip))
        return self.tip

    def _commit(self) -> str:
        return f"{next(self._serial):040x}"


def _of(wish: Wish) -> Key:
    return wish.application, wish.environment


def _key(target: Target) -> Key:
    return target.application, target.environment


def _spelled(release: Release | None) -> bytes:
    return "".join(f"{each}\n" for each in release.artifacts).encode() if release else b""


__all__ = ["NOW", "World", "ago", "image", "name", "rule"]
