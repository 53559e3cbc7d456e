"""A release that somebody asked for: a candidate of its target, no more and no less."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from promoter.model.facts import DetailsOf, TagsOf
from promoter.model.ledger import Sighting, Wish
from promoter.model.plan import Merge, Propose, Requested, State
from promoter.model.release import Release
from promoter.model.rule import Rule
from tests.decisions.rules import artifact, digest, environment, rule, soak
from tests.decisions.world import NOW, World, ago, image

DEV = rule(environment("dev"))
AUTOMATIC = rule(environment("dev", automatic=True))


def asks(*versions: str, where: str = "dev", at: datetime = NOW, by: str = "ci") -> Wish:
    texts = [each if ":" in each else f"web:{each}" for each in versions]
    return Wish("web", where, Release.of(map(image, texts)), at, by)


def world(*listed: str, running: str = "1.0.0", rules: tuple[Rule, ...] = (DEV,)) -> World:
    made = World(rules)
    made.registry("web", *listed)
    made.lands("web", "dev", running, at=ago(days=2))
    return made


def asked(world: World, wish: Wish, now: datetime = NOW, where: str = "dev") -> Requested:
    """Asked for on the command line; what the plan answers."""
    world.asked_for = (wish,)
    (answer,) = world.decision("web", where, now).requested
    return answer


def kept(world: World) -> list[Wish]:
    """What the ledger is to remember of what was asked for."""
    notes = (note for notes in world.plan().notes.values() for note in notes)
    return [note for note in notes if isinstance(note, Wish)]


def test_what_no_policy_selects_is_proposed_where_somebody_asks_for_it() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    assert shop.decision("web", "dev").state is State.CURRENT
    answer = asked(shop, asks("2.0.0-rc.1"))
    assert answer.state is State.PROPOSED
    assert answer.by == "ci"
    action = shop.decision("web", "dev").action
    assert isinstance(action, Propose)
    assert action.record.release.label == "2.0.0-rc.1"


def test_it_stays_the_candidate_of_a_service_that_was_not_told() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    shop.asked_for = (asks("2.0.0-rc.1"),)
    shop.reconcile()
    shop.asked_for = ()
    later = NOW + timedelta(days=3)
    decision = shop.decision("web", "dev", later)
    assert decision.state is State.PROPOSED
    assert decision.action is None, "the request stands, and nothing is done twice"
    assert [each.state for each in decision.requested] == [State.PROPOSED]


def test_asking_again_changes_nothing() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    shop.asked_for = (asks("2.0.0-rc.1"),)
    shop.reconcile()
    requests, branches, kept = list(shop.requests), dict(shop.branches), list(shop.wishes)
    shop.asked_for = (asks("2.0.0-rc.1", at=NOW + timedelta(hours=1)),)
    shop.reconcile(NOW + timedelta(hours=1))
    assert (shop.requests, shop.branches, shop.wishes) == (requests, branches, kept)


def staged(*ran: str) -> World:
    """dev ran these, two days each but the last, which came ten minutes ago; staging the first."""
    shop = World((rule(environment("dev"), environment("staging", soak(hours=1), after=("dev",))),))
    shop.registry("web", *ran)
    *before, last = ran
    shop.ran("web", "dev", *before)
    shop.lands("web", "dev", last, at=ago(minutes=10))
    shop.lands("web", "staging", ran[0], at=ago(days=9))
    return shop


def test_downstream_only_what_ran_upstream_can_be_asked_for() -> None:
    shop = staged("1.0.0", "1.1.0")
    answer = asked(shop, asks("1.2.0", where="staging"), where="staging")
    assert (answer.state, answer.why) == (
        State.WAITING,
        "dev runs no 1.2.0; promote it there first",
    )
    assert not kept(shop)


def test_it_waits_at_a_gate_like_any_other_and_is_remembered_there() -> None:
    shop = staged("1.0.0", "1.1.0")
    answer = asked(shop, asks("1.1.0", where="staging"), where="staging")
    assert answer.state is State.WAITING
    assert "has run 1.1.0 for 10m of 1h" in answer.why
    shop.reconcile()
    shop.asked_for = ()
    later = shop.decision("web", "staging", NOW + timedelta(hours=1))
    assert [(each.state, each.by) for each in later.requested] == [(State.PROPOSED, "ci")]


def test_a_later_release_supersedes_it() -> None:
    shop = world("1.0.0", "1.1.0", "1.2.0")
    answer = asked(shop, asks("1.1.0"))
    assert (answer.state, answer.why) == (State.HELD_BACK, "1.2.0, which registry offers, is later")
    assert answer.superseded_by == Release.of([image("web:1.2.0")])
    assert shop.plan().actions == (), "who asks for one release gets no other one"
    shop.reconcile()
    assert (shop.requests, shop.wishes) == ([], [])


@pytest.mark.parametrize("running", ["1.1.0", "1.2.0"])
def test_an_older_build_does_nothing(running: str) -> None:
    """Two jobs, and the older one is late."""
    shop = world("1.0.0", "1.1.0", "1.2.0", running=running)
    shop.rules = (rule(environment("dev"), artifacts=(artifact(argument="<=1.1"),)),)
    answer = asked(shop, asks("1.0.0"))
    assert answer.state is State.HELD_BACK
    assert answer.superseded_by == shop.decision("web", "dev").running
    assert not shop.plan().actions
    assert not kept(shop)


def test_downstream_an_older_build_does_nothing_either() -> None:
    shop = staged("1.0.0", "1.1.0")
    shop.lands("web", "staging", "1.1.0", at=ago(minutes=5))
    answer = asked(shop, asks("1.0.0", where="staging"), where="staging")
    assert (answer.state, answer.why) == (
        State.HELD_BACK,
        "1.0.0 is not later than 1.1.0 that runs here",
    )


def test_of_two_artifacts_the_one_that_is_older_makes_it_an_older_build() -> None:
    both = rule(environment("dev"), artifacts=(artifact(), artifact(short="worker")))
    shop = World((both,))
    shop.registry("web", "1.0.0", "1.1.0")
    shop.registry("worker", "1.0.0")
    shop.lands("web", "dev", "web:1.1.0", "worker:1.0.0", at=ago(days=1))
    assert asked(shop, asks("1.0.0")).state is State.HELD_BACK


def test_what_runs_is_answered_at_once() -> None:
    answer = asked(world("1.0.0"), asks("1.0.0"))
    assert (answer.state, answer.why) == (State.CURRENT, "runs 1.0.0")


def test_of_two_wishes_the_later_release_wins_whoever_asked_last() -> None:
    shop = world("1.0.0", "2.0.0-rc.1", "2.0.0-rc.2")
    shop.asked_for = (asks("2.0.0-rc.2"),)
    shop.reconcile()
    late = asks("2.0.0-rc.1", at=NOW + timedelta(minutes=5), by="a late job")
    shop.asked_for = (late,)
    decision = shop.decision("web", "dev")
    assert {each.by: each.state for each in decision.requested} == {
        "ci": State.PROPOSED,
        "a late job": State.HELD_BACK,
    }
    shop.reconcile()
    assert [each.by for each in shop.wishes] == ["ci"]


def test_a_person_who_closed_its_request_is_not_fought() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    shop.asked_for = (asks("2.0.0-rc.1"),)
    shop.reconcile()
    shop.close(shop.request("web", "dev"), "ada")
    answer = asked(shop, asks("2.0.0-rc.1", at=NOW + timedelta(hours=1)))
    assert answer.state is State.REJECTED
    assert "ada closed merge request" in answer.why
    assert not shop.plan().actions


def test_one_artifact_of_two_is_asked_for_and_the_other_stays() -> None:
    both = rule(environment("dev"), artifacts=(artifact(), artifact(short="worker")))
    shop = World((both,))
    shop.registry("web", "1.0.0", "1.1.0-rc.1")
    shop.registry("worker", "1.0.0")
    shop.lands("web", "dev", "web:1.0.0", "worker:1.0.0", at=ago(days=1))
    assert asked(shop, asks("1.1.0-rc.1")).state is State.PROPOSED
    offered = shop.decision("web", "dev").offered
    assert offered is not None
    assert [each.version for each in offered.artifacts] == ["1.1.0-rc.1", "1.0.0"]


def test_an_image_that_is_not_followed_or_not_there_is_told() -> None:
    shop = world("1.0.0")
    answer = asked(shop, asks("api:1.0.0"))
    assert (answer.state, answer.why) == (
        State.BLOCKED,
        "rules/shop.yaml follows no image ghcr.io/shop/api",
    )
    shop.rules = (rule(environment("dev"), artifacts=(artifact(), artifact(short="worker"))),)
    answer = asked(shop, asks("worker:1.0.0"))
    assert (answer.state, answer.why) == (
        State.BLOCKED,
        "no site under apps/web/dev names ghcr.io/shop/worker",
    )
    assert not kept(shop)


def test_what_the_registry_does_not_have_is_not_promoted() -> None:
    shop = world("1.0.0")
    answer = asked(shop, asks("1.1.0"))
    assert answer.state is State.UNKNOWN
    assert answer.why == "the registry has no tag ghcr.io/shop/web:1.1.0 (yet)"
    answer = asked(shop, asks("1.1.0@"))
    assert answer.why == "the registry has no tag ghcr.io/shop/web:1.1.0 (yet)"
    assert not shop.plan().actions


def test_without_a_digest_the_registry_tells_it() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    assert asked(shop, asks("2.0.0-rc.1@")).state is State.PROPOSED
    offered = shop.decision("web", "dev").offered
    assert offered is not None
    assert offered.artifacts[0].digest == digest("web:2.0.0-rc.1")


def test_a_tag_that_names_another_image_by_now_is_refused() -> None:
    shop = world("1.0.0", "1.1.0@new", "1.1.1@old", rules=(AUTOMATIC,))
    shop.rules = (rule(environment("dev"), artifacts=(artifact(argument="<1.1"),)),)
    answer = asked(shop, asks("1.1.0@old"))
    assert answer.state is State.BLOCKED
    assert f"names {digest('new')} in the registry, not {digest('old')}" in answer.why


def test_a_tag_that_moved_is_taken_where_somebody_asks_for_this_very_image() -> None:
    shop = world("1.0.0@rebuilt", running="1.0.0@first")
    assert shop.decision("web", "dev").state is State.BLOCKED
    shop.asked_for = (asks("1.0.0@rebuilt"),)
    plan = shop.reconcile()
    assert [each.state for each in plan.decisions] == [State.PROPOSED]
    assert [each.digest for each in shop.sightings if isinstance(each, Sighting)] == [
        digest("rebuilt")
    ]


def test_it_is_merged_like_any_other_and_needs_no_second_word() -> None:
    shop = world("1.0.0", "2.0.0-rc.1", rules=(AUTOMATIC,))
    shop.asked_for = (asks("2.0.0-rc.1"),)
    shop.carry_out(shop.plan())
    (decision,) = shop.plan().decisions
    assert isinstance(decision.action, Merge)
    shop.reconcile()
    shop.asked_for = ()
    assert shop.decision("web", "dev", NOW + timedelta(days=1)).state is State.CURRENT


def test_a_digest_without_order_does_not_come_back_after_what_replaced_it() -> None:
    """Asked for, never merged; then a person brought another image of the moving tag."""
    moving = rule(environment("dev"), artifacts=(artifact("tag", "main"),))
    shop = World((moving,))
    shop.registry("web", "main@second")
    shop.tags["web"]["old"] = digest("first")
    shop.wishes = [asks("main@first", at=ago(days=3))]
    shop.lands("web", "dev", "main@second", at=ago(days=1))
    decision = shop.decision("web", "dev")
    assert decision.state is State.CURRENT
    assert [each.state for each in decision.requested] == [State.HELD_BACK]


MOVING = rule(environment("dev", automatic=True), artifacts=(artifact("tag", "main"),))
BUILDS = rule(environment("dev", automatic=True), artifacts=(artifact("newest", "build"),))


def test_a_late_job_does_not_bring_back_what_the_moving_tag_left() -> None:
    """No creation times, as reproducible builds have it: the tag itself tells which came last."""
    shop = World((MOVING,))
    shop.registry("web", "main@second")
    shop.tags["web"]["untagged"] = digest("first")
    shop.lands("web", "dev", "main@second", at=ago(hours=1))
    answer = asked(shop, asks("main@first"))
    assert (answer.state, shop.plan().actions) == (State.HELD_BACK, ())
    shop.registry("web", "main@third")
    assert asked(shop, asks("main@third")).state is State.PROMOTING


def test_where_nothing_orders_the_younger_image_is_later() -> None:
    """Versions of the rule, and a commit's tag that is asked for."""
    shop = world("1.0.0")
    shop.created[digest("web:1.0.0")] = ago(hours=5)
    shop.built("web", "main-abc", ago(hours=4))
    assert asked(shop, asks("main-abc")).state is State.PROPOSED
    shop.created[digest("web:main-abc")] = ago(hours=6)
    assert asked(shop, asks("main-abc")).state is State.HELD_BACK


def test_where_not_even_that_is_known_a_person_decides() -> None:
    shop = world("1.0.0", "main-abc")
    answer = asked(shop, asks("main-abc"))
    assert (answer.state, answer.why) == (
        State.BLOCKED,
        "nothing tells whether main-abc is later than 1.0.0",
    )
    assert not shop.plan().actions


def test_an_image_that_runs_and_is_gone_is_not_replaced_by_an_older_build() -> None:
    shop = World((BUILDS,))
    shop.built("web", "b1", ago(days=9))
    shop.lands("web", "dev", "b2", at=ago(days=2))
    assert asked(shop, asks("b1")).state is State.BLOCKED
    assert not shop.plan().actions


def test_without_a_digest_a_tag_that_moved_is_not_taken() -> None:
    shop = world("1.1.0@second")
    shop.sightings = [Sighting(image("web:1").name, "1.1.0", digest("first"), ago(days=1))]
    answer = asked(shop, asks("1.1.0@"))
    assert answer.state is State.BLOCKED
    assert "the tag 1.1.0 of ghcr.io/shop/web moved" in answer.why
    assert "promoter promote web --to dev --image ghcr.io/shop/web:1.1.0@sha256:" in answer.why
    assert not shop.plan().actions
    assert asked(shop, asks("1.1.0@second")).state is State.PROPOSED


def test_without_a_digest_a_tag_that_runs_as_another_image_is_not_current() -> None:
    shop = world("1.0.0@second", running="1.0.0@first")
    answer = asked(shop, asks("1.0.0@"))
    assert answer.state is State.BLOCKED
    assert "the tag moved to" in answer.why


def test_a_tag_that_was_asked_for_means_what_it_named_then() -> None:
    shop = world("1.0.0", "2.0.0-rc.1@first")
    shop.asked_for = (asks("2.0.0-rc.1@"),)
    shop.reconcile()
    shop.asked_for = ()
    shop.registry("web", "1.0.0", "2.0.0-rc.1@second")
    decision = shop.decision("web", "dev")
    assert [each.state for each in decision.requested] == [State.BLOCKED]
    assert decision.offered is None


def test_what_was_superseded_does_not_come_back() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    shop.asked_for = (asks("2.0.0-rc.1"),)
    shop.reconcile()
    shop.asked_for = ()
    shop.registry("web", "1.0.0", "2.0.0-rc.1", "2.0.0")
    shop.reconcile()
    assert shop.wishes == []
    shop.close(shop.request("web", "dev"), "ada")
    shop.reconcile(NOW + timedelta(days=30))
    assert [each.state for each in shop.requests] == ["closed"]


def test_an_old_wish_that_can_not_be_looked_up_stops_nothing() -> None:
    shop = world("1.0.0", "1.1.0-rc.1", "1.1.0")
    shop.wishes = [asks("1.1.0-rc.1", at=ago(days=300))]
    shop.fails(DetailsOf, "503", lambda q: q.digest == digest("web:1.1.0-rc.1"))
    decision = shop.decision("web", "dev")
    assert (decision.state, [each.state for each in decision.requested]) == (
        State.PROPOSED,
        [State.UNKNOWN],
    )


def test_the_request_of_a_wish_that_can_not_be_looked_up_stays_as_it_is() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    shop.asked_for = (asks("2.0.0-rc.1"),)
    shop.reconcile()
    shop.asked_for = ()
    shop.registry("web", "1.0.0", "1.1.0", "2.0.0-rc.1")
    shop.fails(DetailsOf, "503")
    decision = shop.decision("web", "dev")
    assert (decision.state, decision.action) == (State.UNKNOWN, None)


def test_it_stands_in_its_request_where_the_ledger_is_lost() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    shop.asked_for = (asks("2.0.0-rc.1"),)
    shop.reconcile()
    shop.asked_for = ()
    shop.wishes.clear()
    shop.sightings.clear()
    decision = shop.decision("web", "dev", NOW + timedelta(days=3))
    assert (decision.state, decision.action) == (State.PROPOSED, None)
    assert [(each.state, each.by) for each in decision.requested] == [(State.PROPOSED, "ci")]


def both(*worker: str) -> World:
    """An application of two images; `web` lists a prerelease beside what runs."""
    of_two = rule(environment("dev"), artifacts=(artifact(), artifact(short="worker")))
    shop = World((of_two,))
    shop.registry("web", "1.0.0", "1.1.0-rc.1")
    shop.registry("worker", *worker)
    shop.lands("web", "dev", "web:1.0.0", "worker:1.0.0", at=ago(days=1))
    return shop


def versions(release: Release | None) -> list[str]:
    return [each.version for each in release.artifacts] if release else []


def test_two_jobs_that_ask_for_two_images_of_one_application_both_get_them() -> None:
    shop = both("1.0.0", "2.0.0-rc.1")
    for each in ("web:1.1.0-rc.1", "worker:2.0.0-rc.1"):
        shop.asked_for = (asks(each),)
        shop.reconcile()
    assert versions(shop.decision("web", "dev").offered) == ["1.1.0-rc.1", "2.0.0-rc.1"]
    assert len(shop.requests) == 1


def test_what_runs_because_it_was_asked_for_holds_nothing_else_up() -> None:
    shop = both("1.0.0")
    shop.asked_for = (asks("web:1.1.0-rc.1"),)
    shop.reconcile()
    shop.merge(shop.request("web", "dev"))
    shop.asked_for = ()
    shop.registry("worker", "1.0.0", "1.1.0")
    decision = shop.decision("web", "dev")
    assert decision.state is State.PROPOSED
    assert versions(decision.offered) == ["1.1.0-rc.1", "1.1.0"]


def test_a_tag_that_moved_matters_only_where_it_would_be_taken() -> None:
    """Another image of the application, that a person pinned by hand."""
    shop = both("1.2.0@second")
    shop.registry("web", "1.0.0", "1.1.0")
    moved = Sighting(image("worker:1").name, "1.2.0", digest("first"), ago(days=9))
    shop.sightings = [moved]
    assert shop.decision("web", "dev").state is State.BLOCKED
    shop.lands("web", "dev", "web:1.0.0", "worker:1.2.0@second", at=ago(hours=2))
    assert versions(shop.decision("web", "dev").offered) == ["1.1.0", "1.2.0"]
    shop.lands("web", "dev", "web:1.1.0", "worker:1.3.0", at=ago(hours=1))
    assert shop.decision("web", "dev").state is State.HELD_BACK


def test_the_way_out_that_is_told_works_where_only_a_tag_is_written() -> None:
    shop = world("1.0.0@second", running="1.0.0@")
    shop.tag_only.add(("web", "dev"))
    shop.sightings = [Sighting(image("web:1").name, "1.0.0", digest("first"), ago(days=9))]
    shop.asked_for = (asks("1.0.0@second"),)
    shop.reconcile()
    shop.asked_for = ()
    assert shop.decision("web", "dev").state is State.CURRENT


def test_it_is_not_lost_where_the_target_itself_is_stopped() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    shop.mixed["web", "dev"] = "1.0.0 and 0.9.0"
    shop.asked_for = (asks("2.0.0-rc.1"),)
    shop.reconcile()
    assert shop.decision("web", "dev").state is State.BLOCKED
    shop.asked_for = ()
    shop.mixed.clear()
    assert shop.decision("web", "dev").state is State.PROPOSED


def test_it_is_held_to_what_the_rule_never_takes() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    followed = artifact(ignore=("*-rc*",), platforms=("linux/arm64",))
    shop.rules = (rule(environment("dev"), artifacts=(followed,)),)
    answer = asked(shop, asks("2.0.0-rc.1"))
    assert (answer.state, answer.why) == (State.BLOCKED, "2.0.0-rc.1 is ignored by '*-rc*'")
    shop.rules = (rule(environment("dev"), artifacts=(replace(followed, ignore=()),)),)
    answer = asked(shop, asks("2.0.0-rc.1"))
    assert (answer.state, answer.why) == (
        State.BLOCKED,
        "2.0.0-rc.1 lacks linux/arm64 (it names no platform)",
    )


def test_with_a_scope_nothing_else_is_decided() -> None:
    shop = World((DEV,))
    for each in ("web", "api"):
        shop.registry(each, "1.0.0", "1.1.0")
        shop.lands(each, "dev", "1.0.0", at=ago(days=1))
    shop.only = frozenset({("web", "dev")})
    assert [each.target.application for each in shop.plan().decisions] == ["web"]


def test_with_a_scope_the_sites_of_others_are_still_theirs() -> None:
    one = rule(environment("dev"), artifacts=(artifact(short="web"),))
    shop = World((one,))
    shop.registry("web", "1.0.0", "1.1.0")
    for each in ("web", "api"):
        shop.lands(each, "dev", "web:1.0.0", at=ago(days=1))
    shop.paths["web", "dev"] = shop.paths["api", "dev"] = "apps/shared"
    shop.only = frozenset({("web", "dev")})
    (decision,) = shop.plan().decisions
    assert decision.state is State.BLOCKED
    assert "is claimed by api in dev of rules/shop.yaml as well" in decision.why


def test_a_wish_for_another_target_is_nothing_to_this_one() -> None:
    shop = world("1.0.0", "2.0.0-rc.1")
    shop.asked_for = (replace(asks("2.0.0-rc.1"), application="api"),)
    decision = shop.decision("web", "dev")
    assert (decision.state, decision.requested) == (State.CURRENT, ())


def test_a_registry_that_does_not_answer_leaves_the_wish_unknown() -> None:
    shop = world("1.0.0", "1.1.0")
    shop.fails(TagsOf, "503")
    answer = asked(shop, asks("1.1.0"))
    assert (answer.state, answer.why) == (State.UNKNOWN, "503")
