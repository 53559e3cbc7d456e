"""Real repositories: every image found is edited to the byte, or refused with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from promoter.manifests import edit_target, find_sites
from promoter.manifests.quoting import is_misread
from promoter.model.image import ImageReference
from promoter.model.release import Release
from promoter.model.target import Problem, Site
from tests.manifests.oracle import load, manifests_in, names_in
from tests.manifests.reading import NEW
from tests.needs import need

TAG = "v9.9.9"


def _leaves(node: Any, path: str = "") -> dict[str, str]:
    if isinstance(node, dict):
        return {
            k: v for key, each in node.items() for k, v in _leaves(each, f"{path}/{key}").items()
        }
    if isinstance(node, list):
        return {
            k: v for i, each in enumerate(node) for k, v in _leaves(each, f"{path}/{i}").items()
        }
    return {path: repr(node)}


def _check(sites: Sequence[Site], before: bytes, after: bytes, loaded: list[Any] | None) -> None:
    """By lines and by loaded values: only what the sites hold may differ, by the new version."""
    old, new = before.split(b"\n"), after.split(b"\n")
    inserted = len(new) - len(old)
    kept = Counter(old) & Counter(new)
    assert 0 <= inserted <= 2 * len(sites)
    assert len(new) - kept.total() <= 2 * len(sites) + inserted
    again = load(after)
    if loaded is None or again is None:
        assert loaded is again is None
        return
    was, now = _leaves(loaded), _leaves(again)
    differing = {path for path in was.keys() | now.keys() if was.get(path) != now.get(path)}
    roots = tuple(f"/{site.document}{_unescaped(site.pointer)}" for site in sites)
    assert differing
    assert all(path.startswith(roots) for path in differing)
    assert all(TAG in now[path] or NEW in now[path] for path in differing)


def _unescaped(pointer: str) -> str:
    return pointer.replace("~1", "/").replace("~0", "~")


def _assert_placed(problems: Iterable[Problem], path: str) -> None:
    for problem in problems:
        assert problem.where is not None
        assert problem.where.file == path
        assert problem.where.line > 0


def _there_and_back(path: str, content: bytes, image: ImageReference) -> bytes | None:
    """To another version in the form that stands, and back; None where that is refused."""
    for version in (image.at(image.tag and TAG, image.digest and NEW), image):
        sites, _ = find_sites(path, content, [image.name])
        edit = edit_target({path: content}, sites, Release.of([version]), {image.name: "keep"})
        if edit.refused:
            return None
        content = edit.changes[0].after
    return content


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.soak)])
def test_every_image_of_real_repositories_is_edited_to_the_byte_or_refused(every: int) -> None:
    corpus = need("shared/corpus")
    seen: Counter[str] = Counter()
    for file in manifests_in(corpus)[::every]:
        path, content = str(file.relative_to(corpus)), file.read_bytes()
        sites, problems = find_sites(path, content, names_in(content))
        _assert_placed(problems, path)
        loaded = load(content) if sites else None
        for name in dict.fromkeys(site.image.name for site in sites):
            same = [site for site in sites if site.image.name == name]
            release = Release.of([ImageReference.parse(f"{name}:{TAG}@{NEW}")])
            edit = edit_target({path: content}, same, release, {})
            _assert_placed(edit.refused, path)
            if edit.refused:
                assert edit.changes == ()
                seen.update(refused=len(same))
                continue
            _check(same, content, edit.changes[0].after, loaded)
            seen.update(edited=len(same))
            image = same[0].image
            if len({site.image for site in same}) == 1 and not is_misread(image.tag or "v"):
                back = _there_and_back(path, content, image)
                assert back in (None, content)
                seen.update(returned=back is not None)
    # Most are edited, and most of those in a form that has a way back.
    assert seen["edited"] > 1000 / every
    assert seen["refused"] < seen["edited"] / 10
    assert seen["returned"] > 600 / every
