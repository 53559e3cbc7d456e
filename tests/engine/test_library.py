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
    one = "apps/web/dev/kustomization.yaml"
    found = Library().files(repository, tip, ("apps/web/dev", one, "apps/none"))
    assert sorted(found["apps/web/dev"].files) == ["apps/web/dev/deployment.yaml", one]
    assert list(found[one].files) == [one]
    assert found["apps/none"].files == {}


def test_a_target_has_what_it_builds_on_wherever_that_lies(remote: Path, tmp_path: Path) -> None:
    tip = commit(
        remote,
        {
            "apps/web/test/kustomization.yaml": b"resources: [../base]\n",
            "apps/web/base/kustomization.yaml": b"resources: [all.yaml, gone.yaml, ../test]\n",
            "apps/web/base/all.yaml": b"kind: Deployment\n",
            "apps/web/base/other.yaml": b"kind: Deployment\n",
        },
    )
    repository = opened(remote, tmp_path / "cache")
    found = Library().files(repository, tip, ("apps/web/test",))["apps/web/test"]
    assert sorted(found.files) == [
        "apps/web/base/all.yaml",
        "apps/web/base/kustomization.yaml",
        "apps/web/test/kustomization.yaml",
    ]
    assert [path for path in found.files if found.is_own(path)] == [
        "apps/web/test/kustomization.yaml"
    ]


def test_a_quiet_repository_costs_no_reading(remote: Path, tmp_path: Path) -> None:
    repository = Counting(opened(remote, tmp_path / "cache"))
    real: Repository = repository  # type: ignore[assignment]  # the rest is the real one's
    library = Library()
    tip = real.refresh()["refs/heads/main"]
    files = library.files(real, tip, ("apps/web/dev",))["apps/web/dev"]
    first = library.readings(real, [(files, (WEB,))])(files, (WEB,))
    assert first.release is not None
    assert first.release.label == "1.0.0"
    assert set(repository.read) == set(files.files.values())
    repository.read.clear()
    tip = commit(remote, {"apps/web/dev/deployment.yaml": b"kind: Job\n"})
    real.refresh()
    files = library.files(real, tip, ("apps/web/dev",))["apps/web/dev"]
    assert library.readings(real, [(files, (WEB,))])(files, (WEB,)) == first
    assert repository.read == [files.files["apps/web/dev/deployment.yaml"]]


def test_what_falls_out_of_the_cache_is_read_again(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "_MENTIONS", 1)
    repository = opened(remote, tmp_path / "cache")
    library = Library()
    tip = repository.refresh()["refs/heads/main"]
    targets = library.files(repository, tip, ("apps/web/dev", "apps/web/dev-eu"))
    wanted = [(files, (WEB,)) for files in targets.values()]
    read = library.readings(repository, wanted)
    again = library.readings(repository, wanted)
    for files, names in wanted:
        assert read(files, names) == again(files, names)
        assert read(files, names).release is not None
