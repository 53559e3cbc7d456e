"""docs/merge-requests.md shows what the product writes today, and images that were drawn of it."""

from __future__ import annotations

import re
from pathlib import Path

from docs.make_merge_requests import FOLDER, PAGE, tell
from docs.merge_requests_page import drawing_of, image_of, page_of

_MOST_BYTES = 150_000


def test_the_page_is_what_promoter_writes_today(tmp_path: Path) -> None:
    """Where it is not, on purpose: `python -m docs.make_merge_requests` makes it anew."""
    told = tell(tmp_path)
    page = PAGE.read_text("utf-8")
    assert page == page_of(told, page)
    assert "127.0.0.1" not in page
    for each in told:
        # What a reader sees is also in the image; nobody reads the bot's record there.
        assert each.status[2] in drawing_of(each)
        assert each.approved_by == ("ann",)
        image = (FOLDER / image_of(each)).read_bytes()
        assert image.startswith(b"\x89PNG")
        assert len(image) < _MOST_BYTES


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\(([a-z/-]+\.(?:md|png))", PAGE.read_text("utf-8"))
    assert {"rules.md", "images/github-merge-request.png"} <= set(links)
    assert [each for each in links if not (FOLDER / each).exists()] == []
