"""What a commit says is read once, and what is kept of it never answers for another one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from promoter.engine.adapters import Adapters
from promoter.engine.kept import Kept, Passing
from promoter.engine.observe import Observer
from promoter.model.facts import HoldsOf, Known, Question, TargetsOf, TipOf
from promoter.repositories.git import GitRepository
from tests.decisions.rules import MANIFESTS, chain, rule
from tests.engine.shop import DEV, NOW, day, kustomization, opened, periods_of, reading_of
from tests.services.git_server import commit, create_repository, git

FILE = f"{DEV.path}/kustomization.yaml"
DAY = timedelta(days=1)


class Counted:
    """A repository, and how often its trees and its history are looked at."""

    def __init__(self, repository: GitRepository) -> None:
        self._repository = repository
        self.looks = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("tree", "landings", "blobs"):
            self.looks += 1
        return getattr(self._repository, name)


class Story:
    def __init__(self, folder: Path) -> None:
        self.remote = create_repository(folder / "remote.git", {FILE: kustomization("1.0.0")})
        self.cache = folder / "cache"
        self.repository = Counted(opened(self.remote, self.cache))
        self.observer = self.observe()

    def observe(self) -> Observer:
        nothing: Any = None
        repository: Any = self.repository
        return Observer(Adapters(lambda _: repository, lambda _: nothing, lambda _: nothing))

    def ask(self, *questions: Question[Any], now: Any = NOW) -> list[Any]:
        answers = self.observer.answer(questions, now)
        values = []
        for each in questions:
            answer = answers[each]
            assert isinstance(answer, Known), answer
            assert answer.seen_at == now
            values.append(answer.value)
        return values

    @property
    def tip(self) -> str:
        (tip,) = self.ask(TipOf(MANIFESTS))
        return str(tip.commit)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def all_of(tip: str) -> tuple[Question[Any], ...]:
    return TargetsOf(rule(*chain("dev")), MANIFESTS, tip), reading_of(tip), periods_of(tip)


def test_the_same_commit_is_read_once(story: Story) -> None:
    tip = story.tip
    first = story.ask(*all_of(tip))
    before = story.repository.looks
    assert story.ask(*all_of(tip), now=NOW + DAY) == first
    assert story.repository.looks == before


def test_a_new_commit_is_read_anew(story: Story) -> None:
    story.ask(*all_of(story.tip))
    commit(story.remote, {FILE: kustomization("1.1.0")}, date=day(20))
    _, reading, periods = story.ask(*all_of(story.tip))
    assert reading.release.artifacts[0].tag == "1.1.0"
    assert [each.release.artifacts[0].tag for each in periods] == ["1.1.0", "1.0.0"]


def test_a_branch_that_was_reset_reads_as_it_is_now(story: Story) -> None:
    first = story.tip
    commit(story.remote, {FILE: kustomization("1.1.0")}, date=day(20))
    story.ask(*all_of(story.tip))
    git(story.remote, "update-ref", "refs/heads/main", first)
    tip = story.tip
    assert tip == first
    _, reading, periods = story.ask(*all_of(tip))
    assert reading.release.artifacts[0].tag == "1.0.0"
    assert len(periods) == 1


def test_a_mirror_that_was_lost_is_no_matter_to_what_was_read(story: Story) -> None:
    tip = story.tip
    first = story.ask(*all_of(tip))
    (mirror,) = (each for each in story.cache.iterdir() if each.suffix == ".git")
    (mirror / "HEAD").unlink()
    assert story.tip == tip
    assert story.ask(*all_of(tip)) == first
    story.observer = story.observe()
    assert story.ask(*all_of(tip)) == first


def test_a_failure_is_tried_again(story: Story) -> None:
    absent = "f" * 40
    answer = story.observer.answer((reading_of(absent),), NOW)[reading_of(absent)]
    assert not isinstance(answer, Known)
    before = story.repository.looks
    story.observer.answer((reading_of(absent),), NOW)
    assert story.repository.looks > before


def test_what_has_a_date_in_the_future_is_read_again_when_that_has_come(story: Story) -> None:
    """As a fresh process would: a clock that ran ahead moves what landed on it only from then on,
    and no other commit before."""
    commit(story.remote, {FILE: kustomization("1.1.0")}, date=NOW + DAY)
    commit(story.remote, {FILE: kustomization("1.2.0")}, date=NOW - DAY)
    question = periods_of(story.tip)
    for now in (NOW, NOW + 2 * DAY, NOW + 3 * DAY):
        (kept,) = story.ask(question, now=now)
        fresh = story.observe().answer((question,), now)[question]
        assert isinstance(fresh, Known)
        assert kept == fresh.value
    assert story.ask(question)[0][0].since != NOW


def test_an_answer_holds_until_its_time_and_not_before_it_was_read() -> None:
    question, kept = HoldsOf(MANIFESTS, "a" * 40), Kept()
    kept.keep(question, Passing("read", NOW + timedelta(hours=1)), NOW)
    known = kept.find(question, NOW + timedelta(minutes=59))
    assert known is not None
    assert known.value == "read"
    assert kept.find(question, NOW + timedelta(hours=1)) is None
    # The clock was set back: what was past when it was read may be ahead again.
    assert kept.find(question, NOW - timedelta(seconds=1)) is None
