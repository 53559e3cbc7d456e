"""docs/why.md shows what `promoter why` says today."""

from __future__ import annotations

from docs.make_why import PAGE, page_of, situations


def test_the_page_is_what_promoter_says_today() -> None:
    """Where it is not, on purpose: `python -m docs.make_why` makes it anew."""
    page = PAGE.read_text("utf-8")
    assert page == page_of(situations(), page)


def test_a_dozen_situations_are_told_each_of_its_own() -> None:
    told = list(situations())
    assert len(told) >= 12
    assert len({each.screen for each in told}) == len(told)
