"""What a rule gives to its merge requests, drafts that wait for their gates, and the status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from promoter.model.record import Record
from tests.services.github.state import Protection
from tests.stories.forges import GITLAB_IN_SOAK, REMEMBERS, Seen, World
from tests.stories.github_world import GitHubWorld
from tests.stories.gitlab_world import GitLabWorld
from tests.stories.worlds import open_world

EARLY = """\
  dev: {merge: automatic}
  staging: {after: dev, open: early, require: [soak: 2h]}
"""
GIVEN = """\
merge-request:
  title: "{{ application }} goes to {{ environment }}"
  body: |
    Of our own, for {{ release.label }}.

    {{ body }}
  labels: [team-a, "to-{{ environment }}"]
  reviewers: [ann, nobody-here]
  assignees: [ben]
commit: {message: "chore: {{ title }}"}
"""


@pytest.fixture(params=GITLAB_IN_SOAK)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with open_world(request.param, tmp_path, monkeypatch) as opened:
        opened.only_web()
        opened.publish("1.1.0", "web")
        yield opened


remembers = pytest.mark.parametrize("world", REMEMBERS, indirect=True)
"""The local forge publishes no status: nothing would read it."""


def test_an_early_request_is_a_draft_until_its_gates_pass(world: World) -> None:
    world.write_rules(EARLY)
    world.run(expect=3)
    (draft,) = world.open().values()
    assert (draft.branch, draft.draft) == ("staging/web", True)
    assert "This is a draft until its gates pass" in draft.body
    world.settle(expect=3)
    world.clock.pass_by(hours=2)
    world.run()
    (ready,) = world.open().values()
    assert (ready.number, ready.head, ready.draft) == (draft.number, draft.head, False)
    assert "This is a draft" not in ready.body
    world.merge(ready.number, "ann")
    assert world.version("staging/web") == "1.1.0"
    world.settle()


def test_a_draft_that_somebody_made_ready_stays_so_and_its_gates_still_hold(world: World) -> None:
    world.write_rules(EARLY.replace("open: early", "open: early, merge: automatic"))
    world.run(expect=3)
    (draft,) = world.open().values()
    world.make_ready(draft.number)
    world.run(expect=3)
    (ready,) = world.open().values()
    assert (ready.head, ready.draft) == (draft.head, False)
    assert world.version("staging/web") == "1.0.0"
    world.settle(expect=3)


def test_a_request_gets_what_its_rule_gives_and_who_is_not_known_is_left_out(world: World) -> None:
    world.write_rules("  dev: {require: [approvals: 1]}", GIVEN)
    said = world.run(expect=3)
    (opened,) = world.open().values()
    assert opened.title == "web goes to dev"
    assert opened.body.startswith("Of our own, for 1.1.0.\n")
    assert "**web** in **dev** moves to release" in opened.body
    assert sorted(opened.labels) == ["team-a", "to-dev"]
    assert opened.assignees == ("ben",)
    if world.kind == "local":  # there nobody has to be known
        assert opened.reviewers == ("ann", "nobody-here")
    else:
        assert opened.reviewers == ("ann",)
        (line,) = [each for each in said.splitlines() if "nobody-here" in each]
        assert "warning" in line
    record = Record.parse(opened.body)
    assert record is not None
    assert record.environment == "dev"
    world.settle(expect=3)

    # What people did to it stays through an update.
    world.label(opened.number, "urgent")
    world.unlabel(opened.number, "team-a")
    world.publish("1.2.0", "web")
    world.run(expect=3)
    (updated,) = world.open().values()
    assert "urgent" in updated.labels
    assert updated.body.startswith("Of our own, for 1.2.0.\n")
    world.approve(updated.number, "ben")
    world.merge(updated.number, "ann")
    assert world.version("dev/web") == "1.2.0"


def status_of(world: World) -> tuple[str, str]:
    (opened,) = (each for each in world.open().values() if each.branch.endswith("/web"))
    assert opened.status is not None
    return opened.status


@remembers
def test_the_status_says_what_is_missing_and_then_that_nothing_is(world: World) -> None:
    """On GitLab what waits is shown as failed: a pending status keeps a pipeline running."""
    world.write_rules("  dev: {require: [approvals: 2]}")
    waits = "pending" if world.kind == "github" else "failed"
    world.run(expect=3)
    assert status_of(world) == (waits, "approvals: 2: 0 of 2")
    number = world.request("dev/web").number
    world.approve(number, "ann")
    world.run(expect=3)
    assert status_of(world) == (waits, "approvals: 2: 1 of 2: ann")
    world.label(number, "promoter/hold")
    world.run(expect=3)
    assert status_of(world)[0] in ("failure", "failed")
    assert "promoter/hold" in status_of(world)[1]
    world.unlabel(number, "promoter/hold")
    world.approve(number, "ben")
    world.run()
    assert status_of(world) == ("success", "all gates pass for 1.1.0")
    world.settle()


def require_status(world: World) -> None:
    """From now on main takes only what the bot's status lets in."""
    if isinstance(world, GitHubWorld):
        world.shop.protect("main", Protection(checks=("promoter",), by="ruleset"))
    else:
        assert isinstance(world, GitLabWorld)
        world.project.pipeline_must_succeed = True


@remembers
def test_a_required_status_keeps_out_what_waits_and_lets_in_what_passes(world: World) -> None:
    require_status(world)
    world.write_rules("  dev: {require: [approvals: 1]}")
    world.run(expect=3)
    number = world.request("dev/web").number
    with pytest.raises(Exception, match=r"promoter|ci_must_pass"):
        world.merge(number, "ann")
    world.approve(number, "ann")
    world.run()
    world.merge(number, "ann")
    assert world.version("dev/web") == "1.1.0"


def of_ann(world: World, number: int) -> Seen:
    return next(each for each in world.requests() if each.number == number)


@remembers
def test_a_required_status_lets_in_what_is_no_promotion(world: World) -> None:
    """On GitLab the pipeline is what is required, and CI's own says how it went."""
    require_status(world)
    world.run()
    world.push("ann/readme", {"README.md": b"Hello\n"})
    number = world.propose("ann/readme", "<!-- promoter record -->")
    world.run()
    seen = of_ann(world, number)
    if isinstance(world, GitHubWorld):
        assert seen.status == ("success", "not a promotion of promoter's")
        assert seen.comments == ()
    else:
        assert isinstance(world, GitLabWorld)
        assert seen.status is None
        world.gitlab.world.run_pipeline(world.project, seen.head, "success")
    world.merge(number, "ann")
    assert world.file("README.md") == b"Hello\n"


@pytest.mark.parametrize("world", ["github"], indirect=True)
def test_a_merge_group_is_let_in_where_the_status_is_required(world: World) -> None:
    """A queue builds what will be main on a branch of its own, and asks for the checks there."""
    assert isinstance(world, GitHubWorld)
    world.shop.protect("main", Protection(checks=("promoter",), queue=True, by="ruleset"))
    world.write_rules("  dev: {merge: automatic}")
    world.push("ann/readme", {"README.md": b"Hello\n"})
    number = world.propose("ann/readme")
    world.run()
    assert world.request("dev/web").armed
    world.shop.enqueue(number, "ann")
    for _ in range(2):
        world.shop.stage_queue()
        world.run()
        world.shop.run_queue(passes=None)
    assert world.version("dev/web") == "1.1.0"
    assert world.file("README.md") == b"Hello\n"
    assert world.shop.state.queue == []
