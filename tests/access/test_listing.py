"""Which files are meant by a path, in trees that nobody tidied up."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest

from promoter.access.listing import Listing, find_files


def wanted(name: str) -> bool:
    return name.endswith(".yaml")


def find(*names: str | Path) -> Listing:
    return find_files([str(name) for name in names], wanted)


def shown(*names: str | Path) -> list[str]:
    listing = find(*names)
    assert (listing.skipped, listing.refused) == ((), ())
    return [each.shown for each in listing.files]


def write(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("a: 1\n")
    return file


class TestDirectories:
    def test_all_that_is_wanted_in_the_order_of_names(self, workdir: Path) -> None:
        for name in ("t/z.yaml", "t/b/2.yaml", "t/b/10.yaml", "t/a/x.yaml", "t/a/read.me"):
            write(workdir / name)
        assert shown("t") == ["t/z.yaml", "t/a/x.yaml", "t/b/10.yaml", "t/b/2.yaml"]

    def test_the_current_one_needs_no_prefix(self, workdir: Path) -> None:
        write(workdir / "a/x.yaml")
        assert shown(".") == shown("./") == ["a/x.yaml"]

    def test_hidden_ones_are_not_looked_into_but_hidden_files_are_files(
        self, workdir: Path
    ) -> None:
        write(workdir / ".git/config.yaml")
        write(workdir / ".ci.yaml")
        assert shown(".") == [".ci.yaml"]
        assert shown(".git") == [".git/config.yaml"]  # as a person asked for it

    def test_a_tree_deeper_than_python_recurses(self, workdir: Path) -> None:
        folder = workdir / ("d/" * 200)
        write(folder / "x.yaml")
        # Not a deeper tree: what cleans up after tests recurses, too.
        frames = len(inspect.stack(0))
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(frames + 100)
        try:
            listing = find(".")
        finally:
            sys.setrecursionlimit(before)
        assert [each.shown for each in listing.files] == ["d/" * 200 + "x.yaml"]

    def test_one_that_cant_be_listed_is_refused_and_the_rest_found(
        self, workdir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(workdir / "t/a.yaml")
        (workdir / "t/secret").mkdir()
        scan = os.scandir

        def scandir(folder: str) -> object:
            if folder.endswith("secret"):
                raise PermissionError(13, "Permission denied", folder)
            return scan(folder)

        monkeypatch.setattr(os, "scandir", scandir)
        listing = find("t")
        assert [each.shown for each in listing.files] == ["t/a.yaml"]
        (refused,) = listing.refused
        assert str(refused) == "t/secret: can't be listed: Permission denied"


class TestNamed:
    def test_a_named_file_may_have_any_name(self, workdir: Path) -> None:
        write(workdir / "values.txt")
        (found,) = find("values.txt").files
        assert found.named

    def test_what_is_not_there_is_refused_and_the_rest_found(self, workdir: Path) -> None:
        write(workdir / "a.yaml")
        (workdir / "dangling.yaml").symlink_to("nowhere.yaml")
        os.mkfifo(workdir / "pipe.yaml")
        listing = find("nope.yaml", "a.yaml", "dangling.yaml", "pipe.yaml", "a.yaml/b", "")
        assert [each.shown for each in listing.files] == ["a.yaml"]
        assert [str(each) for each in listing.refused] == [
            "nope.yaml: no such file",
            f"dangling.yaml: links to {workdir}/nowhere.yaml, which is not there",
            "pipe.yaml: is not a regular file and no directory",
            "a.yaml/b: can't be read: Not a directory",
            ": no such file",
        ]

    def test_a_file_is_found_once_and_under_the_name_that_was_given(self, workdir: Path) -> None:
        write(workdir / "t/a.yaml")
        write(workdir / "t/b.yaml")
        (workdir / "t/0.yaml").symlink_to("a.yaml")
        assert shown("t", "t") == ["t/a.yaml", "t/b.yaml"]
        assert shown("t", "t/../t/b.yaml") == ["t/../t/b.yaml", "t/a.yaml"]
        assert shown("t/0.yaml", "t/b.yaml") == ["t/0.yaml", "t/b.yaml"]


class TestLinks:
    def test_to_a_file_of_the_tree_stand_for_it(self, workdir: Path) -> None:
        write(workdir / "t/..data/a.txt")
        (workdir / "t/a.yaml").symlink_to("..data/a.txt")
        (found,) = find("t").files
        assert (found.shown, found.path) == ("t/a.yaml", str(workdir / "t/..data/a.txt"))

    def test_out_of_the_tree_are_left_alone_and_told(self, workdir: Path) -> None:
        write(workdir / "else/a.yaml")
        (workdir / "t").mkdir()
        (workdir / "t/file.yaml").symlink_to("../else/a.yaml")
        (workdir / "t/folder").symlink_to("../else")
        (workdir / "t/other.txt").symlink_to("../else/a.yaml")
        (workdir / "t2").mkdir()
        write(workdir / "t2/a.yaml")
        (workdir / "t/near.yaml").symlink_to("../t2/a.yaml")  # `t` begins its path, too
        listing = find("t")
        assert (listing.files, listing.refused) == ((), ())
        assert [str(each) for each in listing.skipped] == [
            f"t/file.yaml: links to {workdir}/else/a.yaml, outside of t; skipped",
            f"t/folder: links to {workdir}/else, outside of t; skipped",
            f"t/near.yaml: links to {workdir}/t2/a.yaml, outside of t; skipped",
        ]

    def test_in_circles_end(self, workdir: Path) -> None:
        write(workdir / "t/a/x.yaml")
        (workdir / "t/a/up").symlink_to("..")
        (workdir / "t/one.yaml").symlink_to("two.yaml")
        (workdir / "t/two.yaml").symlink_to("one.yaml")
        listing = find("t")
        assert [each.shown for each in listing.files] == ["t/a/x.yaml"]
        assert [str(each.where) for each in listing.skipped] == ["t/one.yaml", "t/two.yaml"]

    def test_that_lead_nowhere_are_told(self, workdir: Path) -> None:
        (workdir / ".#a.yaml").symlink_to("someone@host.42:1")  # how an editor locks a file
        (skipped,) = find(".").skipped
        where = f"links to {workdir}/someone@host.42:1, which is no file; skipped"
        assert str(skipped) == f".#a.yaml: {where}"

    def test_a_named_link_is_followed_within_where_we_stand(self, workdir: Path) -> None:
        write(workdir / "base/a.yaml")
        (workdir / "prod").mkdir()
        (workdir / "prod/a.yaml").symlink_to("../base/a.yaml")
        (found,) = find("prod/a.yaml").files
        assert found.path == str(workdir / "base/a.yaml")

    def test_a_named_link_is_not_followed_out_of_there(
        self, workdir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(workdir / "base/a.yaml")
        (workdir / "prod").mkdir()
        (workdir / "prod/a.yaml").symlink_to("../base/a.yaml")
        monkeypatch.chdir(workdir / "prod")
        (refused,) = find("a.yaml").refused
        assert refused.message == (
            f"links to {workdir}/base/a.yaml, outside of {workdir}/prod; name that file itself"
        )

    def test_a_named_link_to_a_directory_is_that_directory(self, workdir: Path) -> None:
        write(workdir / "releases/7/a.yaml")
        (workdir / "current").symlink_to("releases/7")
        (found,) = find("current").files
        expected = ("current/a.yaml", str(workdir / "releases/7/a.yaml"))
        assert (found.shown, found.path) == expected


class TestHostileNames:
    def test_are_one_printable_line(self, workdir: Path) -> None:
        for name in (b"new\nline.yaml", b"\x1b[31m.yaml", b"\xff\xfe.yaml", b"-rf.yaml"):
            write(workdir / os.fsdecode(name))
        names = [each.shown for each in find(".").files]
        assert sorted(names) == [
            "-rf.yaml",
            "\\x1b[31m.yaml",
            "\\xff\\xfe.yaml",
            "new\\x0aline.yaml",
        ]

    def test_are_read_under_their_real_name(self, workdir: Path) -> None:
        write(workdir / os.fsdecode(b"\xff.yaml"))
        (found,) = find(".").files
        assert Path(found.path).read_text() == "a: 1\n"

    def test_special_files_are_told_and_not_opened(self, workdir: Path) -> None:
        os.mkfifo(workdir / "pipe.yaml")  # to open it would wait for a writer
        listing = find(".")
        assert [str(each) for each in listing.skipped] == [
            "pipe.yaml: is not a regular file; skipped"
        ]
