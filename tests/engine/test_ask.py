"""One step is run again and again until it asks nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest

from promoter.engine.adapters import Adapters
from promoter.engine.ask import ask
from promoter.engine.observe import Observer
from promoter.errors import PromoterError
from promoter.model.facts import DetailsOf, DigestOf, Facts, NotKnown, TagsOf
from promoter.model.image import ImageName
from promoter.registries.layout import LayoutRegistry
from promoter.registries.layout_writer import write_image
from tests.engine.shop import NOW

WEB = ImageName.parse("ghcr.io/shop/web")


@pytest.fixture
def observer(tmp_path: Path) -> Observer:
    """A registry in a folder with web at 1.0.0 and 1.1.0; no repository and no forge."""
    for tag in ("1.0.0", "1.1.0"):
        write_image(tmp_path, "shop/web", tag, created=NOW, labels={"version": tag})

    def nowhere(where: object) -> None:
        pytest.fail(f"{where} is asked for what only a registry knows")

    return Observer(Adapters(nowhere, nowhere, lambda _: LayoutRegistry(tmp_path)))  # type: ignore[arg-type]


def test_each_round_may_ask_for_what_the_one_before_told(observer: Observer) -> None:
    def versions(facts: Facts) -> list[str]:
        digests = facts.need_all(DigestOf(WEB, tag) for tag in facts.need(TagsOf(WEB)))
        details = facts.need_all(DetailsOf(WEB, digest) for digest in digests if digest)
        return sorted(each.label("version") or "" for each in details if each)

    told: list[str] = []
    assert ask(versions, observer, NOW, told.append) == ["1.0.0", "1.1.0"]
    assert told == ["looking up 1 fact", "looking up 2 facts", "looking up 2 facts"]


def test_what_the_world_does_not_tell_is_not_known(observer: Observer) -> None:
    missing = TagsOf(ImageName.parse("ghcr.io/shop/absent"))
    with pytest.raises(NotKnown, match="absent"):
        ask(lambda facts: facts.need(missing), observer, NOW, lambda _: None)


def test_a_step_that_never_has_enough_is_a_bug_and_not_a_hang(observer: Observer) -> None:
    def greedy(facts: Facts) -> None:
        facts.need(DigestOf(WEB, f"tag-{len(facts.answers)}"))

    with pytest.raises(PromoterError, match="still asks after 100 rounds"):
        ask(greedy, observer, NOW, lambda _: None)
