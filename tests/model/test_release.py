"""Releases: what moves together, by a name that never changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from promoter.model.image import ImageReference
from promoter.model.release import Release
from tests.decisions.rules import name, release


def test_the_order_and_the_spelling_of_artifacts_do_not_matter() -> None:
    one = Release.of(map(ImageReference.parse, ("nginx:1.27", "ghcr.io/shop/web:1.0.0")))
    other = Release.of(
        map(ImageReference.parse, ("ghcr.io/shop/web:1.0.0", "docker.io/library/nginx:1.27"))
    )
    assert one == other
    assert one.id == other.id
    assert hash(one) == hash(other)


def test_the_id_is_the_same_forever() -> None:
    """It stands in commits and merge requests that exist already."""
    assert release("web:1.0.0", "worker:2.0.0").id == "408fd7b0"


def test_every_part_of_every_artifact_counts_for_the_id() -> None:
    versions = [release("web:1.0.0"), release("web:1.0.0@"), release("web:1.0.0@x")]
    versions += [release("web:1.0.1@web:1.0.0"), release("api:1.0.0@web:1.0.0")]
    assert len({each.id for each in versions}) == len(versions)


def test_releases_agree_as_far_as_both_say() -> None:
    full, bare = release("web:1.0.0", "worker:2.0.0"), release("web:1.0.0@", "worker:2.0.0")
    assert full.agrees(bare)
    assert bare.agrees(full)
    assert not full.agrees(release("web:1.0.0@x", "worker:2.0.0"))
    assert not full.agrees(release("web:1.0.1@", "worker:2.0.0"))


def test_a_piece_of_a_release_is_another_release() -> None:
    whole, piece = release("web:1.0.0", "worker:2.0.0"), release("web:1.0.0")
    assert not whole.agrees(piece)
    assert not piece.agrees(whole)


def test_an_artifact_is_found_by_its_name() -> None:
    both = release("web:1.0.0", "worker:2.0.0")
    found = both.get(name("worker"))
    assert found is not None
    assert found.tag == "2.0.0"
    assert both.get(name("api")) is None
    assert both.names == {name("web"), name("worker")}


def test_people_read_one_tag_or_each_artifact_with_its_own() -> None:
    assert release("web:1.0.0", "worker:1.0.0").label == "1.0.0"
    assert release("web:1.0.0", "worker:2.0.0").label == "web 1.0.0, worker 2.0.0"
    assert release("web:@x").label.startswith("sha256:")


parts = st.sampled_from(
    ["web:1.0.0", "web:1.0.0@x", "web:1.0.0@", "web:1.1.0", "web:@x", "api:1.0.0"]
)


@given(parts, parts)
def test_agreeing_is_mutual_and_equal_releases_agree(one: str, other: str) -> None:
    first, second = release(one), release(other)
    assert first.agrees(second) == second.agrees(first)
    assert first.agrees(first)
    assert (first == second) == (one == other)
