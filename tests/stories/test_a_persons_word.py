"""A person closes, reopens, reverts, pushes or holds: what that means is the same on each forge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.forges import GITLAB_IN_SOAK, REMEMBERS, Seen, World, file_of
from tests.stories.worlds import open_world

BRANCH = "promoter/staging/web"


@pytest.fixture(params=GITLAB_IN_SOAK)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """1.1.0 of web runs in dev, and is proposed for staging."""
    with open_world(request.param, tmp_path, monkeypatch) as opened:
        opened.only_web()
        opened.publish("1.1.0", "web")
        opened.run()
        yield opened


remembers = pytest.mark.parametrize("world", REMEMBERS, indirect=True)
"""The local forge knows no rights: whoever can push is a person whose word counts."""


def request_of(world: World) -> Seen:
    (opened,) = world.open().values()
    assert opened.branch == "staging/web"
    return opened


@remembers
def test_a_close_by_who_has_no_say_is_not_a_persons_word(world: World) -> None:
    """A bot that closes what is old, and somebody who may only look."""
    numbers = [request_of(world).number]
    for who in ("stale", "guest"):
        world.close(numbers[-1], who)
        world.run()
        assert request_of(world).title == "Promote web to staging: 1.1.0"
        numbers.append(request_of(world).number)
    assert len(set(numbers)) == 3
    world.settle()


def test_a_close_by_a_person_is_one_and_a_deleted_branch_is_not(world: World) -> None:
    first = request_of(world)
    world.delete_branch(BRANCH, "ann")
    world.run()
    again = request_of(world)
    assert (again.title, world.tips()[BRANCH]) == (first.title, again.head)

    world.close(again.number, "ann")
    world.run()
    world.settle()
    decision = world.decision("staging/web")
    assert decision["state"] == "rejected"
    assert decision["why"].startswith("ann")
    assert world.open() == {}

    world.publish("1.2.0", "web")
    world.run()
    assert request_of(world).title == "Promote web to staging: 1.2.0"


@remembers
def test_what_is_reopened_is_open_again(world: World) -> None:
    first = request_of(world)
    world.close(first.number, "ann")
    world.run()
    assert world.open() == {}
    world.reopen(first.number, "ben")
    world.run()
    assert request_of(world).number == first.number
    world.merge(first.number, "ann")
    world.run(expect=3)
    assert world.version("staging/web") == "1.1.0"
    assert list(world.open()) == ["production/web"]


def test_what_was_reverted_is_proposed_neither_there_nor_downstream(world: World) -> None:
    """And what was proposed downstream already is closed with the reason."""
    path = file_of("web", "staging")
    before = world.file(path)
    world.merge(request_of(world).number, "ann")
    world.run(expect=3)
    number = world.open()["production/web"].number
    world.push("main", {path: before}, message='Revert "Promote web to staging: 1.1.0"')

    world.run()
    downstream = world.request("production/web")
    assert (downstream.number, downstream.state) == (number, "closed")
    assert downstream.comments[-1].startswith("Closed: ")
    world.settle()
    assert world.open() == {}
    assert world.decision("staging/web")["state"] == "rejected"
    assert world.version("staging/web") == "1.0.0"

    world.publish("1.2.0", "web")
    world.run()
    assert request_of(world).title == "Promote web to staging: 1.2.0"


def test_a_branch_that_a_person_pushed_to_is_told_once_and_left_alone(world: World) -> None:
    first = request_of(world)
    theirs = world.push(BRANCH, {"notes.txt": b"mine\n"}, message="one more thing")
    world.run()
    told = request_of(world)
    (said,) = told.comments
    assert said.startswith("Somebody pushed to")
    assert "promoter/left-alone" in told.labels
    world.publish("1.2.0", "web")
    world.run()
    after = request_of(world)
    assert (after.number, after.title, after.comments) == (first.number, first.title, (said,))
    assert world.tips()[BRANCH] == after.head == theirs
    world.settle()

    # It is theirs to merge; what comes after is proposed as ever.
    world.merge(first.number, "ann")
    world.run(expect=3)
    assert world.file("notes.txt") == b"mine\n"
    assert world.version("staging/web") == "1.1.0"


def test_a_held_request_is_neither_updated_nor_merged_until_the_label_goes(world: World) -> None:
    held = request_of(world)
    world.label(held.number, "promoter/hold")
    world.publish("1.2.0", "web")
    world.run(expect=3)
    assert world.version("dev/web") == "1.2.0", "others go on"
    stays = request_of(world)
    assert (stays.head, stays.title, stays.comments) == (held.head, held.title, ())
    assert "promoter/hold" in world.decision("staging/web")["why"]
    world.settle(expect=3)
    world.unlabel(held.number, "promoter/hold")
    world.run()
    assert request_of(world).title == "Promote web to staging: 1.2.0"

    world.label(held.number, "promoter/hold")
    world.write_rules(
        "  dev: {}\n  staging: {after: dev, merge: automatic, require: [approvals: 1]}"
    )
    world.approve(held.number, "ann")
    world.run(expect=3)
    assert world.version("staging/web") == "1.0.0"
    world.unlabel(held.number, "promoter/hold")
    world.run()
    assert world.version("staging/web") == "1.2.0"


def test_a_stale_request_is_closed_with_the_reason_when_somebody_was_faster(world: World) -> None:
    stale = request_of(world)
    dev = world.file(file_of("web", "dev"))
    world.push("main", {file_of("web", "staging"): dev})
    world.run(expect=3)
    closed = world.request("staging/web")
    assert (closed.number, closed.state) == (stale.number, "closed")
    (said,) = closed.comments
    assert "is not proposed any more" in said
    # GitLab deletes a branch wherever it stands: there it stays, and is used again.
    assert (BRANCH in world.tips()) == (world.kind == "gitlab")
    world.publish("1.2.0", "web")
    world.run(expect=3)
    assert world.open()["staging/web"].title == "Promote web to staging: 1.2.0"
