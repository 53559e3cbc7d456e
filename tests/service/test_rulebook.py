"""Rules are read again when their files change; a broken new version keeps the old and says so."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from promoter.errors import InputError, TransientError, Where
from promoter.rules import load_rules
from promoter.service.rulebook import Files, Rulebook

_RULE = """\
version: 1
repository: {url: https://git.example.com/NAME.git, branch: main, forge: gitlab}
artifacts: [{image: "ghcr.io/NAME/{application}", select: {semver: ">=1.0"}}]
applications: apps/{application}/{environment}
environments: {dev: {}}
"""
SHOP, BANK = _RULE.replace("NAME", "shop"), _RULE.replace("NAME", "bank")


class Folder:
    """Rule files that somebody changes."""

    def __init__(self, **files: str) -> None:
        self.files: dict[str, str] = {f"rules/{name}.yaml": text for name, text in files.items()}
        self.unread: list[InputError] = []
        self.error: Exception | None = None
        self.loads = 0
        self.book = Rulebook(self._read, self._load)

    def write(self, name: str, text: str) -> bool:
        self.files = {**self.files, f"rules/{name}.yaml": text}
        return self.book.refresh()

    @property
    def addresses(self) -> list[str]:
        return [each.repository.url.rpartition("/")[2] for each in self.book.rules]

    def _read(self) -> Files:
        if self.error:
            raise self.error
        return self.files, self.unread

    def _load(self, files: Mapping[str, str]):  # type: ignore[no-untyped-def] # as load_rules
        self.loads += 1
        return load_rules(files)


def test_rules_are_loaded_again_only_where_a_file_changed() -> None:
    folder = Folder(shop=SHOP)
    assert folder.book.refresh()
    assert not folder.book.refresh()
    assert folder.loads == 1
    assert folder.write("bank", BANK)
    assert folder.addresses == ["shop.git", "bank.git"]


def test_a_comment_changes_nothing() -> None:
    folder = Folder(shop=SHOP)
    folder.book.refresh()
    assert not folder.write("shop", f"# ours\n{SHOP}")


def test_a_broken_new_version_keeps_the_old_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    folder = Folder(shop=SHOP, bank=BANK)
    folder.book.refresh()
    with caplog.at_level(logging.WARNING):
        assert not folder.write("shop", SHOP.replace("semver", "server"))
    assert folder.addresses == ["shop.git", "bank.git"]
    (broken,) = folder.book.broken
    assert broken.startswith("rules/shop.yaml:3:")
    assert broken in caplog.text
    assert "rules/shop.yaml: the last good version stays in force" in caplog.text
    # The others go on changing, and the file that is mended counts again.
    assert folder.write("bank", BANK.replace("bank.git", "vault.git"))
    assert folder.addresses == ["shop.git", "vault.git"]
    assert folder.write("shop", SHOP.replace("shop.git", "store.git"))
    assert folder.addresses == ["store.git", "vault.git"]
    assert folder.book.broken == ()


def test_what_was_broken_from_the_beginning_is_left_out() -> None:
    folder = Folder(shop=SHOP, bank="version: 7")
    folder.book.refresh()
    assert folder.addresses == ["shop.git"]
    assert folder.book.broken


def test_a_file_that_is_no_text_any_more_keeps_the_old_too() -> None:
    folder = Folder(shop=SHOP, bank=BANK)
    folder.book.refresh()
    folder.files = {"rules/shop.yaml": SHOP}
    folder.unread = [InputError("is not UTF-8 text", where=Where("rules/bank.yaml"))]
    folder.book.refresh()
    assert sorted(folder.addresses) == ["bank.git", "shop.git"]


def test_a_rule_that_is_taken_away_is_gone() -> None:
    folder = Folder(shop=SHOP, bank=BANK)
    folder.book.refresh()
    folder.files = {"rules/bank.yaml": BANK}
    assert folder.book.refresh()
    assert folder.addresses == ["bank.git"]


@pytest.mark.parametrize("error", [TransientError("git is down"), InputError("no rule file")])
def test_files_that_cannot_be_had_leave_everything_as_it_is(error: Exception) -> None:
    folder = Folder(shop=SHOP)
    folder.book.refresh()
    folder.error = error
    with pytest.raises(type(error)):
        folder.book.refresh()
    assert folder.addresses == ["shop.git"]
    folder.error = None
    assert not folder.book.refresh()
