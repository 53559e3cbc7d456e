"""Kept content: never wrong, and where it is not there only slower."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from promoter.registries.content import digest_of
from promoter.registries.store import ContentStore

CODE = """
import sys
from pathlib import Path
from promoter.registries.content import digest_of
from promoter.registries.store import ContentStore
store = ContentStore(Path(sys.argv[1]), on_disk=100_000)
for n in range(300):
    data = f"{n}".encode() * 500
    store.put("h/x", digest_of(data), data)
    found = ContentStore(Path(sys.argv[1]), on_disk=100_000).get("h/x", digest_of(data))
    assert found in (None, data)
"""


def files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def test_what_one_process_keeps_the_next_one_finds(tmp_path: Path) -> None:
    data, digest = b"a config", digest_of(b"a config", "sha512")
    assert ContentStore(tmp_path / "content").get("h/x", digest) is None
    ContentStore(tmp_path / "content").put("h/x", digest, data)
    assert ContentStore(tmp_path / "content").get("h/x", digest) == data
    assert ContentStore(tmp_path / "content").get("h/y", digest) is None
    (file,) = files(tmp_path)
    assert file.stat().st_mode & 0o077 == 0, "others may read what may be private"


@pytest.mark.parametrize("damage", [b"", b"a conf", b"a config and more", b"b config"])
def test_what_was_damaged_is_dropped(tmp_path: Path, damage: bytes) -> None:
    digest = digest_of(b"a config")
    ContentStore(tmp_path).put("h/x", digest, b"a config")
    (file,) = files(tmp_path)
    file.write_bytes(damage)
    assert ContentStore(tmp_path).get("h/x", digest) is None
    assert files(tmp_path) == []
    ContentStore(tmp_path).put("h/x", digest, b"a config")
    assert ContentStore(tmp_path).get("h/x", digest) == b"a config"


def test_what_stands_in_the_way_is_only_slower(tmp_path: Path) -> None:
    digest = digest_of(b"a config")
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    store = ContentStore(blocked)
    store.put("h/x", digest, b"a config")
    assert store.get("h/x", digest) == b"a config", "it is in memory"
    assert ContentStore(blocked).get("h/x", digest) is None

    ContentStore(tmp_path / "fifo").put("h/x", digest, b"a config")
    (file,) = files(tmp_path / "fifo")
    file.unlink()
    os.mkfifo(file)
    assert ContentStore(tmp_path / "fifo").get("h/x", digest) is None
    file.unlink(missing_ok=True)
    secret = tmp_path / "elsewhere"
    secret.write_bytes(b"a config")
    file.symlink_to(secret)
    assert ContentStore(tmp_path / "fifo").get("h/x", digest) is None, "a link is not followed"


def test_what_was_used_least_recently_goes_first_drafts_with_it(tmp_path: Path) -> None:
    def keep(store: ContentStore, n: int) -> str:
        data = bytes([n]) * 1000
        store.put("h/x", digest_of(data), data)
        return digest_of(data)

    def date(moment: int) -> None:
        for file in files(tmp_path):
            if file.stat().st_mtime > 1_000_000:
                os.utime(file, (moment, moment))

    first = ContentStore(tmp_path, in_memory=0, on_disk=16_000)
    used, unused = keep(first, 1), keep(first, 2)
    draft = tmp_path / "00" / ".0123456789abcdef.tmp"
    draft.parent.mkdir(exist_ok=True)
    draft.write_bytes(bytes(1000))
    date(1000)
    assert first.get("h/x", used) is not None  # which is a use
    newest = [keep(first, n) for n in range(3, 16)]
    after = ContentStore(tmp_path, in_memory=0, on_disk=16_000)
    assert after.get("h/x", used) is not None
    assert after.get("h/x", newest[-1]) is not None
    assert after.get("h/x", unused) is None
    assert not draft.exists()
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 16_000


def test_what_is_not_its_own_stays(tmp_path: Path) -> None:
    """A folder that somebody named by mistake, and links out of it."""
    ours, elsewhere = tmp_path / "ours", tmp_path / "elsewhere"
    name = "0" * 62
    theirs = [
        *(ours / each / "x.txt" for each in ("notes", "ab")),
        *(ours / each / name for each in ("notes", "AB", "abc")),
        *(ours / "ab" / each for each in (".git.tmp", f"{name}.bak", name.replace("0", "G"))),
        elsewhere / name,
        ours / "ab" / "deeper" / name,
    ]
    for file in theirs:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(1000))
        os.utime(file, (1000, 1000))
    (ours / "cd").symlink_to(elsewhere)
    (ours / "ab" / name).symlink_to(elsewhere / name)
    store = ContentStore(ours, in_memory=0, on_disk=16_000)
    for n in range(40):
        data = bytes([n]) * 1000
        store.put("h/x", digest_of(data), data)
    assert [file for file in theirs if not file.exists()] == []
    assert (ours / "ab" / name).is_symlink()


def test_memory_is_bounded(tmp_path: Path) -> None:
    store = ContentStore(in_memory=3000)
    contents = [bytes([n]) * 1000 for n in range(5)]
    for data in contents:
        store.put("h/x", digest_of(data), data)
    kept = [store.get("h/x", digest_of(data)) is not None for data in contents]
    assert kept == [False, False, True, True, True]


def test_several_processes_and_threads_share_a_folder(tmp_path: Path) -> None:
    """Each file is found whole or not at all, whoever writes, reads and makes room meanwhile."""
    with ThreadPoolExecutor(3) as threads:
        runs = list(
            threads.map(
                lambda _: subprocess.run(
                    [sys.executable, "-c", CODE, str(tmp_path)],
                    capture_output=True,
                    text=True,
                    check=False,
                ),
                range(3),
            )
        )
    assert [run.stderr for run in runs] == [""] * 3
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 100_000 * 1.3
    assert not list(tmp_path.rglob("*.tmp"))
