"""What `promoter edit` refuses: one clear message each, with the place, and not a byte written."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stories.shop import Terminal

ROOT = Path(__file__).resolve().parents[2]
WEB = "ghcr.io/shop/web"
OLD = "sha256:" + "0" * 64
PLAIN = f"image: {WEB}:1.0\n"


@pytest.fixture
def promoter() -> Terminal:
    return Terminal()


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def refused(promoter: Terminal, file: Path, *words: str) -> str:
    """What is said where an edit of that file is refused; the file is as it was."""
    before = (file.read_bytes(), file.stat().st_mtime_ns, names(file.parent))
    said = promoter("edit", file.name, *words, expect=64)
    assert said.out == ""
    assert (file.read_bytes(), file.stat().st_mtime_ns, names(file.parent)) == before
    return said.err


@pytest.mark.parametrize(
    ("content", "pointer", "line"),
    [
        pytest.param("a: |\n  x\n  y\n", "/a", 1, id="block-scalar"),
        pytest.param("b: 1\na: x\n  y\n", "/a", 2, id="plain-over-two-lines"),
        pytest.param("b: &x 1\na: *x\n", "/a", 2, id="alias"),
        pytest.param("b: &x 1\na: *x\n", "/b", 1, id="shared"),
        pytest.param("a: 1\nb: 2\na: 3\n", "/a", 3, id="key-twice"),
        pytest.param("b: 1\na: {{ .Values.a }}\n", "/a", 2, id="go-template"),
        pytest.param("a:\n  b: 1\n", "/a", 2, id="mapping"),
        pytest.param("a:\n  - 1\n", "/a/1", 2, id="beyond-the-list"),
        pytest.param("b: 1\n", "/a/b", 1, id="nowhere"),
        pytest.param("a: 1\nb: [\n", "/a", 3, id="not-yaml"),
        pytest.param("b: 1\na: \x00\n", "/a", 2, id="nul"),
        pytest.param("b: 1\na: !!int 3\n", "/a", 2, id="typed"),
    ],
)
def test_a_place_that_cant_be_set(
    promoter: Terminal, workdir: Path, content: str, pointer: str, line: int
) -> None:
    file = workdir / "a.yaml"
    file.write_text(content)
    said = refused(promoter, file, "--set", f"{pointer}=new")
    assert said.startswith(f"error: a.yaml:{line}:")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN.encode("utf-16"), "error: a.yaml: is UTF-16; save it as UTF-8\n"),
        (b"x: 1\na: \xff\n", "error: a.yaml:2: is not UTF-8; save it as UTF-8\n"),
    ],
)
def test_another_encoding(promoter: Terminal, workdir: Path, content: bytes, said: str) -> None:
    file = workdir / "a.yaml"
    file.write_bytes(content)
    assert refused(promoter, file, "--set", "/a=new") == said


@pytest.mark.parametrize("value", ["two\nlines", "a\x1b[31mb", "tab\tbed"])
def test_a_value_with_control_characters(promoter: Terminal, workdir: Path, value: str) -> None:
    file = workdir / "a.yaml"
    file.write_text("a: 1\n")
    said = refused(promoter, file, "--set", f"/a={value}")
    assert said.startswith("error: a.yaml:1:")
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("content", "line", "parts"),
    [
        (f"image: {WEB}:1.0@{OLD}\n", 1, ("would drop the digest", WEB)),
        (f"image: {WEB}:${{TAG}}\n", 1, ("template",)),
        (f"x: 1\nimage: {WEB}:1.0\nimage: {WEB}:1.1\n", 3, ("'image' stands 2 times",)),
        (f"a: {{image: &x '{WEB}:1.0'}}\nb: {{image: *x}}\n", 1, ("&x",)),
    ],
)
def test_an_image_that_cant_be_moved(
    promoter: Terminal, workdir: Path, content: str, line: int, parts: tuple[str, ...]
) -> None:
    file = workdir / "a.yaml"
    file.write_text(content)
    said = refused(promoter, file, "--image", f"{WEB}:2.0")
    assert said.startswith(f"error: a.yaml:{line}:")
    assert all(part in said for part in parts)


def test_one_refusal_stops_all_and_every_one_is_told(promoter: Terminal, workdir: Path) -> None:
    for name in ("a", "b", "c"):
        (workdir / f"{name}.yaml").write_text(PLAIN)
    (workdir / "b.yaml").write_text(f"image: {WEB}:1.0@{OLD}\n")
    (workdir / "d.yaml").write_text(f"x: 1\nimage: {WEB}:${{TAG}}\n")
    before = {each: each.read_bytes() for each in workdir.iterdir()}
    said = promoter("edit", ".", "nope", "--image", f"{WEB}:2.0", expect=64)
    lines = said.err.splitlines()
    assert [line.split(":")[1] for line in lines] == [" nope", " b.yaml", " d.yaml", lines[-1][6:]]
    assert lines[-1] == "error: nothing was written, for that; 2 files would have been"
    assert {each: each.read_bytes() for each in workdir.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["a.yaml"], ["say what to edit: --image REF or --set /POINTER=VALUE"]),
        (["--image", f"{WEB}:1"], ["the following arguments are required: PATH"]),
        (["a.yaml", "--image", "UPPER:1"], ["--image", "not an image name"]),
        (["a.yaml", "--image", WEB], ["has no version; write NAME:TAG@DIGEST"]),
        (["a.yaml", "--image", f"{WEB}:1@sha256:12"], ["is not a sha256 or sha512 digest"]),
        (["a.yaml", "--set", "a=1"], ["a JSON pointer and a value, not 'a=1'"]),
        (["a.yaml", "--set", "/a"], ["a JSON pointer and a value, not '/a'"]),
        (["a.yaml", "--set", "/a~b=1"], ["write ~ as ~0"]),
        (["a.yaml", "--set", "/a=\udcff"], ["is not UTF-8"]),
        (["a.yaml", "--document", "1"], ["--document N belongs behind the --set"]),
        (["a.yaml", "--set", "/a=1", "--document", "-1"], ["numbered from 0, not '-1'"]),
        (
            ["a.yaml", "--set", "/a=1", "--document", "0", "--document", "1"],
            ["--document N belongs behind the --set"],
        ),
        (["a.yaml", "--set", "/a=1", "--set", "/a=2"], ["--set is given two values"]),
        (
            ["a.yaml", "--image", "nginx:1", "--image", "docker.io/library/nginx:2"],
            ["--image is given two values"],
        ),
        (["a.yaml", "--set", "/a=1", "--chekc"], ["did you mean --check?"]),
    ],
)
def test_slips_on_the_command_line(
    promoter: Terminal, workdir: Path, words: list[str], parts: list[str]
) -> None:
    file = workdir / "a.yaml"
    file.write_text("a: 0\n")
    said = promoter("edit", *words, expect=64)
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("error: promoter edit: ")
    assert all(part in said.err for part in parts), said.err
    assert file.read_text() == "a: 0\n"


def test_an_alias_bomb_costs_nothing(promoter: Terminal, workdir: Path) -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 30)
    ]
    bomb = "\n".join([*lines, f"image: {WEB}:1.0", "last: *a29", ""])
    file = workdir / "bomb.yaml"
    file.write_text(bomb)
    start = time.process_time()
    promoter("edit", ".", "--image", f"{WEB}:2.0", "--set", "/image=x/y", "--check", expect=2)
    promoter("edit", "bomb.yaml", "--image", f"{WEB}:2.0")
    assert time.process_time() - start < 5  # seconds; 9 ** 30 nodes take forever
    assert file.read_text() == bomb.replace(":1.0", ":2.0")


class TestTheDisk:
    def test_is_full(self, workdir: Path) -> None:
        """The child may write files of 8 kB, the new file needs more."""
        file = workdir / "a.yaml"
        text = PLAIN + "# comment\n" * 2000
        file.write_text(text)
        (workdir / "b.yaml").write_text(PLAIN)
        code = (
            "import resource, sys; from promoter.cli import main;"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
            f"sys.exit(main(['edit', '.', '--image', '{WEB}:2.0']))"
        )
        done = in_a_child(workdir, code)
        assert done.stderr == (
            "error: a.yaml: can't be replaced: File too large; it is as it was\n"
        )
        assert (done.returncode, done.stdout) == (75, "")
        assert (file.read_text(), (workdir / "b.yaml").read_text()) == (text, PLAIN)
        assert names(workdir) == ["a.yaml", "b.yaml"]

    @pytest.mark.parametrize(
        ("call", "code", "end"),
        [("replace", errno.EROFS, 64), ("fsync", errno.ENOSPC, 75), ("open", errno.EACCES, 64)],
    )
    def test_takes_no_writes(
        self,
        promoter: Terminal,
        workdir: Path,
        monkeypatch: pytest.MonkeyPatch,
        call: str,
        code: int,
        end: int,
    ) -> None:
        file = workdir / "a.yaml"
        file.write_text(PLAIN)
        real = getattr(os, call)

        def fail(*arguments: object) -> object:
            if call == "open" and not int(str(arguments[1])) & os.O_CREAT:
                return real(*arguments)
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, call, fail)
        said = promoter("edit", ".", "--image", f"{WEB}:2.0", expect=end)
        assert said.out == ""
        said.line("error: a.yaml: can't be replaced: ", os.strerror(code))
        assert file.read_text() == PLAIN
        assert names(workdir) == ["a.yaml"]

    def test_has_the_file_under_two_names(self, promoter: Terminal, workdir: Path) -> None:
        (workdir / "a.yaml").write_text(PLAIN)
        os.link(workdir / "a.yaml", workdir / "b.txt")
        said = promoter("edit", "a.yaml", "--image", f"{WEB}:2.0", expect=64)
        said.line("error: a.yaml: has another name (a hard link)")
        assert (workdir / "b.txt").read_text() == PLAIN
        # What would not change is no trouble.
        promoter("edit", "a.yaml", "--image", f"{WEB}:1.0")


def in_a_child(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


class TestOthers:
    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_a_kill_leaves_the_old_file_and_the_next_run_goes_on(
        self, promoter: Terminal, workdir: Path, call: str
    ) -> None:
        file = workdir / "a.yaml"
        file.write_text(PLAIN)
        code = (
            "import os, signal, sys; from promoter.cli import main;"
            f"os.{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
            f"main(['edit', '.', '--image', '{WEB}:2.0'])"
        )
        assert in_a_child(workdir, code).returncode == -signal.SIGKILL
        assert file.read_text() == PLAIN
        promoter("edit", ".", "--image", f"{WEB}:2.0")
        assert file.read_text() == PLAIN.replace("1.0", "2.0")

    @pytest.mark.parametrize("vanishes", [True, False])
    def test_a_file_that_changes_while_it_is_edited(
        self, promoter: Terminal, workdir: Path, monkeypatch: pytest.MonkeyPatch, vanishes: bool
    ) -> None:
        (workdir / "a.yaml").write_text(PLAIN)
        file = workdir / "b.yaml"
        file.write_text(PLAIN)
        access = os.access

        def interfere(path: str, mode: int) -> bool:
            """Somebody comes between reading and writing."""
            if path.endswith("b.yaml"):
                file.unlink(missing_ok=True)
                if not vanishes:
                    file.write_text(f"# mine\n{PLAIN}")
            return access(path, mode)

        monkeypatch.setattr(os, "access", interfere)
        words = ("edit", ".", "--image", f"{WEB}:2.0")
        said = promoter(*words, expect=75)
        assert (said.out, said.err) == ("", "error: b.yaml: changed meanwhile; run again\n")
        monkeypatch.undo()
        assert (workdir / "a.yaml").read_text() == PLAIN
        assert file.exists() is not vanishes
        monkeypatch.chdir(workdir)
        promoter(*words)
        assert (workdir / "a.yaml").read_text() == PLAIN.replace("1.0", "2.0")

    def test_two_at_once_never_lose_a_change_that_one_of_them_reported(self, workdir: Path) -> None:
        file = workdir / "values.yaml"
        command = [sys.executable, "-m", "promoter", "edit", "values.yaml", "--set"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        for number in range(8):
            file.write_text("left: old\nright: old\n")
            both = [
                subprocess.Popen(
                    [*command, f"/{key}=new{number}"],
                    cwd=workdir,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for key in ("left", "right")
            ]
            said = [each.communicate() for each in both]
            codes = [each.returncode for each in both]
            lines = [
                f"{key}: {f'new{number}' if code == 0 else 'old'}\n"
                for key, code in zip(("left", "right"), codes, strict=True)
            ]
            assert 0 in codes
            assert set(codes) <= {0, 75}, said
            assert file.read_text() == "".join(lines)
            assert names(workdir) == ["values.yaml"]
