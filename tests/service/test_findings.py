"""What a look says of the next ones: told with plain values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from promoter.errors import Where
from promoter.model.facts import DigestOf, MergeRequestsOf, Question, TagsOf, TipOf, Unknown
from promoter.model.image import ImageName
from promoter.model.outcome import Outcome
from promoter.model.plan import Decision, Plan, State, Trouble
from promoter.model.rule import (
    ArtifactRule,
    EnvironmentRule,
    RepositoryAddress,
    Rule,
    Select,
    Upstream,
)
from promoter.model.target import Target
from promoter.model.verdict import Verdict
from promoter.service.agenda import Appointment, Failure
from promoter.service.findings import find_followers, find_next
from promoter.service.shards import Shard
from tests.service.hand import NINE

MANIFESTS = RepositoryAddress("https://git.example.com/shop.git", None, "gitlab")
RULE = Rule(
    "rules/shop.yaml",
    MANIFESTS,
    (
        ArtifactRule("ghcr.io/shop/{application}", Select("semver", ">=1.0")),
        ArtifactRule("docker.io/envoyproxy/envoy", Select("semver", ">=1.0")),
    ),
    ("apps/{application}/{environment}",),
    (EnvironmentRule("dev", Upstream()), EnvironmentRule("staging", Upstream(("dev",)))),
    Where("rules/shop.yaml"),
)
SHARD = Shard(MANIFESTS.url, (RULE,))
WEB, ENVOY = ImageName.parse("ghcr.io/shop/web"), ImageName.parse("docker.io/envoyproxy/envoy")


def decision(application: str, environment: str, *verdicts: Verdict) -> Decision:
    target = Target(application, environment, f"apps/{application}/{environment}")
    return Decision(RULE.source, MANIFESTS, target, State.WAITING, "", verdicts=verdicts)


def waits(gate: str, seconds: int, judgement: str = "wait") -> Verdict:
    opens_at = NINE + timedelta(seconds=seconds)
    return Verdict(gate, "open", judgement, "", opens_at=opens_at)  # type: ignore[arg-type]


DECISIONS = (decision("web", "dev"), decision("web", "staging"), decision("api", "dev"))
FOLLOWERS = find_followers([RULE], DECISIONS)


def outcome(
    *decisions: Decision,
    unanswered: dict[Question[Any], Unknown] | None = None,
    troubles: tuple[Trouble, ...] = (),
) -> Outcome:
    return Outcome(Plan(decisions or DECISIONS), (), troubles, (), unanswered or {})


def test_who_follows_an_image() -> None:
    assert FOLLOWERS[WEB] == {"web"}
    assert FOLLOWERS[ENVOY] == {"web", "api"}


def test_each_gate_that_opens_by_itself_is_an_appointment_of_its_applications() -> None:
    found = find_next(
        SHARD,
        outcome(
            decision("web", "staging", waits("soak: 1h", 60), waits("window: x", 90)),
            decision("api", "staging", waits("window: x", 90)),
            decision("cart", "staging", waits("soak: 1h", -5), waits("soak: 1h", 70, "pass")),
        ),
        FOLLOWERS,
        NINE,
    )
    assert set(found.appointments) == {
        Appointment(NINE + timedelta(seconds=60), "soak: 1h", frozenset({"web"})),
        Appointment(NINE + timedelta(seconds=90), "window: x", frozenset({"web", "api"})),
    }
    assert found.failed == {}


def test_a_registry_that_does_not_answer_keeps_those_who_follow_its_images() -> None:
    early, late = NINE + timedelta(seconds=5), NINE + timedelta(seconds=50)
    found = find_next(
        SHARD,
        outcome(
            unanswered={
                TagsOf(WEB): Unknown("503", retry_at=early),
                DigestOf(WEB, "1.0.0"): Unknown("503", retry_at=late),
                TagsOf(ENVOY): Unknown("a wrong password", "input"),
            }
        ),
        FOLLOWERS,
        NINE,
    )
    assert found.failed == {"ghcr.io": Failure("503", frozenset({"web"}), late)}
    assert not found.is_silent


def test_a_repository_or_a_forge_that_does_not_answer_leaves_nothing_to_look_at() -> None:
    for question in (TipOf(MANIFESTS), MergeRequestsOf(MANIFESTS)):
        found = find_next(
            SHARD, outcome(unanswered={question: Unknown("it is down")}), FOLLOWERS, NINE
        )
        assert found.is_silent
        assert found.failed == {MANIFESTS.url: Failure("it is down", None)}


def test_what_could_not_be_done_is_tried_again_with_its_application() -> None:
    undone = Trouble("rules/shop.yaml: web in dev", "the push was refused", "transient")
    mend = Trouble("rules/shop.yaml: api in dev", "the token may not", "input")
    found = find_next(SHARD, outcome(troubles=(undone, mend)), FOLLOWERS, NINE)
    assert found.failed == {undone.rule: Failure(undone.why, frozenset({"web"}))}
