"""What a person types: help that shows an example, and slips that are told with a suggestion."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from promoter.cli import VERBS
from promoter.cli.call import load_verb, read_words
from promoter.cli.demo_world import DemoWorld
from promoter.version import VERSION
from tests.stories.shop import Terminal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def promoter() -> Terminal:
    return Terminal()


class TestHelp:
    @pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
    def test_lists_every_verb_and_exit_code(
        self, promoter: Terminal, words: tuple[str, ...]
    ) -> None:
        said = promoter(*words)
        for verb, summary in VERBS.items():
            said.line(f"  {verb} ", summary)
        for code in ("0 done", "2 changes planned", "3 waiting", "64 wrong input", "75 try again"):
            assert code in said.out

    @pytest.mark.parametrize("verb", VERBS)
    def test_of_a_verb_shows_an_example_that_is_one(self, promoter: Terminal, verb: str) -> None:
        said = promoter(verb, "--help")
        assert said.out.startswith(f"usage: promoter {verb}")
        assert "?." not in said.out
        _, _, example = said.out.partition("example:\n")
        lines = [line.strip() for line in example.splitlines()]
        assert lines
        assert all(line.startswith(f"promoter {verb}") for line in lines)

    @pytest.mark.parametrize("verb", VERBS)
    def test_of_a_verb_names_only_flags_that_are_there(self, verb: str) -> None:
        """The example is parsed by the parser that it is an example of."""
        for line in load_verb(verb).EXAMPLE.splitlines():
            words = shlex.split(line, comments=True)
            assert words[:2] == ["promoter", verb]
            read_words(verb, words[2:])

    @pytest.mark.parametrize("words", [("version",), ("--version",), ("version", "--debug")])
    def test_the_version(self, promoter: Terminal, words: tuple[str, ...]) -> None:
        assert promoter(*words).out == f"promoter {VERSION}\n"


class TestSlips:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["plna"], "promoter: no verb 'plna'; did you mean 'plan'?"),
            (["frobnicate"], "promoter: no verb 'frobnicate'; see promoter --help"),
            (
                ["plan", "--detailed-exit-code"],
                (
                    "promoter plan: unknown argument --detailed-exit-code"
                    " (did you mean --detailed-exitcode?); see promoter plan --help"
                ),
            ),
            (
                ["run", "--password=canary"],
                "promoter run: unknown argument --password; see promoter run --help",
            ),
            (
                ["why", "web"],
                (
                    "promoter why: the following arguments are required: ENVIRONMENT;"
                    " see promoter why --help"
                ),
            ),
            (
                ["mr", "show"],
                (
                    "promoter mr show: the following arguments are required: NUMBER;"
                    " see promoter mr show --help"
                ),
            ),
            (["why", "wbe", "dev"], "no application is named 'wbe'; did you mean 'web'?"),
            (
                ["why", "web", "prod"],
                "web has no target in 'prod'; it has dev, staging, production",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
    )
    @pytest.mark.usefixtures("world")
    def test_are_told_in_one_line(self, promoter: Terminal, words: list[str], message: str) -> None:
        said = promoter(*words, expect=64)
        assert (said.out, said.err) == ("", f"error: {message}\n")

    def test_a_choice_that_is_none_lists_the_choices(self, promoter: Terminal) -> None:
        said = promoter("plan", "--output", "yaml", expect=64)
        assert said.out == ""
        said.line("error: promoter plan: argument --output", "'yaml'", "text", "json", "markdown")

    def test_a_merge_request_that_is_not_there(self, promoter: Terminal, world: DemoWorld) -> None:
        said = promoter("mr", "show", "7", expect=64)
        assert said.err == f"error: {world.repository} has no merge request !7\n"

    def test_no_rules(self, promoter: Terminal, workdir: Path) -> None:
        said = promoter("plan", expect=64)
        assert said.err == (
            "error: rules: no such rule file or directory; name the right one by --rules or"
            " PROMOTER_RULES, or the repository that the rules lie in by --repository\n"
        )
        (workdir / "rules").mkdir()
        said = promoter("plan", expect=64)
        assert said.err == "error: there is no rule file (*.yaml, *.yml) directly in rules\n"

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            (
                "PROMOTER_REGISTRIES",
                "localhost:5000",
                (
                    "setting registries (PROMOTER_REGISTRIES, or its flag):"
                    " write HOST=WHERE, for example localhost:5000=http://localhost:5000"
                ),
            ),
            (
                "PROMOTER_REGISTRIES",
                "a.example=ftp://b.example",
                (
                    "setting registries (PROMOTER_REGISTRIES, or its flag): a.example: write where"
                    " it is served as https://HOST, http://HOST:PORT or oci-layout:PATH"
                ),
            ),
            *(
                (
                    "PROMOTER_REGISTRIES",
                    f"a.example={where}",
                    (
                        "setting registries (PROMOTER_REGISTRIES, or its flag): a.example: write"
                        " where it is served as https://HOST, http://HOST:PORT or oci-layout:PATH"
                    ),
                )
                for where in ("robot:canary@mirror", "https://canary:x", "https://", "oci-layout:")
            ),
            (
                "PROMOTER_REGISTRIES",
                '{"a.example": "https://robot:canary@mirror"}',
                (
                    "setting registries (PROMOTER_REGISTRIES, or its flag): a.example: remove what"
                    " stands before the '@'; credentials have a file of their own"
                ),
            ),
            (
                "PROMOTER_OUTPUT",
                "yaml",
                (
                    "setting output (PROMOTER_OUTPUT, or its flag):"
                    " Input should be 'text', 'json' or 'markdown'"
                ),
            ),
            (
                "PROMOTER_CREDENTIALS",
                "nowhere.yaml",
                "nowhere.yaml: can't be read: No such file or directory",
            ),
        ],
    )
    def test_a_setting(
        self,
        promoter: Terminal,
        world: DemoWorld,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        value: str,
        message: str,
    ) -> None:
        monkeypatch.setenv(name, value)
        assert promoter("plan", expect=64).err == f"error: {message}\n"


class TestAsAProcess:
    """What only a real process shows."""

    def run(self, *words: str, program: str = "-m") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, program, "promoter", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_a_module_that_runs(self) -> None:
        done = self.run("version")
        assert (done.returncode, done.stdout, done.stderr) == (0, f"promoter {VERSION}\n", "")

    def test_help_and_slips_have_their_exit_codes(self) -> None:
        assert self.run("plan", "--help").returncode == 0
        done = self.run("plan", "--rules", "/nowhere.yaml")
        assert (done.returncode, done.stdout) == (64, "")
        assert done.stderr.startswith("error: /nowhere.yaml: no such rule file or directory; name")

    @pytest.mark.usefixtures("world")
    def test_changes_planned_is_2_only_when_asked_for(self) -> None:
        assert self.run("plan").returncode == 0
        assert self.run("plan", "--detailed-exitcode").returncode == 2

    @pytest.mark.usefixtures("world")
    def test_a_reader_that_goes_away_is_no_error(self) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "promoter", "plan"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            complaints = process.stderr.read()
        assert (process.returncode, complaints) == (0, b"")
