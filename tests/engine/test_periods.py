"""What ran where, and since when, from the first-parent history of a real repository."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from promoter.engine.library import Library
from promoter.engine.periods import read_periods
from promoter.model.facts import Period
from promoter.model.target import Target
from tests.engine.shop import DEV, NOW, day, kustomization, opened, periods_of
from tests.services.git_server import commit, create_repository

FILE = "apps/web/dev/kustomization.yaml"
Story = list[tuple[str | None, datetime]]


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return create_repository(tmp_path / "remote.git")


def periods(remote: Path, cache: Path, target: Target = DEV) -> tuple[Period, ...]:
    repository = opened(remote, cache)
    tip = repository.refresh()["refs/heads/main"]
    question = periods_of(tip, target)
    return read_periods(repository, Library(), tip, [question], NOW).periods[question]


def story(found: tuple[Period, ...]) -> Story:
    return [(each.release.label if each.release else None, each.since) for each in found]


def test_each_release_since_the_commit_that_brought_it(remote: Path, tmp_path: Path) -> None:
    commits = [
        commit(remote, {FILE: kustomization(tag)}, date=day(number))
        for number, tag in enumerate(("1.0.0", "1.1.0", "1.0.0"))
    ]
    found = periods(remote, tmp_path / "cache")
    assert story(found) == [("1.0.0", day(2)), ("1.1.0", day(1)), ("1.0.0", day(0))]
    assert [each.commit for each in found] == commits[::-1]


def test_a_comment_or_another_file_does_not_end_a_period(remote: Path, tmp_path: Path) -> None:
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(0))
    commit(remote, {FILE: kustomization("1.0.0", "# calm\n")}, date=day(1))
    commit(remote, {"apps/web/dev/config.yaml": b"a: 1\n"}, date=day(2))
    commit(remote, {"apps/web/dev/notes.md": b"web 2.0.0\n"}, date=day(3))
    commit(remote, {"README.md": b"shop"}, date=day(4))
    assert story(periods(remote, tmp_path / "cache")) == [("1.0.0", day(0))]


def test_a_neighbour_with_a_longer_name_is_somebody_else(remote: Path, tmp_path: Path) -> None:
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(0))
    commit(remote, {"apps/web/dev-eu/kustomization.yaml": kustomization("9.0.0")}, date=day(1))
    commit(remote, {"apps/web/dev.yaml": kustomization("8.0.0")}, date=day(2))
    assert story(periods(remote, tmp_path / "cache")) == [("1.0.0", day(0))]


def test_a_merge_counts_at_its_own_time_and_a_squash_needs_no_trailers(
    remote: Path, tmp_path: Path
) -> None:
    first = commit(remote, {FILE: kustomization("1.0.0")}, date=day(0))
    side = commit(
        remote, {FILE: kustomization("1.1.0")}, date=day(1), branch="side", parents=(first,)
    )
    merge = commit(
        remote, {FILE: kustomization("1.1.0")}, date=day(3), parents=(first, side), message="merge"
    )
    squash = commit(remote, {FILE: kustomization("1.2.0")}, date=day(5), message="squashed (#7)")
    found = periods(remote, tmp_path / "cache")
    assert story(found) == [("1.2.0", day(5)), ("1.1.0", day(3)), ("1.0.0", day(0))]
    assert [each.commit for each in found] == [squash, merge, first]


def test_sites_that_disagree_for_a_while_are_a_period_of_nothing(
    remote: Path, tmp_path: Path
) -> None:
    other = "apps/web/dev/more/kustomization.yaml"
    commit(remote, {FILE: kustomization("1.0.0"), other: kustomization("1.0.0")}, date=day(0))
    commit(remote, {FILE: kustomization("1.1.0")}, date=day(1))
    commit(remote, {other: kustomization("1.1.0")}, date=day(2))
    assert story(periods(remote, tmp_path / "cache")) == [
        ("1.1.0", day(2)),
        (None, day(1)),
        ("1.0.0", day(0)),
    ]


def test_what_was_unreadable_or_gone_breaks_the_period(remote: Path, tmp_path: Path) -> None:
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(0))
    commit(remote, {FILE: b"images: [\n"}, date=day(1))
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(2))
    commit(remote, {FILE: None, "apps/x": b""}, date=day(3))
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(4))
    assert story(periods(remote, tmp_path / "cache")) == [
        ("1.0.0", day(4)),
        (None, day(3)),
        ("1.0.0", day(2)),
        (None, day(1)),
        ("1.0.0", day(0)),
    ]


def test_the_time_before_anything_ran_is_not_told(remote: Path, tmp_path: Path) -> None:
    commit(remote, {"apps/web/dev/config.yaml": b"a: 1\n"}, date=day(0))
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(1))
    assert story(periods(remote, tmp_path / "cache")) == [("1.0.0", day(1))]


def test_a_target_that_never_named_the_artifact_has_no_periods(
    remote: Path, tmp_path: Path
) -> None:
    commit(remote, {"apps/web/dev/config.yaml": b"a: 1\n"}, date=day(0))
    assert periods(remote, tmp_path / "cache") == ()


def test_a_digest_that_is_added_later_begins_a_period_of_its_own(
    remote: Path, tmp_path: Path
) -> None:
    pinned = kustomization("1.0.0") + b"    digest: sha256:" + b"a" * 64 + b"\n"
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(0))
    commit(remote, {FILE: pinned}, date=day(1))
    with_digest, without = periods(remote, tmp_path / "cache")
    assert (with_digest.since, without.since) == (day(1), day(0))
    assert with_digest.release is not None
    assert with_digest.release.artifacts[0].digest == "sha256:" + "a" * 64


def test_a_commit_from_long_ago_that_is_pushed_today_runs_since_today(
    remote: Path, tmp_path: Path
) -> None:
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(5))
    commit(remote, {FILE: kustomization("1.1.0")}, date=day(0))
    assert story(periods(remote, tmp_path / "cache")) == [("1.1.0", day(5)), ("1.0.0", day(5))]


def test_a_clock_that_runs_ahead_moves_no_commit_but_its_own(remote: Path, tmp_path: Path) -> None:
    ahead = NOW + timedelta(days=9)
    for tag, date in (("1.0.0", day(0)), ("1.1.0", ahead), ("1.2.0", day(2))):
        commit(remote, {FILE: kustomization(tag)}, date=date)
    found = story(periods(remote, tmp_path / "cache"))
    assert found == [("1.2.0", day(2)), ("1.1.0", ahead), ("1.0.0", day(0))]


def test_a_tag_alone_joins_no_digest(remote: Path, tmp_path: Path) -> None:
    for number, digest in enumerate(("a", "b")):
        pinned = kustomization("1.0.0") + f"    digest: sha256:{digest * 64}\n".encode()
        commit(remote, {FILE: pinned}, date=day(number))
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(2))
    found = story(periods(remote, tmp_path / "cache"))
    assert [since for _, since in found] == [day(2), day(1), day(0)]


def test_a_target_may_be_one_file_or_the_whole_repository(remote: Path, tmp_path: Path) -> None:
    commit(remote, {FILE: kustomization("1.0.0")}, date=day(0))
    commit(remote, {FILE: kustomization("1.1.0")}, date=day(1))
    expected = [("1.1.0", day(1)), ("1.0.0", day(0))]
    for path in (FILE, "apps", ""):
        found = periods(remote, tmp_path / "cache", Target("web", "dev", path))
        assert story(found) == expected, path


def test_many_targets_in_one_pass_are_read_as_each_alone(remote: Path, tmp_path: Path) -> None:
    """More than git is given as paths at once: then their folders are asked for."""
    targets = [Target(f"web{number}", "dev", f"apps/web{number}/dev") for number in range(40)]
    paths = [f"{each.path}/kustomization.yaml" for each in targets]
    commit(remote, {path: kustomization("1.0.0") for path in paths}, date=day(0))
    for number, path in enumerate(paths[::7]):
        commit(remote, {path: kustomization("1.1.0")}, date=day(1) + timedelta(hours=number))
    repository = opened(remote, tmp_path / "cache")
    tip = repository.refresh()["refs/heads/main"]
    questions = [periods_of(tip, each) for each in targets]
    together = read_periods(repository, Library(), tip, questions, NOW).periods
    assert together == {
        each: read_periods(repository, Library(), tip, [each], NOW).periods[each]
        for each in questions
    }
    assert [len(together[each]) for each in questions[:9]] == [2, 1, 1, 1, 1, 1, 1, 2, 1]
