"""What is kept of a commit, for as long as it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from promoter.engine.kept import Kept, Passing
from promoter.model.facts import HoldsOf
from promoter.model.rule import RepositoryAddress

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SHOP = RepositoryAddress("https://git.example.com/shop.git", "main", "gitlab")


def test_an_answer_holds_until_its_time_and_not_before_it_was_read() -> None:
    question = HoldsOf(SHOP, "a" * 40)
    kept = Kept()
    kept.keep(question, Passing("read", NOW + timedelta(hours=1)), NOW)
    known = kept.find(question, NOW + timedelta(minutes=59))
    assert known is not None
    assert known.value == "read"
    assert kept.find(question, NOW + timedelta(hours=1)) is None
    # The clock was set back: what was past when it was read may be ahead again.
    assert kept.find(question, NOW - timedelta(seconds=1)) is None
