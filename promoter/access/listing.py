# ruff: noqa: PTH114, PTH116, PTH118, PTH120 - no pathlib: one Path a file is slow
"""Finds files under the paths that a person names.

A path is followed only where it stays in the tree that was named: a link to a file in it stands
for that file, a link out of it is left alone and told, a linked directory is never walked, so
that no circle is. Hidden directories (`.git`) are skipped.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from typing import NamedTuple

from promoter.errors import Where
from promoter.model.target import Problem
from promoter.texts.paint import printable

_NOT_A_FILE = "is not a regular file"


class Found(NamedTuple):
    """A file to look at. `shown` is how messages spell it, `path` where it really is; `named`
    tells whether a person named this very file, and not a directory above it."""

    shown: str
    path: str
    named: bool


class Listing(NamedTuple):
    """Files in the order of their names, each once; those that a person named come first.

    `skipped` is what a person should know of; `refused` is what they named and can't have.
    """

    files: tuple[Found, ...]
    skipped: tuple[Problem, ...] = ()
    refused: tuple[Problem, ...] = ()


def find_files(names: Sequence[str], wanted: Callable[[str], bool]) -> Listing:
    """The files that the paths name, and those in named directories that are `wanted`.

    `wanted` gets a file's name without folders. Raises nothing: see `Listing.refused`.
    """
    finder = _Finder(wanted)
    for name in names:
        finder.take(name)
    # A name that a person gave is the best one for a file, a link's the last.
    by_path: dict[str, Found] = {}
    for each in sorted((*finder.files, *finder.linked), key=lambda found: not found.named):
        by_path.setdefault(each.path, each)
    return Listing(tuple(by_path.values()), tuple(finder.skipped), tuple(finder.refused))


class _Finder:
    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.wanted = wanted
        self.files: list[Found] = []
        self.linked: list[Found] = []
        self.skipped: list[Problem] = []
        self.refused: list[Problem] = []

    def take(self, name: str) -> None:
        """One path as a person gave it."""
        shown = show_name(name)
        try:
            mode = os.stat(name).st_mode
        except (OSError, ValueError) as error:
            self.refuse(shown, _missing(name, error))
            return
        real = os.path.realpath(name)
        if stat.S_ISDIR(mode):
            self.walk(real, name)
        elif not stat.S_ISREG(mode):
            self.refuse(shown, f"{_NOT_A_FILE} and no directory")
        elif os.path.islink(name) and not _is_below(real, tree := _tree_of(name)):
            self.refuse(
                shown,
                f"links to {show_name(real)}, outside of {show_name(tree)}; name that file itself",
            )
        else:
            self.files.append(Found(shown, real, named=True))

    def walk(self, root: str, name: str) -> None:
        """Every wanted file below; without recursion, trees may be deep."""
        folders = [(root, "" if name in (".", "./") else name)]
        while folders:
            folder, prefix = folders.pop()
            try:
                with os.scandir(folder) as listed:
                    entries = sorted(listed, key=lambda entry: entry.name)
            except OSError as error:
                self.refuse(show_name(prefix or name), f"can't be listed: {error.strerror}")
                continue
            below = []
            for entry in entries:
                path = os.path.join(prefix, entry.name)
                if entry.is_symlink():
                    self.link(entry, path, root, name)
                elif entry.is_dir():
                    if not entry.name.startswith("."):
                        below.append((entry.path, path))
                elif self.wanted(entry.name):
                    self.plain(entry, path)
            folders += reversed(below)

    def plain(self, entry: os.DirEntry[str], path: str) -> None:
        if entry.is_file():
            self.files.append(Found(show_name(path), entry.path, named=False))
        else:
            self.skip(path, _NOT_A_FILE)

    def link(self, entry: os.DirEntry[str], path: str, root: str, name: str) -> None:
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:  # a circle of links
            if self.wanted(entry.name):
                self.skip(path, f"is a link that can't be followed: {error.strerror}")
            return
        if not is_folder and not self.wanted(entry.name):
            return
        real = os.path.realpath(entry.path)
        if not is_folder and not is_file:
            self.skip(path, f"links to {show_name(real)}, which is no file")
        elif not _is_below(real, root):
            self.skip(path, f"links to {show_name(real)}, outside of {show_name(name)}")
        elif is_file:
            self.linked.append(Found(show_name(path), real, named=False))

    def skip(self, path: str, why: str) -> None:
        self.skipped.append(Problem(f"{why}; skipped", Where(show_name(path))))

    def refuse(self, shown: str, why: str) -> None:
        self.refused.append(Problem(why, Where(shown)))


def show_name(name: str) -> str:
    """A file's name on one line: bytes that are no UTF-8 and control characters as `\\xNN`."""
    return printable(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _missing(name: str, error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return "is no file name"
    if error.errno == errno.ENOENT and os.path.islink(name):
        return f"links to {show_name(os.path.realpath(name))}, which is not there"
    return f"can't be read: {error.strerror}" if error.errno != errno.ENOENT else "no such file"


def _tree_of(name: str) -> str:
    """The tree that a named file is in: where we stand, or else the folder it is in."""
    here = os.path.realpath(".")
    folder = os.path.realpath(os.path.dirname(name) or ".")
    return here if _is_below(folder, here) else folder


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))
