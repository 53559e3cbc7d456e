"""The mirror against real repositories: over folders and over HTTP with a password."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.git import Git
from promoter.access.mirror import Mirror
from promoter.access.objects import NewCommit, Person
from promoter.errors import ConflictError, InputError, PromoterError, TransientError
from promoter.model.ports import RefMove
from tests.services.git_server import (
    DATE,
    GitServer,
    commit,
    create_repository,
    git,
    git_server,
    refs,
)

BOT = Person("Promoter", "promoter@example.com")
CANARY = "canary-91b7e4d2"
FILES = {"apps/web/values.yaml": b"image: 1\r\n", "read me é.txt": b"\xff\x00"}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served", user="bot", password=CANARY) as running:
        yield running


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git on PATH that notes the arguments of every call, then does it."""
    log = tmp_path / "argv.log"
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    real = shutil.which("git")
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{log}"\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    return log


def of(server: GitServer, password: str = CANARY) -> Credentials:
    return Credentials({server.host: Credential("bot", password)})


def new_commit(mirror: Mirror, parent: str, text: str) -> str:
    files = {"file": ("100644", text.encode())}
    return mirror.write([NewCommit((parent,), text, files)], BOT, DATE)[0]


class Stories:
    """What holds over every transport."""

    def told(self, mirror: Mirror, remote: Path) -> None:
        assert mirror.refresh() == refs(remote)
        assert mirror.default_branch() == "main"
        tip = mirror.refs["refs/heads/main"]
        blobs = {e.path: e.blob for e in mirror.objects.listing(tip)}
        contents = mirror.objects.read(blobs.values())
        assert {path: contents[blob] for path, blob in blobs.items()} == FILES
        new = new_commit(mirror, tip, "pushed")
        mirror.push([RefMove("refs/heads/x", None, new), RefMove("refs/promoter/y", None, new)])
        assert refs(remote) == mirror.refs
        assert mirror.refresh() == refs(remote)
        mirror.push([RefMove("refs/heads/x", new, None), RefMove("refs/promoter/y", new, tip)])
        assert refs(remote) == {"refs/heads/main": tip, "refs/promoter/y": tip} == mirror.refs


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_is_read_and_written(tmp_path: Path, cache: Path, scheme: str) -> None:
    remote = create_repository(tmp_path / "shop é.git", FILES)
    Stories().told(Mirror(f"{scheme}{remote}", cache), remote)


def test_a_server_is_read_and_written_with_a_password(server: GitServer, cache: Path) -> None:
    remote = server.create("shop.git", FILES)
    Stories().told(Mirror(server.url("shop.git"), cache, of(server)), remote)
    assert len(server.pushes) == 2


def test_a_folder_that_belongs_to_somebody_else_is_read(tmp_path: Path, cache: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    remote = create_repository(tmp_path / "shop.git", FILES)
    for folder, _, files in os.walk(remote):
        for name in (".", *files):
            os.chown(Path(folder) / name, 12345, 12345)
    assert Mirror(str(remote), cache).refresh() == refs_of_other(remote)


def refs_of_other(remote: Path) -> dict[str, str]:
    return {"refs/heads/main": (remote / "refs/heads/main").read_text().strip()}


def test_a_quiet_repository_costs_one_question(tmp_path: Path, cache: Path, witness: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    mirror = Mirror(str(remote), cache)
    mirror.refresh()
    for warm, commands in (
        (mirror, ["ls-remote"]),
        (Mirror(str(remote), cache), ["ls-remote", "for-each-ref"]),
    ):
        witness.write_text("")
        warm.refresh()
        assert [line.split(" ")[0] for line in witness.read_text().splitlines()] == commands
    new = commit(remote, {"b": b"2"})
    assert mirror.refresh()["refs/heads/main"] == new
    assert mirror.objects.only(new).subject == "change"


def test_over_ssh_the_command_of_the_operator_is_used(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole SSH transport, but for ssh itself: the stand-in runs the command right here."""
    remote = create_repository(tmp_path / "r.git", FILES)
    stand_in = tmp_path / "ssh"
    stand_in.write_text(
        f'#!/bin/sh\necho "$@" >>"{tmp_path}/called"\nfor last; do :; done\nexec sh -c "$last"\n'
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{stand_in} -p 2222")
    mirror = Mirror(f"git@git.example.com:{remote}", cache)
    Stories().told(mirror, remote)
    assert "-p 2222" in (tmp_path / "called").read_text()
    assert mirror.url == f"git.example.com:{remote}"
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    with pytest.raises(PromoterError):
        mirror.refresh()


def test_branches_that_go_are_forgotten_even_where_names_nest(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    commit(remote, {"a": b""}, branch="topic", parents=())
    mirror = Mirror(str(remote), cache)
    mirror.refresh()
    git(remote, "update-ref", "-d", "refs/heads/topic")
    commit(remote, {"a": b""}, branch="topic/more", parents=())
    assert mirror.refresh() == refs(remote)
    assert set(mirror.refs) == {"refs/heads/main", "refs/heads/topic/more"}


def test_tags_are_not_mirrored(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    git(remote, "tag", "v1", "main")
    mirror = Mirror(str(remote), cache)
    assert set(mirror.refresh()) == {"refs/heads/main"}


def test_an_empty_repository_has_no_refs_and_says_what_to_do(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git")
    mirror = Mirror(str(remote), cache)
    assert mirror.refresh() == {}
    with pytest.raises(InputError, match="is empty: push a first commit"):
        mirror.default_branch()
    first = mirror.write([NewCommit((), "first", {"a": ("100644", b"1")})], BOT, DATE)[0]
    mirror.push([RefMove("refs/heads/main", None, first)])
    assert mirror.refresh() == {"refs/heads/main": first}
    assert mirror.default_branch() == "main"
    git(remote, "update-ref", "-d", "refs/heads/main")
    assert mirror.refresh() == {}


def test_a_head_without_its_branch_asks_for_a_name(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    git(remote, "symbolic-ref", "HEAD", "refs/heads/gone")
    with pytest.raises(InputError, match="name the branch in the rule"):
        Mirror(str(remote), cache).default_branch()


def test_a_missing_repository(server: GitServer, tmp_path: Path, cache: Path) -> None:
    for mirror in (
        Mirror(server.url("none.git"), cache, of(server)),
        Mirror(str(tmp_path / "none.git"), cache),
    ):
        with pytest.raises(InputError, match="no such repository"):
            mirror.refresh()


@pytest.mark.parametrize("credentials", ["none", "wrong", "other port"])
def test_who_is_not_let_in_is_told_which_host(
    server: GitServer, cache: Path, credentials: str
) -> None:
    server.create("shop.git", FILES)
    given = {
        "none": Credentials(),
        "wrong": of(server, "wrong-password"),
        "other port": Credentials({"127.0.0.1": Credential("bot", CANARY)}),
    }[credentials]
    with pytest.raises(InputError, match=f"{server.host} does not let the bot in") as caught:
        Mirror(server.url("shop.git"), cache, given).refresh()
    assert "credentials file" in str(caught.value)
    assert "wrong-password" not in str(caught.value)


def test_a_server_that_is_down_or_ill_is_for_later(server: GitServer, cache: Path) -> None:
    server.create("shop.git", FILES)
    for status in (500, 503, 429):
        server.fail_with(status)
        with pytest.raises(TransientError, match=str(status)):
            Mirror(server.url("shop.git"), cache, of(server)).refresh()
    with pytest.raises(TransientError, match="did not answer"):
        Mirror("http://127.0.0.1:1/shop.git", cache).refresh()


def test_a_read_only_server_refuses_the_push(tmp_path: Path, cache: Path) -> None:
    with git_server(tmp_path / "served", read_only=True) as server:
        server.create("shop.git", FILES)
        mirror = Mirror(server.url("shop.git"), cache)
        tip = mirror.refresh()["refs/heads/main"]
        with pytest.raises(InputError, match="403"):
            mirror.push([RefMove("refs/heads/x", None, new_commit(mirror, tip, "x"))])


def test_a_protected_branch_speaks_for_itself(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'main is for people' >&2\nexit 1\n")
    hook.chmod(0o755)
    mirror = Mirror(str(remote), cache)
    tip = mirror.refresh()["refs/heads/main"]
    with pytest.raises(InputError, match="main is for people"):
        mirror.push([RefMove("refs/heads/main", tip, new_commit(mirror, tip, "x"))])
    assert refs(remote)["refs/heads/main"] == tip


def test_a_lost_reply_is_harmless(server: GitServer, cache: Path) -> None:
    remote = server.create("shop.git", FILES)
    mirror = Mirror(server.url("shop.git"), cache, of(server))
    tip = mirror.refresh()["refs/heads/main"]
    new = new_commit(mirror, tip, "x")
    move = [RefMove("refs/heads/x", None, new)]
    server.drop_next_reply()
    with pytest.raises(TransientError):
        mirror.push(move)
    assert len(server.pushes) == 1
    assert mirror.refs == {"refs/heads/main": tip}
    assert mirror.refresh() == refs(remote) == {"refs/heads/main": tip, "refs/heads/x": new}
    mirror.push(move)


def test_all_refs_move_or_none(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    mirror = Mirror(str(remote), cache)
    tip = mirror.refresh()["refs/heads/main"]
    ours = new_commit(mirror, tip, "ours")
    theirs = commit(remote, {"theirs": b""})
    for move in (
        RefMove("refs/heads/main", tip, ours),
        RefMove("refs/heads/main", None, ours),
        RefMove("refs/heads/main", tip, None),
        RefMove("refs/heads/none", tip, None),
    ):
        with pytest.raises(ConflictError):
            mirror.push([RefMove("refs/heads/x", None, ours), move])
        assert refs(remote) == {"refs/heads/main": theirs}


@pytest.mark.parametrize("over", ["http", "folder"])
def test_of_six_pushers_exactly_one_wins(server: GitServer, cache: Path, over: str) -> None:
    remote = server.create("shop.git", FILES)
    url = server.url("shop.git") if over == "http" else str(remote)
    mirrors = [Mirror(url, cache, of(server)) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        tips = list(pool.map(lambda mirror: mirror.refresh()["refs/heads/main"], mirrors))
        assert len(set(tips)) == 1
        gate = threading.Barrier(6)

        def race(number: int) -> str | None:
            new = new_commit(mirrors[number], tips[0], f"racer {number}")
            gate.wait()
            try:
                mirrors[number].push([RefMove("refs/heads/main", tips[0], new)])
            except ConflictError:
                return None
            return new

        winners = [new for new in pool.map(race, range(6)) if new]
    assert winners == [refs(remote)["refs/heads/main"]]


def test_threads_and_processes_share_one_folder(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    for number in range(20):
        commit(remote, {f"f{number}": b"%d" % number}, date=DATE + timedelta(hours=number))
    code = (
        "import sys; from pathlib import Path; from promoter.access.mirror import Mirror\n"
        "m = Mirror(sys.argv[1], Path(sys.argv[2])); tip = m.refresh()['refs/heads/main']\n"
        "print(tip, len(m.objects.listing(tip)))"
    )
    command = [sys.executable, "-c", code, str(remote), str(cache)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    def look(_: int) -> str:
        mirror = Mirror(str(remote), cache)
        tip = mirror.refresh()["refs/heads/main"]
        return f"{tip} {len(mirror.objects.listing(tip))}\n"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(look, range(4)))
    told += [child.communicate(timeout=60)[0] for child in children]
    assert set(told) == {f"{refs(remote)['refs/heads/main']} 22\n"}
    assert len([each for each in cache.iterdir() if each.suffix == ".git"]) == 1


def damage_half_made(folder: Path) -> None:
    for name in ("HEAD", "config", "refs"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def damage_head(folder: Path) -> None:
    (folder / "HEAD").write_bytes(b"\0\0")


def damage_config(folder: Path) -> None:
    (folder / "config").write_text("[core\nbroken")


def damage_by_lock(folder: Path) -> None:
    (folder / "packed-refs.lock").write_text("")
    (folder / "refs" / "heads" / "main.lock").write_text("")


def damage_objects(folder: Path) -> None:
    shutil.rmtree(folder / "objects")
    (folder / "objects").mkdir()


def damage_all(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "damage",
    [
        damage_half_made,
        damage_head,
        damage_config,
        damage_by_lock,
        damage_objects,
        damage_all,
    ],
)
@pytest.mark.parametrize("process", ["the same", "fresh"])
def test_a_damaged_mirror_is_made_again(
    tmp_path: Path, cache: Path, damage: object, process: str
) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    mirror = Mirror(str(remote), cache)
    mirror.refresh()
    (folder,) = cache.glob("*.git")
    damage(folder)  # type: ignore[operator]
    (cache / f"{folder.stem}.new").mkdir()
    new = commit(remote, {"later": b"1"})
    if process == "fresh":
        mirror = Mirror(str(remote), cache)
    assert mirror.refresh() == {"refs/heads/main": new}
    assert len(mirror.objects.listing(new)) == 3


def test_a_mirror_that_lost_objects_says_so_once(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    mirror = Mirror(str(remote), cache)
    tip = mirror.refresh()["refs/heads/main"]
    (folder,) = cache.glob("*.git")
    damage_objects(folder)
    with pytest.raises(TransientError, match="made again at the next look"):
        mirror.objects.listing(tip)
    assert mirror.refresh() == {"refs/heads/main": tip}
    assert len(mirror.objects.listing(tip)) == 2


def test_a_killed_fetch_leaves_nothing_that_matters(tmp_path: Path, cache: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from promoter.access.mirror import Mirror\n"
        "mirror = Mirror(sys.argv[1], Path(sys.argv[2]))\n"
        "with mirror._locked():\n"
        "    (mirror._folder.with_suffix('.new') / 'objects').mkdir(parents=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(remote), str(cache)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Mirror(str(remote), cache).refresh() == refs(remote)


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cache folder"):
        Mirror(str(remote), tmp_path / "file" / "cache").refresh()


def test_a_command_that_hangs_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever still lives would hold the pipe open."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    pause = f"{sys.executable} -c 'import signal; signal.pause()'"
    slow.write_text(f'#!/bin/sh\nexec 3>"{pipe}"\n{pause}\nexit 0\n')
    slow.chmod(0o755)
    bare = Git(tmp_path / "x.git", timeout=0.5)
    assert bare.run("version").status == 0, "GitPython asks git for its version when imported"
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(TransientError, match=r"longer than 0\.5 seconds for `git version`"):
            bare.run("version")
        assert select.select([end], [], [], 20)[0], "a child of git is still there"
        assert os.read(end, 1) == b""
    finally:
        os.close(end)


def test_a_password_is_nowhere_but_in_the_request(
    server: GitServer, cache: Path, tmp_path: Path, witness: Path
) -> None:
    server.create("shop.git", FILES)
    mirror = Mirror(server.url("shop.git"), cache, of(server))
    tip = mirror.refresh()["refs/heads/main"]
    mirror.push([RefMove("refs/heads/x", None, new_commit(mirror, tip, "x"))])
    said = [repr(mirror), repr(mirror.remote), repr(mirror.objects), mirror.url]
    for status in (500, 403):
        server.fail_with(status)
        with pytest.raises(PromoterError) as caught:
            mirror.refresh()
        said += [str(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)]
    said.append(witness.read_text())
    assert "ls-remote" in said[-1], "the witness saw the calls"
    said += [str(server.requests)]
    written = [path for path in cache.rglob("*") if path.is_file()]
    assert any(path.name == "config" for path in written)
    said += [path.read_bytes().decode("latin-1") for path in written]
    assert not [text for text in said if CANARY in text]


def test_a_shell_of_a_git_hook_changes_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = create_repository(tmp_path / "r.git", FILES)
    other = create_repository(tmp_path / "other.git", FILES)
    expected = refs(remote)
    for name, value in {
        "GIT_DIR": str(other),
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(other / "objects"),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_TRACE": "1",
        "GIT_CONFIG_PARAMETERS": "'core.bare=false'",
    }.items():
        monkeypatch.setenv(name, value)
    mirror = Mirror(str(remote), cache)
    assert mirror.refresh() == expected
    new = new_commit(mirror, expected["refs/heads/main"], "x")
    mirror.push([RefMove("refs/heads/x", None, new)])
    assert mirror.refresh() == {**expected, "refs/heads/x": new}


def test_a_redirect_to_another_host_or_scheme_gets_no_password() -> None:
    askpass = Path(__file__).parents[2] / "promoter/access/git_askpass.sh"
    answers = {
        prompt: subprocess.run(
            [askpass, prompt],
            env={
                "PROMOTER_GIT_SCHEME": "https",
                "PROMOTER_GIT_HOST": "git.example.com",
                "PROMOTER_GIT_USERNAME": "bot",
                "PROMOTER_GIT_PASSWORD": CANARY,
            },
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        for prompt in (
            "Username for 'https://git.example.com': ",
            "Password for 'https://bot@git.example.com': ",
            "Password for 'https://bot@evil.example.com': ",
            "Password for 'https://bot@git.example.com.evil.example.com': ",
            "Username for 'https://evilgit.example.com': ",
            "Enter passphrase for key '/git.example.com': ",
            "Username for 'http://git.example.com': ",
            "Password for 'http://bot@git.example.com': ",
            "Password for 'http://x?https://bot@git.example.com': ",
            "Password for 'https://evil.example.com/@git.example.com': ",
            "Username for 'https://git.example.com:8443': ",
        )
    }
    assert list(answers.values()) == ["bot", CANARY, *[""] * (len(answers) - 2)]
