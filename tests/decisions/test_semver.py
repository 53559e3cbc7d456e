"""`semver: RANGE`: what is chosen, and the reason for every tag that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.policy import Order
from promoter.decisions.policies.walk import MOST_LOOKED_AT
from promoter.model.facts import DigestOf
from promoter.model.plan import Decision, State
from promoter.model.rule import ArtifactRule
from promoter.model.version import SemanticVersion
from tests.decisions.choosing import answered, choose, chosen, reasons, tags
from tests.decisions.rules import artifact, environment, image, rule
from tests.decisions.world import NOW, World, ago


def decide(
    listed: list[str], running: str = "1.0.0", followed: ArtifactRule | None = None
) -> Decision:
    world = World((rule(environment("dev"), artifacts=(followed or artifact(),)),))
    world.registry("web", *listed)
    world.ran("web", "dev", running)
    return world.decision("web", "dev")


def told(decision: Decision) -> dict[str, str]:
    (selection,) = decision.selections
    return {each.what: each.why for each in selection.passed_over}


def test_the_highest_version_of_the_range_is_offered_and_every_other_tag_has_its_reason() -> None:
    followed = artifact("semver", ">=1.0 <2", ignore=("*-slim",))
    listed = ["1.0.0", "1.2.0", "1.10.0", "2.0.0", "1.11.0-rc.1", "latest", "1.12.0-slim", "0.9.0"]
    decision = decide(listed, followed=followed)
    assert decision.state is State.PROPOSED
    assert decision.offered is not None
    assert decision.offered.label == "1.10.0"
    assert decision.selections[0].chosen == "1.10.0"
    assert decision.selections[0].policy == "semver: >=1.0 <2"
    assert told(decision) == {
        "1.0.0": "is lower than 1.10.0",
        "1.2.0": "is lower than 1.10.0",
        "2.0.0": "is outside >=1.0 <2",
        "1.11.0-rc.1": "is a prerelease",
        "latest": "is not a semantic version",
        "1.12.0-slim": "ignored by '*-slim'",
        "0.9.0": "is outside >=1.0 <2",
    }


def test_prereleases_are_taken_where_the_rule_says_so() -> None:
    decision = decide(["1.0.0", "1.1.0-rc.1", "1.1.0-rc.2"], followed=artifact(prereleases=True))
    assert decision.offered is not None
    assert decision.offered.label == "1.1.0-rc.2"


def test_the_named_group_is_what_is_compared_and_the_whole_tag_is_what_is_written() -> None:
    followed = artifact(tags=r"release-(?P<version>.*)-alpine")
    listed = ["release-1.9.0-alpine", "release-1.10.0-alpine", "release-1.11.0", "1.12.0"]
    decision = decide(listed, "release-1.9.0-alpine", followed)
    assert decision.offered is not None
    assert decision.offered.label == "release-1.10.0-alpine"
    assert told(decision)["1.12.0"] == (r"does not match tags 'release-(?P<version>.*)-alpine'")


def test_two_spellings_of_one_version_are_one_version() -> None:
    decision = decide(["1.1.0", "v1.1.0"], "1.1.0")
    assert decision.state is State.CURRENT
    assert told(decision) == {"1.1.0": "is the same version as v1.1.0"}


def test_a_running_version_that_the_pattern_no_longer_matches_is_still_compared() -> None:
    followed = artifact(tags=r"v(?P<version>.*)")
    decision = decide(["v1.5.0", "2.0.0"], "2.0.0", followed)
    assert decision.state is State.HELD_BACK
    assert decision.action is None


def test_where_no_tag_fits_the_rule_is_told_and_nothing_is_done() -> None:
    decision = decide(["0.1.0", "latest"])
    assert (decision.state, decision.action) == (State.WAITING, None)
    assert decision.why == "no tag of ghcr.io/shop/web fits semver: >=1.0"


def test_an_empty_tag_list_is_no_answer() -> None:
    decision = decide([])
    assert (decision.state, decision.action) == (State.UNKNOWN, None)
    assert decision.why == "ghcr.io/shop/web lists no tags"


def test_a_tag_without_an_image_is_no_answer() -> None:
    world = World((rule(environment("dev")),))
    world.registry("web", "1.0.0", "1.1.0")
    world.tags["web"]["1.1.0"] = None  # type: ignore[assignment]  # listed, and then a 404
    world.ran("web", "dev", "1.0.0")
    decision = world.decision("web", "dev")
    assert decision.state is State.UNKNOWN
    assert "lists the tag 1.1.0 but has no such image" in decision.why


def test_no_downgrade_when_tags_shrink() -> None:
    decision = decide(["1.0.0", "1.1.0"], running="1.2.0")
    assert (decision.state, decision.action) == (State.HELD_BACK, None)
    assert decision.why == "registry offers 1.1.0, which is not later than 1.2.0 that runs here"


@pytest.mark.parametrize("running", ["main", "20260101", "0.9", "v0.9-slim", "0"])
def test_from_a_tag_that_is_no_version_a_version_is_later(running: str) -> None:
    assert decide(["1.0.0", "main"], running).state is State.PROPOSED


@pytest.mark.parametrize(
    "running", ["1.43.3.10896", "1.10", "2.0.0_b", "release-2.9.0-amd64-hotfix"]
)
def test_a_tag_that_is_no_semantic_version_is_still_not_lower_than_a_lower_number(
    running: str,
) -> None:
    decision = decide(["1.0.0", "1.9.0"], running)
    assert (decision.state, decision.action) == (State.HELD_BACK, None)


@pytest.mark.parametrize(("running", "offered"), [("1.9", "1.9.0"), ("2.0.0_b", "2.0.0")])
def test_a_version_that_begins_with_the_same_numbers_is_the_same_one(
    running: str, offered: str
) -> None:
    assert decide([offered], running).state is State.CURRENT


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("1.43.3.10896", "has more than three numbers, so it is not a semantic version"),
        ("v1.2.3.4-rc.1", "has more than three numbers, so it is not a semantic version"),
        ("2026.03", "has a number with a leading zero, so it is not a semantic version"),
        ("1.02.3-rc.1", "has a number with a leading zero, so it is not a semantic version"),
        ("20260301", "begins with a lone long number, so it is not a semantic version"),
        ("2026-11-02", "begins with a lone long number, so it is not a semantic version"),
    ],
)
def test_numbers_that_are_no_semantic_version_are_told_where_to_go(tag: str, why: str) -> None:
    choice = choose(tags(tag), artifact())
    way_out = "select by `calver` or `numeric`, or let `tags` name its `version`"
    assert reasons(choice) == {tag: f"{why}: {way_out}"}


@pytest.mark.parametrize(
    ("listed", "best"),
    [
        (["1.2", "1.2.0", "1"], "1.2.0"),
        (["2", "1.9.9"], "2"),
        (["v1.2.0", "1.2.0", "V1.2"], "v1.2.0"),
        (["1.2.0_3", "1.2.0", "1.2.0_12"], "1.2.0_3"),
        (["1.2.0", "v1.2"], "1.2.0"),
    ],
)
def test_of_equal_versions_the_one_that_is_spelled_out_and_then_the_last_by_text(
    listed: list[str], best: str
) -> None:
    """`1.2` often is a tag that moves on to 1.2.1. Build metadata does not order (semver.org, 10);
    Helm writes it behind `_`."""
    for each in (listed, listed[::-1]):
        choice = choose(tags(*each), artifact())
        assert chosen(choice) == best
        others = {tag: why for tag, why in reasons(choice).items() if tag not in ("1", "1.9.9")}
        assert set(others.values()) <= {f"is the same version as {best}"}


@pytest.mark.parametrize("running", ["1.2", "v1.2.0", "1.2.0_1"])
def test_an_equal_version_is_no_promotion(running: str) -> None:
    assert decide([running, "1.2.0", "1.2.0_7"], running).state is State.CURRENT


@pytest.mark.parametrize(
    ("wanted", "prereleases", "best"),
    [
        (">=1.0.0", False, "1.2.0"),
        (">=1.3.0-0 <1.3.0 || ~1.2", False, "1.3.0-rc.2"),
        (">=1.3.0-rc.2", False, "1.3.0-rc.2"),
        (">=1.3.0-rc.9", False, None),
        (">=1.0.0", True, "2.0.0-alpha"),
        ("1.x", True, "1.3.0-rc.2"),
        ("<2", True, "1.3.0-rc.2"),
        ("<2.0.0", True, "2.0.0-alpha"),
    ],
)
def test_a_range_may_name_prereleases_itself(
    wanted: str, prereleases: bool, best: str | None
) -> None:
    world = tags("1.2.0", "1.3.0-rc.1", "1.3.0-rc.2", "2.0.0-alpha")
    assert chosen(choose(world, artifact("semver", wanted, prereleases=prereleases))) == best


numbers = st.integers(0, 12)
versions = st.builds(lambda a, b, c: f"{a}.{b}.{c}", numbers, numbers, numbers)
words = st.sampled_from(["latest", "main", "sha-1234567", "1.0", "v2", "1.1.0-rc.1", "3.0.0-slim"])
tag_lists = st.lists(versions | versions.map("v{}".format) | words, min_size=1, unique=True)


@given(tag_lists, st.data())
def test_the_order_of_the_tags_does_not_matter(listed: list[str], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(listed))
    assert decide(listed) == decide(list(shuffled))


@given(tag_lists)
def test_the_winner_passes_every_filter_and_no_survivor_is_higher(listed: list[str]) -> None:
    followed = artifact("semver", ">=1.0 <9", ignore=("*-slim", "v3.*"))
    decision = decide(listed, "1.0.0", followed)
    (selection,) = decision.selections
    passed_over = told(decision)
    assert {*passed_over, selection.chosen} - {None} == set(listed), "every tag is accounted for"
    if selection.chosen is None:
        assert not any(why.startswith(("is lower", "is the same")) for why in passed_over.values())
        return
    best = SemanticVersion.parse(selection.chosen)
    assert best is not None
    assert not selection.chosen.endswith("-slim")
    assert not selection.chosen.startswith("v3.")
    assert (1, 0, 0) <= best.release < (9, 0, 0)
    for tag, why in passed_over.items():
        version = SemanticVersion.parse(tag)
        if why.startswith("is lower"):
            assert version is not None
            assert version < best
        elif why.startswith("is the same"):
            assert version == best


@pytest.mark.parametrize(
    ("listed", "state"),
    [
        (["1.0.0", "1.1.0", "1.2.0"], State.CURRENT),
        (["1.1.0", "1.2.0", "1.3.0"], State.PROPOSED),
        (["1.2.0", "1.1.0-rc.1"], State.CURRENT),
        (["1.0.0", "1.1.0"], State.BLOCKED),
    ],
)
def test_a_digest_alone_is_the_version_whose_tag_names_it(listed: list[str], state: State) -> None:
    """`pin: digest`: 1.2.0 runs, and only its digest is written. Where its tag is gone, nothing
    tells that 1.1.0 is lower."""
    world = World((rule(environment("dev", automatic=True)),))
    world.registry("web", *listed)
    world.lands("web", "dev", "web:@web:1.2.0", at=ago(days=1))
    decision = world.decision("web", "dev")
    assert decision.state is (State.PROMOTING if state is State.PROPOSED else state)
    if state is State.BLOCKED:
        assert "is gone from the registry, so nothing tells whether 1.1.0 is later" in decision.why


@pytest.mark.parametrize(("running", "expected"), [(1, Order.HIGHER), (0, Order.GONE)])
def test_a_digest_alone_is_looked_for_among_the_best_tags_only(
    running: int, expected: Order
) -> None:
    """Else a registry that holds every build would be asked for all of them, in each look."""
    world = tags(*(f"1.0.{patch}" for patch in range(MOST_LOOKED_AT + 1)))
    here, newest = image(f"web:@web:1.0.{running}"), image(f"web:1.0.{MOST_LOOKED_AT}")
    policy = POLICIES["semver"]
    found = answered(world, NOW, lambda facts: policy.order(artifact(), here, newest, facts))
    assert found is expected
    assert sum(isinstance(each, DigestOf) for each in world.asked) == MOST_LOOKED_AT


@pytest.mark.parametrize("glob", ["*a" * 30 + "b", "*" * 60 + "b", "[a-z]*" * 30 + "b"])
def test_a_glob_with_many_stars_is_matched_at_once(glob: str) -> None:
    listed = [f"{'a' * 120}{number}" for number in range(200)]
    choice = choose(tags(*listed), artifact(ignore=(glob,)))
    assert set(reasons(choice).values()) == {"is not a semantic version"}
