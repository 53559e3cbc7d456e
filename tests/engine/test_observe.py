"""Questions get answers, in parallel, and a failure is an answer too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from promoter.access import redaction
from promoter.engine.adapters import Adapters
from promoter.engine.ledger import draft_notes
from promoter.engine.observe import Observer
from promoter.errors import ConflictError, InputError, TransientError, Where
from promoter.model.facts import (
    ApprovalsOf,
    BranchOf,
    DetailsOf,
    DigestOf,
    EditOf,
    Known,
    MergeRequestsOf,
    Question,
    TagsOf,
    TargetsOf,
    Tip,
    TipOf,
    Unknown,
)
from promoter.model.image import ImageName
from promoter.model.ledger import RequestEnd
from promoter.model.ports import Forge, MergeRequest, Referrer, Repository
from promoter.model.record import Record
from promoter.model.rule import RepositoryAddress
from promoter.model.target import Target
from promoter.repositories.git import GitRepository
from tests.decisions.rules import MANIFESTS, chain, digest, image, release, rule
from tests.engine.shop import DEV, NOW, WEB, day, kustomization, opened, periods_of, reading_of
from tests.services.git_server import commit, create_repository

FILES = {
    f"apps/web/{each}/kustomization.yaml": kustomization("1.0.0") for each in ("dev", "production")
}


@dataclass
class Shelf:
    """A registry by repository path; an exception instead of tags is raised."""

    tags_of: dict[str, list[str] | Exception] = field(default_factory=dict)
    meet: threading.Barrier | None = None

    def tags(self, repository: str) -> list[str]:
        if self.meet:
            self.meet.wait()
        found = self.tags_of[repository]
        if isinstance(found, Exception):
            raise found
        return found

    def digest(self, repository: str, tag: str) -> str | None:
        return digest(f"web:{tag}") if tag in self.tags(repository) else None

    def manifest(self, repository: str, digest: str) -> bytes | None:
        return None

    def blob(self, repository: str, digest: str) -> bytes | None:
        return None

    def referrers(self, repository: str, digest: str) -> tuple[Referrer, ...]:
        return ()


@dataclass
class Board:
    """A forge: what was found is all there is."""

    requests: tuple[MergeRequest, ...] = ()
    merged_by: dict[int, str] = field(default_factory=dict)
    asked: list[tuple[int, ...]] = field(default_factory=list)
    """Of whose merges, call by call."""

    def mergers(self, numbers: Sequence[int]) -> Mapping[int, str]:
        self.asked.append(tuple(numbers))
        if not self.merged_by:
            raise TransientError("503")
        return {each: self.merged_by[each] for each in numbers if each in self.merged_by}

    def find(
        self, base: str, prefix: str, since: datetime | None = None
    ) -> tuple[MergeRequest, ...]:
        return tuple(
            each
            for each in self.requests
            if each.base == base
            and each.branch.startswith(prefix)
            and (since is None or each.ended_at is None or each.ended_at >= since)
        )

    def approvals(self, number: int, head: str) -> tuple[str, ...]:
        return ("alice",) if head == "a" * 40 else ()

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"observing never calls {name}")


@dataclass
class Story:
    remote: Path
    repository: Repository
    shelf: Shelf = field(default_factory=Shelf)
    board: Board = field(default_factory=Board)

    def __post_init__(self) -> None:
        forge: Forge = self.board
        self.observer = Observer(
            Adapters(lambda _: self.repository, lambda _: forge, lambda _: self.shelf)
        )

    def answer(self, *questions: Question[Any]) -> dict[Question[Any], Known[Any] | Unknown]:
        return self.observer.answer(questions, NOW)

    def value(self, question: Question[Any]) -> Any:
        answer = self.answer(question)[question]
        assert isinstance(answer, Known), answer
        return answer.value

    def trouble(self, question: Question[Any]) -> Unknown:
        answer = self.answer(question)[question]
        assert isinstance(answer, Unknown), answer
        return answer

    @property
    def tip(self) -> str:
        tip: Tip = self.value(TipOf(MANIFESTS))
        return tip.commit


@pytest.fixture
def story(tmp_path: Path) -> Story:
    remote = create_repository(tmp_path / "remote.git", FILES)
    return Story(remote, opened(remote, tmp_path / "cache"))


def at_branch(name: str | None) -> TipOf:
    return TipOf(RepositoryAddress(MANIFESTS.url, name, "local"))


def test_the_tip_is_that_of_the_rules_branch_or_of_the_remotes_head(story: Story) -> None:
    live = commit(story.remote, {"a": b""}, branch="live", parents=(story.tip,))
    assert story.value(at_branch("live")) == Tip("live", live)
    assert story.value(at_branch(None)) == Tip("main", story.tip)


def test_a_branch_that_does_not_exist_is_named_with_those_that_do(
    story: Story, tmp_path: Path
) -> None:
    commit(story.remote, {"a": b""}, branch="promoter/dev/web", parents=(story.tip,))
    story.repository.refresh()
    trouble = story.trouble(at_branch("mian"))
    assert (trouble.kind, trouble.why) == (
        "input",
        "https://git.example.com/manifests.git has no branch 'mian'; it has main",
    )
    empty = create_repository(tmp_path / "empty.git")
    story.repository = opened(empty, tmp_path / "cache2")
    assert story.trouble(at_branch("main")).why.endswith("it is empty: push a first commit")


def test_targets_readings_histories_and_edits_come_from_the_commit(story: Story) -> None:
    tip = story.tip
    both = rule(*chain("dev", "production"))
    found = story.value(TargetsOf(both, both.repository, tip))
    assert [each.path for each in found.targets] == ["apps/web/dev", "apps/web/production"]
    assert story.value(reading_of(tip)).release.label == "1.0.0"
    (period,) = story.value(periods_of(tip))
    assert period.commit == tip
    question = EditOf(MANIFESTS, tip, DEV, release("web:1.1.0@"), ((WEB, "tag"),))
    (change,) = story.value(question).changes
    assert (change.path, change.after) == (
        "apps/web/dev/kustomization.yaml",
        kustomization("1.1.0"),
    )


def test_answers_of_a_commit_stay_true_after_the_branch_moves(story: Story) -> None:
    before = story.tip
    commit(story.remote, {"apps/web/dev/kustomization.yaml": kustomization("2.0.0")}, date=day(9))
    assert story.tip != before
    assert story.value(reading_of(before)).release.label == "1.0.0"
    assert story.value(reading_of(story.tip)).release.label == "2.0.0"


def test_registry_and_forge_answers_keep_absent_and_empty_apart(story: Story) -> None:
    story.shelf.tags_of["shop/web"] = ["1.0.0"]
    assert story.value(TagsOf(WEB)) == ("1.0.0",)
    assert story.value(DigestOf(WEB, "1.0.0")) == image("web:1.0.0").digest
    assert story.value(DigestOf(WEB, "2.0.0")) is None
    assert story.value(DetailsOf(WEB, digest("web:1.0.0"))) is None
    assert story.value(ApprovalsOf(MANIFESTS, 1, "a" * 40)) == ("alice",)
    assert story.value(ApprovalsOf(MANIFESTS, 1, "b" * 40)) == ()
    assert story.value(BranchOf(MANIFESTS, "promoter/dev/web", story.tip)) is None


def test_merge_requests_are_those_of_the_base_and_of_the_bots_branches(story: Story) -> None:
    mine = MergeRequest(1, "open", "promoter/dev/web", "main", "a" * 40, "", "", "")
    others = replace(mine, number=2, branch="topic"), replace(mine, number=3, base="live")
    story.board.requests = (mine, *others)
    assert story.value(MergeRequestsOf(MANIFESTS)) == (mine,)
    live = RepositoryAddress(MANIFESTS.url, "live", "local")
    assert story.value(MergeRequestsOf(live)) == (others[1],)


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (InputError("no such repository"), Unknown("no such repository", "input")),
        (
            InputError("not YAML", where=Where("a.yaml", 3)),
            Unknown("a.yaml:3: not YAML", "input"),
        ),
        (TransientError("503"), Unknown("503")),
        (
            TransientError("429", retry_after=timedelta(minutes=2)),
            Unknown("429", retry_at=NOW + timedelta(minutes=2)),
        ),
        (ConflictError("moved"), Unknown("moved")),
        (
            KeyError("inner secret"),
            Unknown("a bug in promoter: KeyError; run with --debug", "bug"),
        ),
    ],
)
def test_a_failure_is_an_answer_that_tells_who_can_mend_it(
    story: Story, error: Exception, unknown: Unknown
) -> None:
    story.shelf.tags_of = {"shop/web": error, "shop/api": ["1.0.0"]}
    api = TagsOf(ImageName.parse("ghcr.io/shop/api"))
    answers = story.answer(TagsOf(WEB), api)
    assert answers[TagsOf(WEB)] == unknown
    assert answers[api] == Known(("1.0.0",), NOW, "TagsOf")


def test_no_secret_gets_into_an_answer(story: Story) -> None:
    redaction.register("hunter2-canary")
    story.shelf.tags_of["shop/web"] = TransientError(
        "https://bot:hunter2-canary@ghcr.io said hunter2-canary"
    )
    why = story.trouble(TagsOf(WEB)).why
    assert "canary" not in why
    assert "ghcr.io said ***" in why


def test_how_requests_ended_is_remembered_and_only_newer_ones_are_listed(story: Story) -> None:
    """The third look finds the old one in the ledger, whatever the forge lists by then."""
    record = Record("shop", "web", "dev", release("web:1.1.0"), "registry")
    body = "\n".join(record.trailers())
    head, url = "a" * 40, "https://git.example.com/1"
    old = MergeRequest(1, "closed", "promoter/dev/web", "main", head, "old", body, url, "ada")
    old = replace(old, ended_at=NOW - timedelta(days=40))
    new = replace(old, number=2, ended_at=NOW - timedelta(days=2))
    story.board.requests = (old, new)
    question = MergeRequestsOf(MANIFESTS)
    assert [(each.number, each.kept) for each in story.value(question)] == [(2, False), (1, False)]
    draft = draft_notes(story.repository, [RequestEnd(old), RequestEnd(new)])
    assert draft is not None
    story.repository.push([draft.move(*story.repository.commit([draft.commit]))])
    story.repository.refresh()
    assert [(each.number, each.kept) for each in story.value(question)] == [(2, True), (1, True)]
    story.board.requests = (replace(new, state="open", ended_at=None),)
    assert [(each.number, each.state) for each in story.value(question)] == [
        (2, "open"),
        (1, "closed"),
    ]


def test_who_merged_a_request_is_asked_once_and_then_remembered(story: Story) -> None:
    """All at once, the newest first; of nobody else's, of none that is open or closed."""
    body = "\n".join(Record("shop", "web", "dev", release("web:1.1.0"), "registry").trailers())
    at = NOW - timedelta(hours=2)
    new = MergeRequest(
        7, "merged", "promoter/dev/web", "main", "a" * 40, "new", body, "https://x/7", ended_at=at
    )
    told = replace(new, number=6, merged_by="eve")
    closed = replace(new, number=5, state="closed")
    theirs = replace(new, number=4, body="no record")
    story.board.requests = (new, told, closed, theirs, replace(new, number=3))
    question = MergeRequestsOf(MANIFESTS)
    found = {each.number: each.merged_by for each in story.value(question)}
    assert found == {7: None, 6: "eve", 5: None, 4: None, 3: None}, "a forge that does not answer"
    story.board.merged_by = {7: "ada", 5: "nobody"}
    found = {each.number: each.merged_by for each in story.value(question)}
    assert found == {7: "ada", 6: "eve", 5: None, 4: None, 3: None}
    assert story.board.asked == [(7, 3), (7, 3)]

    ends = [RequestEnd(each) for each in story.value(question)]
    draft = draft_notes(story.repository, ends)
    assert draft is not None
    story.repository.push([draft.move(*story.repository.commit([draft.commit]))])
    story.repository.refresh()
    again = {each.number: each.merged_by for each in story.value(question)}
    assert (again, len(story.board.asked)) == (found, 3)


def test_questions_are_asked_side_by_side(story: Story) -> None:
    """Eight that wait for each other: one after another, none would ever be answered."""
    story.shelf.meet = threading.Barrier(8, timeout=20)
    names = [ImageName.parse(f"ghcr.io/shop/app{number}") for number in range(8)]
    story.shelf.tags_of = {each.path: ["1.0.0"] for each in names}
    answers = story.answer(*(TagsOf(each) for each in names))
    assert {type(each) for each in answers.values()} == {Known}


class Damaged(GitRepository):
    """A repository that can't read one blob."""

    bad: str = ""

    def blobs(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        wanted = list(ids)
        if self.bad in wanted:
            raise TransientError(f"the object {self.bad[:8]} can't be read")
        return super().blobs(wanted)


def test_one_target_that_can_not_be_read_does_not_stop_its_batch(
    story: Story, tmp_path: Path
) -> None:
    odd = "apps/web/production/kustomization.yaml"
    tip = commit(story.remote, {odd: kustomization("3.0.0")})
    real = opened(story.remote, tmp_path / "cache2")
    real.__class__ = Damaged
    assert isinstance(real, Damaged)
    (entry,) = real.tree(tip).list(odd)
    real.bad = entry.blob
    story.repository = real
    production = Target("web", "production", "apps/web/production")
    makers: list[Callable[[str, Target], Question[Any]]] = [reading_of, periods_of]
    for ask in makers:
        answers = story.answer(ask(tip, DEV), ask(tip, production))
        assert isinstance(answers[ask(tip, DEV)], Known)
        assert answers[ask(tip, production)] == Unknown(
            f"the object {entry.blob[:8]} can't be read"
        )


def test_nothing_asked_is_nothing_answered(story: Story) -> None:
    assert story.answer() == {}
