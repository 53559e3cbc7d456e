"""`calver: FORMAT`: the latest calendar version."""

from __future__ import annotations

import pytest

from promoter.decisions.policies.policy import Order
from tests.decisions.choosing import choose, chosen, order, reasons, tags
from tests.decisions.rules import artifact


def test_the_latest_is_chosen_and_every_other_tag_has_its_reason() -> None:
    choice = choose(
        tags("2026.02.9", "2026.02.10", "2026.2.8", "2025.12", "2026.13", "latest", "2026.03-rc.1"),
        artifact("calver", "YYYY.0M.MICRO-MODIFIER"),
    )
    assert chosen(choice) == "2026.02.10"
    assert reasons(choice) == {
        "2026.02.9": "is lower than 2026.02.10",
        "2026.2.8": "does not have the form YYYY.0M.MICRO-MODIFIER",
        "2025.12": "is lower than 2026.02.10",
        "2026.13": "names the month 13, and a year has 1 to 12",
        "latest": "does not have the form YYYY.0M.MICRO-MODIFIER",
        "2026.03-rc.1": "is a prerelease",
    }


@pytest.mark.parametrize(("prereleases", "best"), [(False, "26.1"), (True, "26.2-rc.10")])
def test_a_modifier_makes_a_prerelease(prereleases: bool, best: str) -> None:
    followed = artifact("calver", "YY.MINOR.MICRO-MODIFIER", prereleases=prereleases)
    assert chosen(choose(tags("26.1", "26.2-rc.9", "26.2-rc.10", "26.2-beta"), followed)) == best


def test_the_release_is_above_its_prereleases() -> None:
    followed = artifact("calver", "YYYY.0M-MODIFIER", prereleases=True)
    assert chosen(choose(tags("2026.03-rc.1", "2026.03"), followed)) == "2026.03"


def test_spellings_of_one_version_are_one_version() -> None:
    """Unpadded tokens read both spellings: else `2026.10` would stay the latest for ever."""
    choice = choose(tags("2026.3", "2026.03", "v2026.3.0"), artifact("calver", "YYYY.MM.MICRO"))
    assert chosen(choice) == "v2026.3.0"
    assert set(reasons(choice).values()) == {"is the same version as v2026.3.0"}


@pytest.mark.parametrize(
    ("running", "offered", "expected"),
    [
        ("2026.02", "2026.03", Order.HIGHER),
        ("2026.10", "2026.9", Order.LOWER),
        ("2026.3", "2026.03.0", Order.SAME),
        ("2026.03-rc.1", "2026.03", Order.HIGHER),
        ("1.4.0", "2026.03", Order.HIGHER),
        ("latest", "2026.03", Order.UNORDERED),
    ],
)
def test_what_runs_is_ordered_by_the_same_calendar(
    running: str, offered: str, expected: Order
) -> None:
    assert order(artifact("calver", "YYYY.MM.MICRO-MODIFIER"), running, offered) is expected
