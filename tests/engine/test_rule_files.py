"""Rule files in the manifest repository itself: which are read, from where, and what they are
called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promoter.access.mirror import Mirror
from promoter.engine.rule_files import read_rule_files
from promoter.errors import InputError
from promoter.model.rule import Rule
from promoter.repositories.git import GitRepository
from tests.services.git_server import commit, create_repository

URL = "https://git.example.com/platform/manifests.git"


class Manifests:
    def __init__(self, folder: Path, files: Mapping[str, bytes]) -> None:
        self.bare = create_repository(folder / "manifests.git", files)
        mirror = Mirror(self.bare.as_uri(), folder / "cache")
        self._repository = GitRepository(
            mirror, name="bot", email="bot@example.com", now=lambda: datetime.now(UTC)
        )

    def read(self, *paths: str) -> Mapping[str, str]:
        files, errors = read_rule_files(self._repository, URL, paths)
        assert errors == ()
        return files

    def refuses(self, *paths: str) -> str:
        with pytest.raises(InputError) as caught:
            self.read(*paths)
        return str(caught.value)


def test_they_lie_in_a_folder_of_their_own_or_in_rules(tmp_path: Path) -> None:
    manifests = Manifests(tmp_path, {"rules/a.yaml": b"a", "README.md": b""})
    assert list(manifests.read()) == [f"{URL}//rules/a.yaml"]
    commit(manifests.bare, {".promoter/rules/b.yml": b"b", ".promoter/holds/x.yaml": b""})
    assert manifests.read() == {f"{URL}//.promoter/rules/b.yml": "b"}


def test_a_rule_is_called_as_if_its_file_lay_on_a_disk(tmp_path: Path) -> None:
    """The name is in the record of each merge request: a job and a service that read the same
    rule must know each other's."""
    manifests = Manifests(tmp_path, {"shop.eu.yaml": b"", "rules/shop.eu.yaml": b""})
    for path in ("shop.eu.yaml", "rules/shop.eu.yaml", "rules", "."):
        (source,) = manifests.read(path)
        assert Rule.name_of(source) == "shop.eu"


def test_files_and_folders_are_named_and_no_file_is_read_twice(tmp_path: Path) -> None:
    files = {
        "rules/a.yaml": b"a",
        "rules/deep/b.yaml": b"b",
        "rules/notes.txt": b"",
        "c.yaml": b"c",
    }
    manifests = Manifests(tmp_path, files)
    assert list(manifests.read("rules/", "c.yaml", "rules/a.yaml").values()) == ["a", "c"]


def test_a_branch_under_change_has_no_say(tmp_path: Path) -> None:
    manifests = Manifests(tmp_path, {"rules/a.yaml": b"reviewed"})
    commit(manifests.bare, {"rules/a.yaml": b"mine"}, branch="promoter/dev/web")
    commit(manifests.bare, {"rules/a.yaml": b"mine"}, branch="feature")
    assert list(manifests.read().values()) == ["reviewed"]


def test_what_is_missing_is_told_with_its_place(tmp_path: Path) -> None:
    manifests = Manifests(tmp_path, {"README.md": b"", "rules/readme.txt": b""})
    assert manifests.refuses() == (
        f"there is no rule file (*.yaml, *.yml) directly in {URL}//.promoter/rules, {URL}//rules,"
        " on the branch main"
    )
    assert manifests.refuses("rulez") == (
        f"{URL}//rulez: no such rule file or directory on the branch main"
    )
    assert manifests.refuses("/etc/rules") == (
        "--rules (or PROMOTER_RULES) /etc/rules: with --repository, name a path inside of it"
    )


def test_a_link_is_not_followed_and_what_is_no_text_is_told(tmp_path: Path) -> None:
    manifests = Manifests(tmp_path, {"rules/a.yaml": b"\xff"})
    link = {"rules/passwd.yaml": b"/etc/passwd"}
    commit(manifests.bare, link, modes={"rules/passwd.yaml": "120000"})
    files, (error,) = read_rule_files(manifests._repository, URL, ())
    assert files == {}
    assert str(error) == f"{URL}//rules/a.yaml: is not UTF-8 text"
