"""Manifests by blob: read once, found again, and disposable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from promoter.engine import library as library_module
from promoter.engine.library import Library
from promoter.model.ports import Repository
from tests.engine.shop import WEB, kustomization, opened
from tests.services.git_server import commit, create_repository

FILES = {
    "apps/web/dev/kustomization.yaml": kustomization("1.0.0"),
    "apps/web/dev/deployment.yaml": b"kind: Deployment\n",
    "apps/web/dev/README.md": b"web: 2.0.0\n",
    "apps/web/dev-eu/kustomization.yaml": kustomization("9.0.0"),
}


class Counting:
    """A repository that notes which blobs were read."""

    def __init__(self, real: Repository) -> None:
        self._real = real
        self.read: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def blobs(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        wanted = list(ids)
        self.read += wanted
        return self._real.blobs(wanted)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return create_repository(tmp_path / "remote.git", FILES)


def test_manifests_are_files_of_the_directory_itself(remote: Path, tmp_path: Path) -> None:
    link = "apps/web/dev/link.yaml"
    tip = commit(remote, {link: b"kustomization.yaml"}, modes={link: "120000"})
    repository = opened(remote, tmp_path / "cache")
    assert sorted(Library().manifests(repository, tip, "apps/web/dev")) == [
        "apps/web/dev/deployment.yaml",
        "apps/web/dev/kustomization.yaml",
    ]
    one = "apps/web/dev/kustomization.yaml"
    assert list(Library().manifests(repository, tip, one)) == [one]
    assert Library().manifests(repository, tip, "apps/none") == {}


def test_a_quiet_repository_costs_no_reading(remote: Path, tmp_path: Path) -> None:
    repository = Counting(opened(remote, tmp_path / "cache"))
    real: Repository = repository  # type: ignore[assignment]  # the rest is the real one's
    library = Library()
    tip = real.refresh()["refs/heads/main"]
    files = library.manifests(real, tip, "apps/web/dev")
    first = library.sites(real, [(files, (WEB,))])(files, (WEB,))
    assert first.release is not None
    assert first.release.label == "1.0.0"
    assert sorted(repository.read) == sorted(files.values())
    repository.read.clear()
    tip = commit(remote, {"apps/web/dev/deployment.yaml": b"kind: Job\n"})
    real.refresh()
    files = library.manifests(real, tip, "apps/web/dev")
    assert library.sites(real, [(files, (WEB,))])(files, (WEB,)) == first
    assert repository.read == [files["apps/web/dev/deployment.yaml"]]


def test_what_falls_out_of_the_cache_is_read_again(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "_MENTIONS", 1)
    repository = opened(remote, tmp_path / "cache")
    library = Library()
    tip = repository.refresh()["refs/heads/main"]
    wanted = [
        (library.manifests(repository, tip, path), (WEB,))
        for path in ("apps/web/dev", "apps/web/dev-eu")
    ]
    read = library.sites(repository, wanted)
    again = library.sites(repository, wanted)
    for files, names in wanted:
        assert read(files, names) == again(files, names)
        assert read(files, names).release is not None
