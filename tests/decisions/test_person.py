"""A person's word stands: closes, reverts, pushes. A bot's does not."""

from __future__ import annotations

from promoter.model.facts import Period
from promoter.model.plan import Close, LeaveAlone, State
from tests.decisions.rules import chain, environment, rule
from tests.decisions.world import World, ago


def proposed(automatic: bool = False) -> World:
    """1.1.0 is proposed for dev by an open merge request."""
    world = World((rule(environment("dev", automatic=automatic)),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    world.carry_out(world.plan())
    return world


def test_a_close_by_a_person_rejects_the_release() -> None:
    world = proposed()
    request = world.request("web", "dev")
    world.close(request, by="alice")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.REJECTED, None)
    assert decision.why == (
        f"alice closed merge request {request.url} with 1.1.0; it is not proposed again before a"
        " newer release"
    )
    assert decision.offered is not None
    assert decision.offered.label == "1.1.0"


def test_a_close_by_the_bot_or_by_nobody_known_is_not_a_persons_word() -> None:
    for by, bot in (("promoter", True), (None, False)):
        world = proposed()
        world.change_request(
            world.request("web", "dev"), state="closed", closed_by=by, closed_by_bot=bot
        )
        world.branches.clear()
        assert world.decision("web", "dev").state is State.PROPOSED


def test_a_newer_release_is_proposed_after_a_rejection() -> None:
    world = proposed()
    world.close(world.request("web", "dev"), by="alice")
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    world.carry_out(world.plan())
    assert world.request("web", "dev").title == "Promote web to dev: 1.2.0"
    assert [each.state for each in world.requests] == ["closed", "open"]


def test_a_request_that_is_reopened_counts_again() -> None:
    world = proposed()
    request, branches = world.request("web", "dev"), dict(world.branches)
    world.close(request, by="alice")
    world.change_request(request, state="open", closed_by=None)
    world.branches.update(branches)
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.PROPOSED, None)


def test_a_rejection_here_is_none_elsewhere() -> None:
    world = World((rule(environment("dev"), environment("test")),))
    world.registry("web", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    world.ran("web", "test", "1.0.0")
    world.carry_out(world.plan())
    world.close(world.request("web", "dev"), by="alice")
    assert world.decision("web", "dev").state is State.REJECTED
    assert world.decision("web", "test").state is State.PROPOSED


def test_a_revert_is_not_repeated_nor_offered_downstream() -> None:
    world = World((rule(*chain("dev", "production", automatic=True)),))
    world.registry("web", "1.0.0", "1.1.0")
    world.lands("web", "production", "1.0.0", at=ago(days=9))
    world.lands("web", "dev", "1.0.0", at=ago(days=9))
    world.lands("web", "dev", "1.1.0", at=ago(days=2))
    revert = world.lands("web", "dev", "1.0.0", at=ago(days=1))
    assert world.plan().actions == ()
    decision = world.decision("web", "dev")
    assert decision.state is State.REJECTED
    assert decision.why == (
        f"1.1.0 ran here and commit {revert[:12]} took it back; it is not proposed again before a"
        " newer release"
    )
    assert world.decision("web", "production").state is State.CURRENT
    world.registry("web", "1.0.0", "1.1.0", "1.1.1")
    world.reconcile()
    running = [periods[-1].release for periods in world.history.values()]
    assert [each.label for each in running if each] == ["1.1.1", "1.1.1"]


def test_a_branch_that_a_person_pushed_to_is_left_alone() -> None:
    world = proposed(automatic=True)
    request = world.request("web", "dev")
    world.push(request.branch)
    decision = world.decision("web", "dev")
    head = world.branches[request.branch].head
    assert decision.state is State.REJECTED
    assert decision.action == LeaveAlone(request.number, request.branch, head)
    assert decision.why == (
        "a person pushed to promoter/dev/web; it is left alone until it is merged or deleted"
    )
    world.reconcile()
    assert world.told == [decision.action], "it is said once"
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    assert world.decision("web", "dev").action is None, "not for a newer release either"
    world.registry("web", "1.0.0")
    world.lands("web", "dev", "1.1.0", at=ago(hours=1))
    assert world.decision("web", "dev").action is None, "and it is not closed as stale"
    del world.branches[request.branch]
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    assert world.decision("web", "dev").action is not None


def test_a_stale_request_is_closed_with_the_reason() -> None:
    world = proposed()
    request = world.request("web", "dev")
    world.lands("web", "dev", "1.1.0", at=ago(minutes=1))
    ((_, action),) = world.plan().actions
    assert getattr(action, "reason", "") == (
        "1.1.0 is not proposed any more: runs 1.1.0, the newest that registry offers"
    )
    world.carry_out(world.plan())
    assert world.plan().actions == ()
    assert [each.state for each in world.requests if each.number == request.number] == ["closed"]


def test_the_bots_own_close_does_not_keep_the_release_away() -> None:
    """Closed as stale because a person went ahead by hand, who then thought better of it: that
    is a revert, and a revert is a person's word."""
    world = proposed()
    world.lands("web", "dev", "1.2.0", at=ago(hours=2))
    world.reconcile()
    assert [each.state for each in world.requests] == ["closed"]
    world.lands("web", "dev", "1.0.0", at=ago(hours=1))
    assert world.decision("web", "dev").state is State.PROPOSED, "1.1.0 never ran here"


def test_a_request_whose_record_was_edited_away_is_written_anew() -> None:
    world = proposed()
    request = world.request("web", "dev")
    world.change_request(request, body="I tidied this up")
    world.reconcile()
    assert "Promoter-Release" in world.request("web", "dev").body
    assert world.request("web", "dev").head == request.head, "the commit stays"


def test_what_a_merge_request_brought_and_does_not_run_any_more_was_taken_back() -> None:
    """The branch was reset, or the folder moved after a revert: history does not tell of it."""
    world = proposed(automatic=True)
    world.reconcile()
    assert world.request("web", "dev").state == "merged"
    del world.history["web", "dev"][-1]
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.REJECTED, None)
    assert "brought 1.1.0 here and it was taken back" in decision.why


def test_the_request_of_a_target_that_names_no_artifact_any_more_is_closed() -> None:
    world = proposed()
    world.history["web", "dev"].append(Period(None, ago(hours=1), "f" * 40))
    decision = world.decision("web", "dev")
    assert decision.state is State.NOT_FOLLOWED
    assert isinstance(decision.action, Close)


def test_a_request_of_which_nobody_tells_who_closed_it_stops_only_its_release() -> None:
    world = World((rule(environment("dev")),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    world.reconcile()
    world.close(world.request("web", "dev"), "ada")
    request = world.request("web", "dev")
    world.change_request(request, closed_by=None, kept=False, unread="503")
    decision = world.decision("web", "dev")
    assert (decision.state, decision.action) == (State.UNKNOWN, None)
    assert decision.why == f"it can't be told who closed {request.url}: 503"
    assert world.plan().ended == (), "the next look asks again"
    world.registry("web", "1.0.0", "1.1.0", "1.2.0")
    assert world.decision("web", "dev").action is not None


def test_how_a_request_ended_is_kept_where_its_forge_would_have_to_be_asked_again() -> None:
    world = World((rule(environment("dev")),))
    world.registry("web", "1.0.0", "1.1.0")
    world.ran("web", "dev", "1.0.0")
    world.reconcile()
    world.close(world.request("web", "dev"), "ada")
    assert world.plan().ended == ()
    world.change_request(world.request("web", "dev"), kept=False)
    ((repository, note),) = world.plan().ended
    assert (repository, note.request.closed_by) == (world.rules[0].repository, "ada")
