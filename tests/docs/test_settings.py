"""docs/settings.md tells what the classes say."""

from __future__ import annotations

from docs.make_settings import PAGE, page_of


def test_the_page_is_what_the_classes_say() -> None:
    """Where it is not, on purpose: `python -m docs.make_settings` makes it anew."""
    page = PAGE.read_text("utf-8")
    assert page == page_of(page)
