"""How each release came to a target, told from periods, merge requests and journeys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from promoter.decisions.branches import branch_name
from promoter.decisions.history import Chronicle, Entry, read_chronicle, tell_entries
from promoter.model.facts import (
    Facts,
    JourneysOf,
    MergeRequestsOf,
    NotAsked,
    Period,
    PeriodsOf,
    TipOf,
)
from promoter.model.ledger import Journey
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.target import Target
from tests.decisions.rules import artifact, chain, digest, image, name, release, rule
from tests.decisions.world import NOW, World

WEB = Target("web", "staging", "apps/web/staging")
ANN = "Ann <ann@example.com>"
BOT = "bot@example.com"
BY_BOT = f"Promoter <{BOT}>"


def day(number: float) -> datetime:
    return NOW - timedelta(days=30) + timedelta(days=number)


def ran(*stays: tuple[str | None, float], author: str = ANN) -> list[Period]:
    """Given oldest first, as one tells it; told newest first."""
    return [
        Period(release(f"web:{text}") if text else None, day(at), f"{at:040.2f}", author)
        for text, at in reversed(stays)
    ]


def merged(number: int, version: str, at: float, by: str | None = "ada") -> MergeRequest:
    record = Record("shop", "web", "staging", release(f"web:{version}"), "dev", "ci")
    return MergeRequest(
        *(number, "merged", branch_name(WEB), "main", "a" * 40, "title"),
        body="\n".join(record.trailers()),
        url=f"https://git.example.com/{number}",
        ended_at=day(at),
        merged_by=by,
    )


def tell(
    periods: Sequence[Period],
    requests: Sequence[MergeRequest] | None = (),
    journeys: Sequence[Journey] = (),
    policy: tuple[str, str] = ("semver", ">=1.0"),
) -> list[Entry]:
    artifacts = {name("web"): artifact(*policy)}
    facts = Facts.none()
    return list(tell_entries(periods, requests, journeys, artifacts, WEB, BOT, facts))


def kinds(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    return [(each.release.label if each.release else "?", each.kind) for each in entries]


def test_a_promotion_a_revert_and_a_direct_edit() -> None:
    periods = ran(("1.0.0", 0), ("1.1.0", 2), ("1.0.0", 3), ("1.2.0", 7))
    entries = tell(periods, [merged(4, "1.1.0", 2)])
    assert kinds(entries) == [
        ("1.2.0", "direct"),
        ("1.0.0", "revert"),
        ("1.1.0", "promotion"),
        ("1.0.0", "first"),
    ]
    promotion = entries[2]
    assert (promotion.since, promotion.until) == (day(2), day(3))
    assert (promotion.origin, promotion.number, promotion.by) == ("dev", 4, "ada")
    assert promotion.requested_by == "ci"
    assert [each.by for each in entries] == [ANN, ANN, "ada", ANN]
    assert [each.until for each in entries] == [None, day(7), day(3), day(2)]


def test_a_release_that_came_twice_is_matched_by_time_and_each_request_once() -> None:
    periods = ran(("1.0.0", 0), ("1.1.0", 2), ("1.0.0", 2.3), ("1.1.0", 2.6))
    entries = tell(periods, [merged(4, "1.1.0", 2.01)])
    assert [each.number for each in entries] == [None, None, 4, None]
    assert entries[0].kind == "direct", "a revert of the revert, by hand"
    again = tell(periods, [merged(4, "1.1.0", 2.01), merged(9, "1.1.0", 2.61)])
    assert [each.number for each in again] == [9, None, 4, None]


def test_a_request_of_another_release_or_another_week_made_no_landing() -> None:
    periods = ran(("1.0.0", 0), ("1.1.0", 10))
    for request in (merged(4, "1.2.0", 10), merged(5, "1.1.0", 8)):
        assert [each.kind for each in tell(periods, [request])] == ["direct", "first"]
    fast_forward = replace(merged(6, "1.1.0", 3), head=periods[0].commit)
    assert tell(periods, [fast_forward])[0].number == 6


def test_a_step_back_by_a_request_of_the_bots_is_a_rollback() -> None:
    periods = ran(("1.1.0", 0), ("1.2.0", 5), ("1.1.0", 6))
    entries = tell(periods, [merged(1, "1.2.0", 5), merged(2, "1.1.0", 6)])
    assert kinds(entries) == [("1.1.0", "rollback"), ("1.2.0", "promotion"), ("1.1.0", "first")]
    assert [each.back for each in entries] == [True, False, False]


def test_where_versions_do_not_order_what_ran_before_is_a_step_back() -> None:
    periods = ran(("live@a", 0), ("live@b", 5), ("live@a", 6), ("live@c", 8))
    entries = tell(periods, policy=("tag", "live"))
    assert [each.kind for each in entries] == ["direct", "revert", "direct", "first"]


def test_what_the_registry_must_tell_is_asked_and_does_without() -> None:
    """`newest: build` compares ages; what ran before is backwards where they are not known."""
    world = World((rule(*chain("staging"), artifacts=(artifact("newest", "build"),)),))
    for version, at in (("a", 0.0), ("b", 2.0), ("a", 3.0)):
        world.lands("web", "staging", version, at=day(at))
    found = chronicle(world)
    assert [each.back for each in found.histories[0].entries] == [True, False, False]


def test_a_time_that_nobody_can_read_ends_a_period_and_is_told() -> None:
    entries = tell(ran(("1.0.0", 0), (None, 2), ("0.9.0", 3)))
    assert kinds(entries) == [("0.9.0", "revert"), ("?", "unread"), ("1.0.0", "first")]
    assert entries[2].until == day(2)


def test_without_the_requests_nothing_is_called_a_direct_commit() -> None:
    record = Record("shop", "web", "staging", release("web:1.2.0"), "dev")
    squash, direct, first = ran(("1.0.0", 0), ("1.1.0", 2), ("1.2.0", 3))
    squash = replace(squash, message="web: 1.2.0 (#7)\n\n" + "\n".join(record.trailers()))
    assert [each.kind for each in tell([squash, direct, first], None)] == [
        "promotion",
        "untold",
        "first",
    ]
    elsewhere = replace(record, environment="production")
    foreign = replace(squash, message="\n".join(elsewhere.trailers()))
    assert tell([foreign, direct, first])[0].kind == "direct", "copied from another target"


@pytest.mark.parametrize(
    ("author", "merged_by", "by"),
    [(ANN, "ada", "ada"), (ANN, None, ANN), (BY_BOT, None, None), (BY_BOT, "bot", "bot")],
)
def test_who_merged_it(author: str, merged_by: str | None, by: str | None) -> None:
    periods = ran(("1.0.0", 0), ("1.1.0", 2), author=author)
    assert tell(periods, [merged(4, "1.1.0", 2, merged_by)])[0].by == by


def test_each_gate_with_how_long_it_took_since_the_offer() -> None:
    """Of a release that landed twice the journey is the first landing's."""
    passed = (("soak: 1d", day(2)), ("approvals: 1", day(2.5)))
    journey = Journey("web", "staging", release("web:1.1.0"), day(1), passed)
    periods = ran(("1.0.0", 0), ("1.1.0", 3), ("1.0.0", 4), ("1.1.0", 5))
    again, back, first, oldest = tell(periods, journeys=[journey])
    assert (again.gates, back.gates, oldest.gates) == ((), (), ())
    assert first.offered_at == day(1)
    assert [(each.gate, each.after) for each in first.gates] == [
        ("soak: 1d", timedelta(days=1)),
        ("approvals: 1", timedelta(days=1, hours=12)),
    ]


def test_the_record_names_what_the_manifest_leaves_out() -> None:
    periods = [
        Period(release("web:1.1.0@"), day(2), "b" * 40, ANN),
        Period(release("web:1.0.0@"), day(0), "a" * 40, ANN),
    ]
    entries = tell(periods, [merged(4, "1.1.0", 2)])
    assert entries[0].release is not None
    assert (
        entries[0].release.artifacts[0].digest == image("web:1.1.0").digest == digest("web:1.1.0")
    )


def chronicle(world: World) -> Chronicle:
    facts = Facts.none()
    for _ in range(20):
        try:
            return read_chronicle(
                world.rules, lambda target: target.application == "web", BOT, facts
            )
        except NotAsked as more:
            facts = facts.plus(world.answer(more.questions, NOW))
    raise AssertionError("it asks on and on")


def shop() -> World:
    other = rule(*chain("dev", "staging"), source="rules/shop.yaml")
    world = World((other,))
    for environment in ("dev", "staging"):
        world.ran("web", environment, "1.0.0", "1.1.0")
        world.ran("api", environment, "1.0.0")
    return world


def test_what_does_not_answer_is_told_and_the_rest_as_well() -> None:
    world = shop()
    assert [each.target.environment for each in chronicle(world).histories] == ["dev", "staging"]
    assert len(chronicle(world).targets) == 4

    world.fails(PeriodsOf, "damaged", lambda question: question.target.environment == "dev")
    found = chronicle(world)
    assert [each.target.environment for each in found.histories] == ["staging"]
    assert [str(each) for each in found.troubles] == ["rules/shop.yaml: web in dev: damaged"]

    world = shop()
    world.fails(MergeRequestsOf, "forge is down")
    world.fails(JourneysOf)
    found = chronicle(world)
    assert [each.kind for each in found.histories[0].entries] == ["untold", "first"]
    assert [each.why for each in found.troubles] == ["forge is down"]

    world = shop()
    world.fails(TipOf, "no route")
    assert (chronicle(world).histories, len(chronicle(world).troubles)) == ((), 1)
