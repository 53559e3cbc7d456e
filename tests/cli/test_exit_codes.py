"""Which exit code tells of several troubles at once: the one that needs somebody first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from promoter.cli.exit_codes import BUG, DONE, INPUT, LATER, WAITING, of_error, of_troubles
from promoter.errors import ConflictError, InputError, PromoterError, TransientError
from promoter.model.plan import Plan, Trouble
from promoter.model.trouble import TroubleKind
from tests.stories.shop import ALICE, Terminal


@pytest.mark.parametrize(
    ("kinds", "broken_rules", "code"),
    [
        ((), False, DONE),
        (("transient",), False, LATER),
        (("transient", "input"), False, INPUT),
        (("input", "bug", "transient"), False, BUG),
        ((), True, INPUT),
        (("transient",), True, INPUT),
        (("bug",), True, BUG),
    ],
)
def test_the_worst_one_counts(kinds: Sequence[TroubleKind], broken_rules: bool, code: int) -> None:
    troubles = tuple(Trouble("rules/shop.yaml", "why", kind) for kind in kinds)
    assert of_troubles(Plan(()), troubles, broken_rules) == code
    assert of_troubles(Plan((), troubles=troubles), (), broken_rules) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), INPUT),
        (TransientError("x"), LATER),
        (ConflictError("x"), LATER),
        (PromoterError("x"), BUG),
    ],
)
def test_every_error_has_one(error: PromoterError, code: int) -> None:
    assert of_error(error) == code


@pytest.mark.usefixtures("world")
def test_a_scheduler_that_knows_no_3() -> None:
    """In the demo's world production waits for its gate when staging has got the release."""
    promoter = Terminal()
    promoter("run")
    for number in promoter("mr", "list", "--output", "json").json["merge_requests"]:
        promoter("mr", "merge", str(number["number"]), "--as", ALICE)
    promoter("run", expect=WAITING)
    promoter("run", "--waiting-is-done", expect=DONE)
    promoter("run", "--waiting-is-done", "--rules", "nowhere", expect=INPUT)
