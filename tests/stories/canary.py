"""Looks for secrets where none may be: in what was said, in files, in Git objects, in what other
programs were called with.

A secret's core is a word of letters and digits, so that it stands there unchanged however the
whole was escaped, and can be told from Base64 at any position.
"""

from __future__ import annotations

import base64
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.services.git_server import git

_WRAPPER = """\
#!/bin/sh
# Notes how it was called, lets git note how it calls others, and is git.
record={folder}/call-$$
{{ printf '%s\\0' "$@"; printf '\\0'; env -0; }} > "$record"
GIT_TRACE2_EVENT={folder}/children exec {git} "$@"
"""


def secret(number: int, *, plain: bool = False) -> str:
    """A password that no encoding leaves as it is, or a `plain` word."""
    core = core_of(number)
    return core if plain else f"{core}:/ %+&'ü"


def core_of(number: int) -> str:
    return f"Kanarienvogel{number:03d}Xq7"


@dataclass(frozen=True)
class Finding:
    """A secret (by its number) and the place where it stood."""

    number: int
    place: str
    around: str


@dataclass(frozen=True)
class Search:
    """Looks for the secrets with these numbers."""

    numbers: tuple[int, ...]

    def in_bytes(self, data: bytes, place: str) -> list[Finding]:
        found = []
        for number in self.numbers:
            for form in _forms(core_of(number)):
                at = data.find(form)
                if at >= 0:
                    around = data[max(at - 120, 0) : at + 80].decode("utf-8", "replace")
                    found.append(Finding(number, place, around))
        return found

    def in_files(self, folder: Path) -> list[Finding]:
        """All files below a folder, their names, and all objects and refs of Git repositories."""
        found: list[Finding] = []
        for path in sorted(folder.rglob("*")):
            found += self.in_bytes(str(path).encode("utf-8", "surrogateescape"), "a file's name")
            if path.is_file() and not path.is_symlink():
                found += self.in_bytes(path.read_bytes(), str(path))
        for repository in repositories(folder):
            objects = subprocess.run(
                ["git", "cat-file", "--batch-all-objects", "--batch", "--buffer"],
                cwd=repository,
                capture_output=True,
                check=True,
            )
            found += self.in_bytes(objects.stdout, f"the objects of {repository}")
            found += self.in_bytes(
                git(repository, "for-each-ref").encode(), f"refs of {repository}"
            )
        return found


def _forms(core: str) -> Iterator[bytes]:
    """The word itself, and what Base64 makes of it behind 0, 1 and 2 other bytes."""
    yield core.encode()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + core.encode())
        changed_by_neighbours = (0, 2, 3)[before]
        kept = (before + len(core)) // 3 * 4
        for alphabet in (b"+/", b"-_"):
            yield whole[changed_by_neighbours:kept].translate(bytes.maketrans(b"+/", alphabet))


def repositories(folder: Path) -> list[Path]:
    """The bare repositories below a folder."""
    return [head.parent for head in folder.rglob("HEAD") if (head.parent / "objects").is_dir()]


@dataclass(frozen=True)
class Call:
    """How a program was called: its arguments and its environment."""

    arguments: tuple[bytes, ...]
    environment: tuple[bytes, ...]


@dataclass(frozen=True)
class GitRecorder:
    """A `git` for PATH that notes each call, and the calls that git itself makes."""

    folder: Path
    program: Path

    @classmethod
    def install(cls, folder: Path) -> GitRecorder:
        real = shutil.which("git")
        assert real is not None
        notes = folder / "notes"
        notes.mkdir(parents=True)
        program = folder / "git"
        program.write_text(_WRAPPER.format(folder=notes, git=real), "utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return cls(notes, program)

    def calls(self) -> list[Call]:
        calls = []
        for file in sorted(self.folder.glob("call-*")):
            arguments, _, environment = file.read_bytes().partition(b"\0\0")
            calls.append(Call(tuple(arguments.split(b"\0")), tuple(environment.split(b"\0"))))
        return calls

    def children(self) -> bytes:
        """What git noted of the processes that it started: one JSON object a line."""
        file = self.folder / "children"
        return file.read_bytes() if file.exists() else b""


def told(findings: Iterable[Finding]) -> str:
    """The findings for people: where each secret stood."""
    return "\n".join(f"{each.number}: {each.place}: {each.around!r}" for each in findings)
