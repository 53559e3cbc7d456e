"""`numeric` and `alphabetical`, upwards and downwards."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.decisions.policies.policy import Order
from promoter.model.plan import State
from promoter.model.rule import ArtifactRule
from tests.decisions.choosing import choose, chosen, order, reasons, tags
from tests.decisions.rules import artifact, environment, rule
from tests.decisions.world import World

BUILD = r"build-(?P<version>-?[0-9.]+)"


def test_the_highest_number_whatever_its_length() -> None:
    choice = choose(tags("9", "10", "007", "7", "1e3", "v11", "latest"), artifact("numeric", "asc"))
    assert chosen(choice) == "10"
    assert reasons(choice) == {
        "9": "is lower than 10",
        "7": "is lower than 10",
        "007": "is lower than 10",
        "1e3": "is not a number",
        "v11": "is not a number",
        "latest": "is not a number",
    }


def test_downwards_the_lowest_one() -> None:
    choice = choose(tags("9", "10", "7.5", "7.25"), artifact("numeric", "desc"))
    assert chosen(choice) == "7.25"
    assert reasons(choice)["10"] == "is higher than 7.25"


def test_digits_beyond_every_float_still_count() -> None:
    long = "9" * 60
    followed = artifact("numeric", "asc")
    assert chosen(choose(tags(f"{long}.1", f"{long}.10000000000000001"), followed)) == (
        f"{long}.10000000000000001"
    )


def test_equal_numbers_are_told_apart_by_their_text() -> None:
    choice = choose(tags("7", "007", "7.0"), artifact("numeric", "asc"))
    assert chosen(choice) == "7.0"
    assert set(reasons(choice).values()) == {"is the same version as 7.0"}


@given(
    st.lists(
        st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,30})?", fullmatch=True), min_size=1, max_size=6
    )
)
def test_numbers_are_ordered_as_fractions_are(numbers: list[str]) -> None:
    listed = [f"build-{number}" for number in numbers]
    for direction, best in (("asc", max), ("desc", min)):
        followed = artifact("numeric", direction, tags=BUILD)
        found = chosen(choose(tags(*listed), followed))
        assert found is not None
        assert Fraction(found.removeprefix("build-")) == best(map(Fraction, numbers))
        for number in numbers:
            ordered = order(followed, found, f"build-{number}")
            same = Fraction(number) == best(map(Fraction, numbers))
            assert ordered is (Order.SAME if same else Order.LOWER)


@pytest.mark.parametrize(
    ("direction", "best", "why"),
    [("asc", "ab", "sorts before ab"), ("desc", "B", "sorts after B")],
)
def test_text_is_ordered_by_code_point(direction: str, best: str, why: str) -> None:
    choice = choose(tags("a", "ab", "B"), artifact("alphabetical", direction))
    assert chosen(choice) == best
    assert set(reasons(choice).values()) == {why}


@given(st.lists(st.text("ab1.-_Z", min_size=1, max_size=5), min_size=1, unique=True))
def test_text_is_ordered_as_python_orders_it(texts: list[str]) -> None:
    listed = [f"x{text}" for text in texts]
    assert chosen(choose(tags(*listed), artifact("alphabetical", "asc"))) == max(listed)
    assert chosen(choose(tags(*listed), artifact("alphabetical", "desc"))) == min(listed)


@pytest.mark.parametrize(
    ("followed", "running", "offered", "expected"),
    [
        (artifact("numeric", "asc"), "9", "10", Order.HIGHER),
        (artifact("numeric", "desc"), "9", "10", Order.LOWER),
        (artifact("numeric", "asc", tags=BUILD), "9", "build-10", Order.HIGHER),
        (artifact("numeric", "asc"), "latest", "10", Order.UNORDERED),
        (artifact("alphabetical", "asc"), "zesty", "artful", Order.LOWER),
        (artifact("alphabetical", "desc"), "zesty", "artful", Order.HIGHER),
        # A text that the rule does not look at is no version: that `main` sorts behind every
        # date would hold back for ever who changes over to dates.
        (artifact("alphabetical", "asc", tags="[0-9-]+"), "main", "2026-03-01", Order.UNORDERED),
    ],
)
def test_what_runs_is_ordered_by_the_same_rule(
    followed: ArtifactRule, running: str, offered: str, expected: Order
) -> None:
    assert order(followed, running, offered) is expected


def test_a_lower_number_is_held_back() -> None:
    world = World((rule(environment("dev"), artifacts=(artifact("numeric", "asc"),)),))
    world.registry("web", "99", "100")
    world.ran("web", "dev", "101")
    assert world.decision("web", "dev").state is State.HELD_BACK
    world.registry("web", "102")
    assert world.decision("web", "dev").state is State.PROPOSED


@pytest.mark.parametrize("suffix", ["", ".sig", ".att", ".sbom"])
def test_a_tag_that_holds_what_refers_to_another_image_is_never_taken(suffix: str) -> None:
    """Signatures and attestations of registries without the referrers API."""
    signature = f"sha256-{'0a' * 32}{suffix}"
    choice = choose(tags("main-1", signature), artifact("alphabetical", "asc"))
    assert chosen(choice) == "main-1"
    assert reasons(choice) == {signature: "holds what refers to another image"}
