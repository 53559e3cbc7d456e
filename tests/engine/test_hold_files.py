"""Hold files are found in a real tree, and each is read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from promoter.access.mirror import Mirror
from promoter.engine.hold_files import HoldFiles
from promoter.model.hold import NO_HOLDS
from promoter.repositories.git import GitRepository
from tests.services.git_server import DATE, commit, create_repository, git

HOLD = b"by: ann\nreason: the sale\n"
FOLDER = ".promoter/holds"


class Counting(GitRepository):
    read: int = 0

    def blobs(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        wanted = list(ids)
        self.read += len(wanted)
        return super().blobs(wanted)


def opened(remote: Path, tmp_path: Path) -> Counting:
    mirror = Mirror(remote.as_uri(), tmp_path / "cache")
    return Counting(mirror, name="bot", email="bot@example.com", now=lambda: DATE)


def tip(repository: GitRepository) -> str:
    return repository.refresh()["refs/heads/main"]


def test_a_repository_without_holds_costs_no_read(tmp_path: Path) -> None:
    remote = create_repository(tmp_path / "shop.git", {f"{FOLDER}/README.md": b"?", "a.yaml": b""})
    repository = opened(remote, tmp_path)
    assert HoldFiles().read(repository, tip(repository)) == NO_HOLDS
    assert repository.read == 0


def test_each_file_is_read_once_and_again_when_it_changes(tmp_path: Path) -> None:
    names = ("dev/web.yaml", "dev/api.yml", "_all.yaml", "notes/README.md")
    files = {f"{FOLDER}/{each}": HOLD for each in names}
    remote = create_repository(tmp_path / "shop.git", files)
    repository, shelf = opened(remote, tmp_path), HoldFiles()
    found = shelf.read(repository, tip(repository))
    assert sorted(each.where.file for each in found.standing) == [
        f"{FOLDER}/{each}" for each in ("_all.yaml", "dev/api.yml", "dev/web.yaml")
    ]
    assert shelf.read(repository, tip(repository)) == found
    count = repository.read
    commit(remote, {f"{FOLDER}/dev/web.yaml": b"by: ben\nreason: x\n", "else.txt": b""})
    after = shelf.read(repository, tip(repository))
    assert {each.by for each in after.standing} == {"ann", "ben"}
    assert repository.read == count + 1


def test_a_link_holds_what_its_path_names(tmp_path: Path) -> None:
    remote = create_repository(tmp_path / "shop.git", {"a.yaml": HOLD})
    blob = git(remote, "hash-object", "-w", "--stdin", given=b"../../../a.yaml")
    git(remote, "read-tree", "main")
    git(
        remote,
        *("update-index", "--add", "--cacheinfo", f"120000,{blob},{FOLDER}/dev/web.yaml"),
    )
    tree = git(remote, "write-tree")
    who = {
        f"GIT_{role}_{what}": "a@b"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    made = git(remote, "commit-tree", "-p", "main", "-m", "link", tree, environment=who)
    git(remote, "update-ref", "refs/heads/main", made)
    repository = opened(remote, tmp_path)
    (broken,) = HoldFiles().read(repository, tip(repository)).broken
    assert (broken.applications, broken.environments) == (("web",), ("dev",))
    assert str(broken.problems[0]) == (
        f"{FOLDER}/dev/web.yaml: is no regular file: put one in the place of the link"
    )
