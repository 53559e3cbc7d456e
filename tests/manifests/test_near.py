"""Near misses: why nothing was found in a file that names almost the image."""

from __future__ import annotations

import pytest

from promoter.manifests import near_misses
from tests.manifests.reading import WEB, names


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (
            "a: 1\nimage: quay.io/shop/web:v1\n",
            "2:8: image names quay.io/shop/web, not W: another registry",
        ),
        ("image: ghcr.io/other/web\n", "1:8: image names ghcr.io/other/web, not W: another path"),
        ("image: web:v1\n", "1:8: image names docker.io/library/web, not W: another path"),
        (
            "registry: quay.io\nrepository: shop/web\ntag: v1\n",
            "2:13: repository names quay.io/shop/web, not W: another registry",
        ),
        ("repository: W\n", "1:13: repository names W, but nothing beside it holds a tag"),
        ("image: ${R}/web:v1\n", "1:8: image '${R}/web:v1' ends like W, but is no image name"),
        (
            "images:\n- name: web\n  newTag: v1\n",
            "2:9: name names docker.io/library/web, not W: another path",
        ),
        ("- images:\n  - newName: x/web\n", "2:14: newName names docker.io/x/web, not W"),
    ],
)
def test_a_near_miss_is_told_with_its_place(content: str, note: str) -> None:
    notes = near_misses("a.yaml", content.replace("W", WEB).encode(), names())
    assert [str(each).startswith(f"a.yaml:{note.replace('W', WEB)}") for each in notes] == [True]


@pytest.mark.parametrize(
    "content",
    [
        "image: W:v1\n",
        "image: W:${TAG}\n",
        "image: ghcr.io/shop/web-api:v1\n",
        "name: web\n",
        "repository: W\ntag: v1\n",
        "image: quay.io/shop/web\na: [\n",
        "other: 1\n",
    ],
)
def test_sites_and_what_is_reported_elsewhere_are_no_near_misses(content: str) -> None:
    assert near_misses("a.yaml", content.replace("W", WEB).encode(), names()) == ()
