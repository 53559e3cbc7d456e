"""A file is the old one or the new one, whatever happens in between."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promoter.access.files import Content, read_file, replace_all, why_not_replaceable
from promoter.access.listing import Found
from promoter.errors import ConflictError, InputError, TransientError

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = b"old: 1\n", b"new: 22\n"


def found(file: Path) -> Found:
    return Found(file.name, str(file.resolve()), named=True)


def read(file: Path) -> Content:
    return read_file(found(file))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "a.yaml"
    file.write_bytes(OLD)
    return file


@pytest.fixture
def other(tmp_path: Path) -> Path:
    file = tmp_path / "b.yaml"
    file.write_bytes(OLD)
    return file


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


class TestReplacing:
    def test_the_bytes_are_new_and_nothing_is_left_beside(self, file: Path, other: Path) -> None:
        replace_all([(read(file), NEW), (read(other), b"")])
        assert (file.read_bytes(), other.read_bytes()) == (NEW, b"")
        assert names(file.parent) == ["a.yaml", "b.yaml"]

    @pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755, 0o4750])
    def test_permissions_stay(self, file: Path, mode: int) -> None:
        file.chmod(mode)
        replace_all([(read(file), NEW)])
        assert stat.S_IMODE(file.stat().st_mode) == mode

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_the_owner_stays(self, file: Path) -> None:
        os.chown(file, 12345, 23456)
        replace_all([(read(file), NEW)])
        assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)

    def test_an_owner_that_cant_be_kept_takes_set_user_id_along(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file.chmod(0o4755)

        def fchown(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "fchown", fchown)
        replace_all([(read(file), NEW)])
        assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (NEW, 0o755)

    def test_extended_attributes_stay(self, file: Path) -> None:
        try:
            os.setxattr(file, "user.note", b"mine")
        except OSError:
            pytest.skip("this file system has none")
        replace_all([(read(file), NEW)])
        assert os.getxattr(file, "user.note") == b"mine"

    def test_the_longest_name_there_can_be(self, tmp_path: Path) -> None:
        file = tmp_path / ("n" * 255)
        file.write_bytes(OLD)
        replace_all([(read(file), NEW)])
        assert file.read_bytes() == NEW


def rewrite_alike(file: Path) -> None:
    """Another text of the same length, at the same time: only its bytes tell."""
    before = file.stat()
    file.write_bytes(OLD[::-1])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap_for_a_link(file: Path) -> None:
    file.rename(file.with_suffix(".real"))
    file.symlink_to(file.with_suffix(".real"))


CHANGES: list[Callable[[Path], object]] = [
    rewrite_alike,
    swap_for_a_link,
    lambda file: file.write_bytes(b"somebody: else\n"),
    lambda file: os.utime(file, ns=(1, 1)),
    lambda file: file.chmod(0o600),
    lambda file: file.unlink(),
    lambda file: (
        file.with_suffix(".new").write_bytes(OLD) and file.with_suffix(".new").rename(file)
    ),
]


class TestChangedMeanwhile:
    @pytest.mark.parametrize("change", CHANGES)
    def test_no_file_of_the_call_is_written(
        self, file: Path, other: Path, change: Callable[[Path], object]
    ) -> None:
        contents = [read(other), read(file)]
        change(file)
        before = file.read_bytes() if file.exists() else None
        beside = names(file.parent)
        with pytest.raises(ConflictError, match=r"^a.yaml: changed meanwhile; run again$"):
            replace_all([(each, NEW) for each in contents])
        assert other.read_bytes() == OLD
        assert (file.read_bytes() if file.exists() else None) == before
        assert names(file.parent) == beside

    def test_somebody_who_replaces_it_right_now_goes_first(self, file: Path) -> None:
        old = read(file)
        with file.open("rb") as theirs:
            fcntl.flock(theirs, fcntl.LOCK_EX)
            with pytest.raises(ConflictError):
                replace_all([(old, NEW)])
        replace_all([(old, NEW)])
        assert file.read_bytes() == NEW

    def test_after_some_files_were_written_says_which(
        self, file: Path, other: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contents = [read(file), read(other)]
        replace = os.replace

        def interfere(source: str, target: str) -> None:
            replace(source, target)
            other.write_bytes(b"somebody: else\n")

        monkeypatch.setattr(os, "replace", interfere)
        with pytest.raises(ConflictError, match=r"b.yaml: .*; written before that: a.yaml$"):
            replace_all([(each, NEW) for each in contents])
        assert (file.read_bytes(), other.read_bytes()) == (NEW, b"somebody: else\n")
        assert names(file.parent) == ["a.yaml", "b.yaml"]

    def test_gone_since_it_was_found(self, file: Path) -> None:
        there = found(file)
        file.unlink()
        with pytest.raises(ConflictError, match="changed meanwhile"):
            read_file(there)

    def test_a_link_since_it_was_found(self, file: Path) -> None:
        there = found(file)
        swap_for_a_link(file)
        with pytest.raises(ConflictError, match="changed meanwhile"):
            read_file(there)


class TestTrouble:
    @pytest.mark.parametrize("step", ["write", "fsync", "replace"])
    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (errno.ENOSPC, TransientError),
            (errno.EDQUOT, TransientError),
            (errno.EIO, TransientError),
            (errno.EROFS, InputError),
            (errno.EACCES, InputError),
        ],
    )
    def test_at_any_step_leaves_every_file_as_it_was(
        self,
        file: Path,
        other: Path,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
        code: int,
        kind: type[Exception],
    ) -> None:
        contents = [read(file), read(other)]

        def fail(*_: object) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, {"write": "fchmod"}.get(step, step), fail)
        with pytest.raises(kind, match=rf"a.yaml: can't be replaced: {os.strerror(code)}; "):
            replace_all([(each, NEW) for each in contents])
        assert (file.read_bytes(), other.read_bytes()) == (OLD, OLD)
        assert names(file.parent) == ["a.yaml", "b.yaml"]

    def test_a_directory_that_takes_no_new_file(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, real = read(file), os.open

        def only_old(path: str, flags: int, mode: int = 0o777) -> int:
            if flags & os.O_CREAT:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
            return real(path, flags, mode)

        monkeypatch.setattr(os, "open", only_old)
        with pytest.raises(InputError, match="Read-only file system; its directory must be"):
            replace_all([(old, NEW)])
        assert file.read_bytes() == OLD

    def test_unreadable(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(*_: object) -> int:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(os, "open", denied)
        with pytest.raises(InputError, match=r"^a.yaml: can't be read: Permission denied$"):
            read_file(found(file))

    def test_a_pipe_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "p.yaml")
        with pytest.raises(InputError, match="is not a regular file"):
            read(tmp_path / "p.yaml")

    def test_a_hard_link_is_not_parted(self, file: Path) -> None:
        assert why_not_replaceable(read(file)) is None
        os.link(file, file.with_suffix(".twin"))
        assert "has another name (a hard link)" in str(why_not_replaceable(read(file)))

    def test_a_read_only_file_is_not_replaced(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if os.geteuid() == 0:  # root may write anything
            monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
        file.chmod(0o444)
        assert "is read-only" in str(why_not_replaceable(read(file)))


CHILD = """
import os, signal, sys
from promoter.access.files import read_file, replace_all
from promoter.access.listing import Found

number, wanted, calls = int(sys.argv[1]), int(sys.argv[2]), 0

def at(call):
    def counted(*arguments):
        global calls
        if calls == wanted:
            os.kill(os.getpid(), number)
        calls += 1
        return call(*arguments)
    return counted

for each in ("fsync", "fchmod", "replace", "unlink"):
    setattr(os, each, at(getattr(os, each)))
files = [read_file(Found(each, os.path.realpath(each), True)) for each in sys.argv[3:]]
replace_all([(each, b"new: 22\\n" * 100_000) for each in files])
print(calls)
"""


def run_and_signal(number: int, at: int, *files: Path) -> subprocess.CompletedProcess[str]:
    """Two replacements in a process that signals itself before its `at`-th system call."""
    words = [sys.executable, "-c", CHILD, str(int(number)), str(at), *map(str, files)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


class TestSignals:
    def test_a_kill_at_any_step_leaves_whole_files(self, file: Path, other: Path) -> None:
        new = b"new: 22\n" * 100_000
        calls = int(run_and_signal(signal.SIGKILL, 1000, file, other).stdout)
        assert calls == 7  # chmod and sync of each file, two replacements, one sync of the folder
        seen = set()
        for at in range(calls):
            file.write_bytes(OLD)
            other.write_bytes(OLD)
            done = run_and_signal(signal.SIGKILL, at, file, other)
            assert done.returncode == -signal.SIGKILL, done.stderr
            seen.add((file.read_bytes() == new, other.read_bytes() == new))
            assert {file.read_bytes(), other.read_bytes()} <= {OLD, new}
        assert seen == {(False, False), (True, False), (True, True)}
        # What a kill leaves behind is hidden and nobody's manifest.
        left = [name for name in names(file.parent) if name not in ("a.yaml", "b.yaml")]
        assert left
        assert all(each.startswith(".promoter-") and each.endswith(".tmp") for each in left)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_a_polite_one_waits_until_all_files_are_written(
        self, file: Path, other: Path, number: int
    ) -> None:
        for at in range(7):
            file.write_bytes(OLD)
            other.write_bytes(OLD)
            done = run_and_signal(number, at, file, other)
            assert done.returncode == -number
            # The last call is the folder's sync, which nothing depends on.
            assert (len(file.read_bytes()), len(other.read_bytes())) == (800_000, 800_000)
            assert names(file.parent) == ["a.yaml", "b.yaml"]
