"""How it is said: JSON for machines, colour for a terminal that wants it, nothing twice."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from promoter.access import redaction
from promoter.cli.console import paint_for
from promoter.cli.demo_world import DemoWorld
from tests.services.git_server import refs
from tests.stories.shop import ALICE, BOB, Terminal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def promoter() -> Terminal:
    return Terminal()


def repository(world: DemoWorld) -> Path:
    return world.folder / "manifests.git"


class TestJson:
    def test_every_verb_says_what_its_text_says(self, promoter: Terminal, world: DemoWorld) -> None:
        def ask(*words: str, expect: int = 0) -> dict[str, object]:
            said = promoter(*words, "--output", "json", expect=expect)
            assert said.err == ""
            value: dict[str, object] = said.json
            assert value["version"] == 1
            return value

        assert ask("validate") == {
            "version": 1,
            "rules": [str(world.folder / "rules/shop.yaml")],
            "errors": [],
            "warnings": [],
        }
        plan = ask("plan", "--detailed-exitcode", expect=2)
        assert ask("status") == plan
        outcome = ask("run")
        deeds = [(each["deed"], each["environment"]) for each in entries(outcome, "effects")]
        assert deeds == [
            ("opened", "dev"),
            ("opened", "dev"),
            ("merged", "dev"),
            ("merged", "dev"),
            ("opened", "staging"),
            ("opened", "staging"),
        ]
        why = ask("why", "web", "staging")["decision"]
        assert why in entries(outcome, "decisions")
        requests = entries(ask("mr", "list"), "merge_requests")
        assert [each["state"] for each in requests] == ["open", "open"]
        for action in ("show", "approve", "merge"):
            shown = ask("mr", action, str(requests[0]["number"]), "--as", ALICE)
            assert (shown["number"], shown["branch"]) == (
                requests[0]["number"],
                requests[0]["branch"],
            )
        closed = ask("mr", "close", str(requests[1]["number"]), "--as", BOB)
        assert (closed["state"], closed["closed_by"]) == ("closed", "bob@example.com")

    def test_a_broken_rule_file_is_in_it(self, promoter: Terminal, world: DemoWorld) -> None:
        file = world.folder / "rules/shop.yaml"
        file.write_text(file.read_text().replace("local ", "lokal "))
        said = promoter("validate", "--output", "json", expect=64)
        (error,) = said.json["errors"]
        assert error["where"] == f"{file}:6:10"
        assert (error["file"], error["line"], error["column"]) == (str(file), 6, 10)
        assert "did you mean 'local'" in error["message"]
        assert error["suggestion"] == "local"


def entries(value: dict[str, object], key: str) -> list[dict[str, object]]:
    found = value[key]
    assert isinstance(found, list)
    return found


class TestPlan:
    def test_touches_nothing_and_says_what_a_run_then_does(
        self, promoter: Terminal, world: DemoWorld
    ) -> None:
        before = refs(repository(world))
        text, markdown = promoter("plan").out, promoter("plan", "--output", "markdown").out
        promoter("status")
        promoter("why", "web", "dev")
        assert refs(repository(world)) == before

        assert "merge requests: 2 to open" in text
        for place in (text, markdown):
            assert '-  newTag: "1.0.0"      # moved by the bot' in place
            assert '+  newTag: "1.1.0"      # moved by the bot' in place
        assert "| web | dev | promoting | 1.0.0 | 1.1.0 |" in markdown

        promoter("run")
        after = refs(repository(world))
        assert promoter("run").out.startswith("nothing to do")
        assert refs(repository(world)) == after


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestColour:
    @pytest.mark.parametrize(
        ("environment", "coloured"),
        [
            ({"NO_COLOR": "", "TERM": "xterm"}, True),
            ({"NO_COLOR": "1", "TERM": "xterm"}, False),
            ({"NO_COLOR": "", "TERM": "dumb"}, False),
        ],
    )
    def test_is_for_a_terminal_that_wants_it(
        self, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
    ) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert ("\x1b[" in paint_for(_Screen())("word", "red")) is coloured
        assert paint_for(io.StringIO())("word", "red") == "word"

    @pytest.mark.parametrize("no_color", ["", "1"])
    @pytest.mark.usefixtures("world")
    def test_of_a_plan_on_a_real_terminal(self, no_color: str) -> None:
        controller, terminal = pty.openpty()
        environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm", "CI": "1"}
        with subprocess.Popen(
            [sys.executable, "-m", "promoter", "status"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        ) as process:
            os.close(terminal)
            said = read_to_the_end(controller)
        assert process.returncode == 0
        assert b"APPLICATION" in said
        assert (b"\x1b[" in said) is not bool(no_color)

    def test_a_manifest_never_drives_the_terminal(
        self, promoter: Terminal, world: DemoWorld
    ) -> None:
        file = world.folder / "rules/shop.yaml"
        evil = file.read_text().replace("local  ", '"lo\\x1b[31mcal"')
        file.write_text(evil)
        assert "\x1b" not in promoter("validate", expect=64).text


def read_to_the_end(controller: int) -> bytes:
    """What was printed on a terminal; Linux says EIO when its last writer is gone."""
    said = b""
    while True:
        try:
            said += os.read(controller, 1 << 16)
        except OSError:
            break
    os.close(controller)
    return said


class TestBugs:
    def test_a_bug_is_one_line_and_its_own_exit_code(
        self, promoter: Terminal, world: DemoWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def break_down(*_: object) -> None:
            raise ZeroDivisionError("by zero")

        monkeypatch.setattr("promoter.cli.look.make_plan", break_down)
        said = promoter("plan", expect=1)
        assert said.err == (
            "error: a bug in promoter: ZeroDivisionError: by zero; --debug shows where\n"
        )
        assert said.out == ""

    @pytest.mark.usefixtures("world")
    def test_not_even_a_bug_that_is_looked_into_tells_a_secret(
        self, promoter: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secret = "canary-in-an-exception-3c8e"
        redaction.register(secret)

        def break_down(*_: object) -> None:
            raise ValueError(f"no answer to Bearer {secret}")

        monkeypatch.setattr("promoter.cli.look.make_plan", break_down)
        said = promoter("plan", "--debug", expect=1)
        assert "ValueError: no answer to Bearer ***" in said.err
        assert "in break_down" in said.err
        assert secret not in said.text
