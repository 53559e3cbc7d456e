"""Rollbacks: the only way backwards, by a person's word, and kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from promoter.model.facts import DigestOf, TagsOf
from promoter.model.plan import Close, Decision, Merge, Propose, State
from promoter.model.record import Record
from promoter.model.rollback import Affected, GoingBack, Rollback
from tests.decisions.rules import approvals, artifact, environment, rule, soak
from tests.decisions.world import NOW, World, ago

BACK = Rollback("web", "staging", "ann", "carts are lost")
FILE = ".promoter/holds/staging/web.yaml"


@pytest.fixture
def world() -> World:
    """Staging ran 1.0.0 for 20 days, 1.1.0 for ten, 1.2.0 for an hour; 1.3.0 since yesterday."""
    world = World(
        (
            rule(
                environment("dev", automatic=True),
                environment("staging", soak(minutes=30), approvals(1), after=("dev",)),
                environment("production", soak(hours=24), after=("staging",)),
            ),
        )
    )
    world.registry("web", "1.0.0", "1.1.0", "1.2.0", "1.3.0")
    world.lands("web", "dev", "1.3.0", at=ago(days=2))
    for version, at in (
        ("1.0.0", ago(days=31)),
        ("1.1.0", ago(days=11)),
        ("1.2.0", ago(days=1, hours=1)),
        ("1.3.0", ago(days=1)),
    ):
        world.lands("web", "staging", version, at=at)
    world.lands("web", "production", "1.3.0", at=ago(hours=2))
    return world


def going(decision: Decision) -> GoingBack:
    assert decision.rollback is not None, decision.why
    return decision.rollback


def asked(world: World, **more: str) -> Decision:
    world.rollbacks = (replace(BACK, **more),)
    return world.decision("web", "staging")


def opened(world: World) -> None:
    """The merge request is open, and whoever asked for it has gone home."""
    asked(world)
    world.carry_out(world.plan())
    world.rollbacks = ()


def test_it_goes_back_to_the_last_release_that_soaked_there(world: World) -> None:
    decision = asked(world)
    back = going(decision)
    assert (back.bad.label, back.good.label) == ("1.3.0", "1.1.0"), "1.2.0 ran for an hour only"
    assert (back.soaked, back.exact) == (True, True)
    assert back.ran == timedelta(days=9, hours=23)
    assert isinstance(decision.action, Propose)
    record = decision.action.record
    assert (record.release.label, record.rolls_back) == ("1.1.0", back.bad.id)
    assert (record.requested_by, record.reason) == ("ann", "carts are lost")
    assert Record.parse("\n".join(record.trailers())) == record
    assert decision.why == "open a merge request for 1.1.0, which ran in staging before"


def test_the_bad_release_is_banned_by_the_same_commit(world: World) -> None:
    decision = asked(world)
    assert isinstance(decision.action, Propose)
    bytes_by_path = {each.path: each.after.decode() for each in decision.action.changes}
    assert list(bytes_by_path) == ["apps/web/staging/kustomization.yaml", FILE]
    assert bytes_by_path[FILE] == (
        "# Taken away by: promoter release-hold web staging --release 1.3.0\n"
        'release: "1.3.0"\nby: "ann"\nreason: "carts are lost"\n'
    )
    assert going(decision).ban == FILE


def test_a_named_release_is_taken_also_where_it_did_not_soak(world: World) -> None:
    for name in ("1.2.0", going(asked(world, to="1.2.0")).good.id, "ghcr.io/shop/web:1.2.0"):
        assert going(asked(world, to=name)).good.label == "1.2.0"


def test_what_never_ran_there_is_no_way_back(world: World) -> None:
    decision = asked(world, to="0.9.0")
    assert (decision.state, decision.trouble, decision.action) == (State.BLOCKED, "input", None)
    assert decision.why.startswith("0.9.0 never ran in staging; before now it ran 1.2.0 (")


def test_where_nothing_soaked_the_release_before_is_taken_and_told(world: World) -> None:
    world.history["web", "staging"] = world.history["web", "staging"][2:]
    back = going(asked(world))
    assert (back.good.label, back.soaked) == ("1.2.0", False)


def test_what_was_taken_back_before_is_no_way_back_either(world: World) -> None:
    """1.1.0 was rolled back to 1.0.0 before 1.3.0 came."""
    history = world.history["web", "staging"]
    world.history["web", "staging"] = history[:2]
    world.lands("web", "staging", "1.0.0", at=ago(days=2))
    world.lands("web", "staging", "1.3.0", at=ago(days=1))
    assert going(asked(world)).good.label == "1.0.0"


def test_a_banned_release_is_no_way_back(world: World) -> None:
    world.hold_files["staging/web.yaml"] = 'release: "1.1.0"\nby: ben\nreason: slow\n'
    assert going(asked(world)).good.label == "1.0.0"


def test_with_nothing_before_it_there_is_no_way_back(world: World) -> None:
    world.history["web", "staging"] = world.history["web", "staging"][-1:]
    decision = asked(world)
    assert decision.state is State.BLOCKED
    assert decision.why == "nothing that ran in staging before is fit to go back to"


def test_it_asks_no_registry_where_the_files_become_what_they_were(world: World) -> None:
    world.fails(TagsOf)
    world.fails(DigestOf)
    assert isinstance(asked(world).action, Propose)


def test_where_people_changed_the_files_since_only_the_images_go_back(world: World) -> None:
    world.reworked.add(("web", "staging"))
    back = going(asked(world))
    assert not back.exact
    assert back.good.label == "1.1.0"


def test_it_names_what_is_downstream(world: World) -> None:
    assert going(asked(world)).affected == (Affected("production", ago(hours=2)),)
    world.lands("web", "production", "1.0.0", at=ago(hours=1))
    assert going(asked(world)).affected == ()


def test_an_open_request_downstream_is_named_too(world: World) -> None:
    world.history["web", "production"] = []
    world.lands("web", "production", "1.0.0", at=ago(days=40))
    world.registry("web", "1.0.0", "1.1.0", "1.2.0", "1.3.0")
    world.carry_out(world.plan())
    url = world.request("web", "production").url
    assert going(asked(world)).affected == (Affected("production", None, url),)


class TestItsMergeRequest:
    def test_waits_for_people_and_for_nothing_that_needs_time(self, world: World) -> None:
        opened(world)
        decision = world.decision("web", "staging")
        assert decision.state is State.WAITING
        assert [each.gate for each in decision.verdicts] == ["approvals: 1"]
        world.approvers[world.request("web", "staging").head] = ("ben",)
        decision = world.decision("web", "staging")
        assert (decision.state, decision.action) == (State.PROPOSED, None)

    def test_is_found_again_and_comes_to_rest(self, world: World) -> None:
        opened(world)
        before = list(world.requests)
        world.carry_out(world.plan())
        world.carry_out(world.plan())
        assert world.requests == before

    def test_stands_also_while_there_is_something_newer(self, world: World) -> None:
        opened(world)
        world.registry("web", "1.3.0", "1.4.0")
        world.lands("web", "dev", "1.4.0", at=ago(hours=2))
        decision = world.decision("web", "staging")
        assert going(decision).good.label == "1.1.0"
        assert decision.action is None

    def test_takes_the_place_of_an_open_promotion(self, world: World) -> None:
        world.registry("web", "1.3.0", "1.4.0")
        world.lands("web", "dev", "1.4.0", at=ago(hours=2))
        world.carry_out(world.plan())
        number = world.request("web", "staging").number
        decision = asked(world)
        assert isinstance(decision.action, Propose)
        assert decision.action.number == number
        assert decision.action.replaces is not None
        assert decision.action.replaces.label == "1.4.0"

    def test_is_merged_by_the_bot_where_that_merges(self, world: World) -> None:
        (shop,) = world.rules
        staging = replace(shop.environment("staging"), merge="automatic")
        others = [e for e in shop.environments if e.name != "staging"]
        world.rules = (replace(shop, environments=(others[0], staging, others[1])),)
        opened(world)
        world.approvers[world.request("web", "staging").head] = ("ben",)
        assert isinstance(world.decision("web", "staging").action, Merge)

    def test_once_merged_nothing_goes_back_any_further_nor_forth(self, world: World) -> None:
        opened(world)
        world.merge(world.request("web", "staging"))
        world.rollbacks = (replace(BACK, bad=world.history["web", "dev"][0].release.id),)  # type: ignore[union-attr]
        decision = world.decision("web", "staging")
        assert (decision.state, decision.action) == (State.CURRENT, None)
        world.rollbacks = ()
        decision = world.decision("web", "staging", NOW + timedelta(days=2))
        assert decision.action is None
        assert decision.state is State.BLOCKED
        assert "carts are lost" in decision.why
        world.registry("web", "1.3.0", "1.3.1")
        world.lands("web", "dev", "1.3.1", at=NOW)
        later = world.decision("web", "staging", NOW + timedelta(days=2))
        assert later.offered is not None
        assert later.offered.label == "1.3.1"

    def test_and_downstream_is_offered_the_bad_release_no_more(self, world: World) -> None:
        world.history["web", "production"] = []
        world.lands("web", "production", "1.0.0", at=ago(days=40))
        opened(world)
        world.merge(world.request("web", "staging"))
        decision = world.decision("web", "production")
        assert decision.offered is None or decision.offered.label != "1.3.0"
        assert "went back from it" in {e.what: e.why for e in decision.passed_over}["1.3.0"]

    def test_is_closed_where_the_bad_release_is_gone_otherwise(self, world: World) -> None:
        opened(world)
        world.lands("web", "staging", "1.4.0", at=NOW)
        decision = world.decision("web", "staging")
        assert isinstance(decision.action, Close)
        assert decision.action.reason == (
            "1.4.0 runs here now, so there is nothing to go back from"
        )

    def test_whoever_closes_it_refuses_to_go_back_and_no_release(self, world: World) -> None:
        opened(world)
        world.close(world.request("web", "staging"), by="ben")
        decision = world.decision("web", "staging")
        assert (decision.state, decision.action) == (State.CURRENT, None)

    def test_a_body_that_somebody_edited_takes_nothing_back(self, world: World) -> None:
        world.registry("web", "1.3.0", "1.4.0")
        world.lands("web", "dev", "1.4.0", at=ago(hours=2))
        world.carry_out(world.plan())
        request = world.request("web", "staging")
        record = Record.parse(request.body)
        assert record is not None
        forged = replace(record, rolls_back="0" * 8, release=record.release)
        body = request.body.replace("\n".join(record.trailers()), "\n".join(forged.trailers()))
        world.change_request(request, body=body)
        assert world.decision("web", "staging").rollback is None


def test_a_freeze_does_not_keep_a_broken_release(world: World) -> None:
    world.hold_files["_all.yaml"] = "by: ben\nreason: the sale\n"
    decision = asked(world)
    assert isinstance(decision.action, Propose)
    assert decision.holds.stops, "and it is told"


def test_a_moving_tag_is_banned_by_the_id_of_the_release() -> None:
    world = World((rule(environment("dev"), artifacts=(artifact("tag", "stable"),)),))
    world.registry("web", "stable@b")
    world.lands("web", "dev", "stable@a", at=ago(days=3))
    world.lands("web", "dev", "stable@b", at=ago(days=1))
    world.rollbacks = (replace(BACK, environment="dev"),)
    decision = world.decision("web", "dev")
    assert isinstance(decision.action, Propose)
    ban = next(each for each in decision.action.changes if each.path.endswith("dev/web.yaml"))
    assert f'release: "{going(decision).bad.id}"' in ban.after.decode()


def test_there_is_always_room_for_it(world: World) -> None:
    (shop,) = world.rules
    world.rules = (replace(shop, limits=replace(shop.limits, open=1)),)
    for name in ("api", "mail"):
        world.registry(name, "1.0.0", "1.1.0")
        world.lands(name, "production", "1.0.0", at=ago(days=50))
        world.lands(name, "staging", "1.1.0", at=ago(days=40))
        world.lands(name, "dev", "1.1.0", at=ago(days=41))
    world.carry_out(world.plan())
    assert isinstance(asked(world).action, Propose)


def test_it_leaves_the_group_of_its_environment(world: World) -> None:
    """The others go on together; the way back waits for nobody."""
    (shop,) = world.rules
    grouped = tuple(
        replace(each, group="environment") if each.name == "staging" else each
        for each in shop.environments
    )
    world.rules = (replace(shop, environments=grouped),)
    world.registry("api", "1.0.0", "1.1.0")
    world.lands("api", "staging", "1.0.0", at=ago(days=9))
    world.lands("api", "dev", "1.1.0", at=ago(days=8))
    world.registry("web", "1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0")
    world.lands("web", "dev", "1.4.0", at=ago(days=1))
    world.carry_out(world.plan())
    (together,) = (each for each in world.requests if each.state == "open")
    assert {each.application for each in Record.parse_all(together.body)} == {"api", "web"}
    world.rollbacks = (BACK,)
    world.carry_out(world.plan())
    world.rollbacks = ()
    world.carry_out(world.plan())
    alone = world.request("web", "staging")
    record = Record.parse(alone.body)
    assert record is not None
    assert record.rolls_back
    (together,) = (e for e in world.requests if e.state == "open" and e.number != alone.number)
    assert {each.application for each in Record.parse_all(together.body)} == {"api"}
    assert going(world.decision("web", "staging")).good.label == "1.1.0"
