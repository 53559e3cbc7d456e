"""`promoter validate`: every slip of a file at once, each with its place and what to write."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from promoter.rules.wording import suggestion_in
from tests.rules.files import SHOP
from tests.stories.apart import ROOT
from tests.stories.shop import Said, Terminal

BROKEN = Path(__file__).parent / "golden/broken.txt"
CANARY = "hunter2"


@pytest.fixture
def promoter() -> Terminal:
    return Terminal()


def broken_files() -> list[tuple[str, str]]:
    blocks = re.split(r"(?m)^=== ", BROKEN.read_text("utf-8"))[1:]
    return [(title, text) for title, _, text in (block.partition("\n") for block in blocks)]


def write(folder: Path, text: str, name: str = "shop.yaml") -> Path:
    (folder / "rules").mkdir(exist_ok=True)
    file = folder / "rules" / name
    file.write_text(text, "utf-8")
    return file.relative_to(folder)


def warnings(said: Said) -> list[str]:
    return [
        line.removeprefix("warning: rules/shop.yaml:")
        for line in said.err.splitlines()
        if line.startswith("warning: ")
    ]


class TestManySlips:
    @pytest.mark.parametrize(
        ("title", "text"), broken_files(), ids=[title for title, _ in broken_files()]
    )
    def test_each_is_told_at_its_line_and_nothing_else_is(
        self, promoter: Terminal, workdir: Path, title: str, text: str
    ) -> None:
        """Every marked line has the message that its mark asks for; every message its mark."""
        marks = {
            number: line.partition("#! ")[2]
            for number, line in enumerate(text.splitlines(), 1)
            if "#! " in line
        }
        file = write(workdir, text)
        said = promoter("validate", "--output", "json", expect=64)
        told: dict[int, list[str]] = {}
        for each in said.json["errors"]:
            assert each["file"] == str(file)
            assert each["column"] >= 1
            assert "\n" not in each["message"]
            told.setdefault(each["line"], []).append(each["message"])
        assert told.keys() == marks.keys()
        wrong = {
            number: (mark, told[number])
            for number, mark in marks.items()
            if not any(mark in message for message in told[number])
        }
        assert wrong == {}
        assert CANARY not in said.text

    def test_there_are_enough_of_them(self) -> None:
        slips = [text.count("#! ") for _, text in broken_files()]
        assert sum(slips) > 100

    def test_every_message_is_a_line_with_the_place_first(
        self, promoter: Terminal, workdir: Path
    ) -> None:
        text = SHOP.replace("artifacts:", "artefacts:").replace("soak", "soack")
        write(workdir, text.replace("staging:", "Staging:"))
        said = promoter("validate", expect=64)
        lines = said.err.splitlines()
        assert len(lines) == 5
        assert all(re.match(r"error: rules/shop\.yaml:\d+:\d+: \S+: ", line) for line in lines)
        said.line(":5:1:", "did you mean 'artifacts'?")
        said.line(":12:3:", "Staging", "use lower-case letters")
        said.line(":15:9:", "did you mean 'soak'?")


class TestWarnings:
    @pytest.mark.parametrize(
        ("old", "new", "warning"),
        [
            (
                'select: {semver: ">=1.0"}',
                'select: {semver: ">=1.0"}\n    tags: "^v"',
                (
                    "9:11: artifacts[0].tags: a tag must match in full, and '^v' matches one tag"
                    " only; did you mean 'v.*'?"
                ),
            ),
            (
                'select: {semver: ">=1.0"}',
                'select: {semver: ">=1.0"}\n    ignore: [latest, ".*-rc"]',
                (
                    "9:22: artifacts[0].ignore[1]: '.*-rc' looks like a regular expression, and a"
                    " glob is wanted; did you mean '*-rc'?"
                ),
            ),
            (
                'select: {semver: ">=1.0"}',
                "select: {semver: '>=1.0'}\n    ignore: ['[a-c]*', '[!0-9]?', '[']",
                (
                    "9:35: artifacts[0].ignore[2]: '[' matches no tag, which holds letters, digits,"
                    " '.', '_', '-'; '*' stands for any text"
                ),
            ),
            (
                'select: {semver: ">=1.0"}',
                "select: {semver: '>=1.0'}\n    ignore: ['(a|b)']",
                (
                    "9:14: artifacts[0].ignore[0]: '(a|b)' looks like a regular expression, and a"
                    " glob is wanted: '*' stands for any text, '?' for one character"
                ),
            ),
            (
                '">=1.0"',
                "1.4.2",
                (
                    "8:22: artifacts[0].select.semver: '1.4.2' is this one version, never a newer"
                    " one; did you mean '^1.4.2'?"
                ),
            ),
            (
                "    after: staging\n    require:\n      - soak: 24h\n      - approvals: 2\n",
                "    after: staging\n    merge: automatic\n",
                (
                    "19:12: environments.production.merge: no gate stands before production: what"
                    " staging runs goes on at once; give it a `require`, such as [soak: 24h]"
                ),
            ),
            (
                "https://gitlab.com/shop/manifests.git",
                "gitlab.com/shop/manifests.git",
                (
                    "3:8: repository.url: 'gitlab.com/shop/manifests.git' is a path on this"
                    " machine; did you mean 'https://gitlab.com/shop/manifests.git'?"
                ),
            ),
        ],
    )
    def test_what_is_right_and_rarely_meant(
        self, promoter: Terminal, workdir: Path, old: str, new: str, warning: str
    ) -> None:
        assert old in SHOP
        write(workdir, local(SHOP).replace(old, new))
        assert warnings(promoter("validate")) == [warning]

    def test_a_stage_is_told_once_and_where_it_stands(
        self, promoter: Terminal, workdir: Path
    ) -> None:
        text = local(SHOP).partition("  production:")[0]
        stage = "{after: staging, merge: automatic, path: 'p/{region}', each: {region: [eu, us]}}"
        write(workdir, f"{text}  production: {stage}\n")
        (told,) = warnings(promoter("validate"))
        assert told.startswith("17:39: environments.production.merge: no gate stands before ")

    @pytest.mark.parametrize(
        "tags", [r"v\d+", "v.*", "^v.+$", r"\d+-alpine", "[0-9]+", "(a|b)", "main-.*"]
    )
    def test_an_expression_that_matches_several_tags_is_fine(
        self, promoter: Terminal, workdir: Path, tags: str
    ) -> None:
        select = 'select: {semver: ">=1.0"}'
        write(workdir, local(SHOP).replace(select, f"{select}\n    tags: '{tags}'"))
        assert warnings(promoter("validate")) == []

    @pytest.mark.parametrize("wanted", [">=1.0.0", "1.4", "1.4.x", "^1.4.2", "1.0.0 - 2.0.0"])
    def test_a_range_of_several_versions_is_fine(
        self, promoter: Terminal, workdir: Path, wanted: str
    ) -> None:
        write(workdir, local(SHOP).replace(">=1.0", wanted))
        assert warnings(promoter("validate")) == []

    def test_two_files_with_one_name(self, promoter: Terminal, workdir: Path) -> None:
        write(workdir, local(SHOP))
        (workdir / "more").mkdir()
        (workdir / "more/shop.yml").write_text(local(SHOP))
        said = promoter("validate", "--rules", "rules", "--rules", "more")
        said.line("warning: more/shop.yml: is named like rules/shop.yaml")
        assert len(said.out.splitlines()) == 2

    @pytest.mark.parametrize("file", sorted((ROOT / "rules").glob("*.yaml")), ids=lambda f: f.name)
    def test_the_examples_have_none(self, promoter: Terminal, file: Path) -> None:
        assert promoter("validate", "--rules", str(file)).err == ""


def local(text: str) -> str:
    """A rule that this version can carry out: nothing contacts its repository here."""
    return text.replace("  branch: main", "  branch: main\n  forge: local", 1)


class TestReports:
    def test_json_has_each_part_by_itself(self, promoter: Terminal, workdir: Path) -> None:
        write(workdir, local(SHOP).replace("after: dev", "after: devel"))
        (error,) = promoter("validate", "--output", "json", expect=64).json["errors"]
        assert error == {
            "where": "rules/shop.yaml:14:12",
            "file": "rules/shop.yaml",
            "line": 14,
            "column": 12,
            "message": (
                "environments.staging.after: no environment is named 'devel'; did you mean 'dev'?"
            ),
            "suggestion": "dev",
        }

    def test_github_shows_them_in_the_diff(self, promoter: Terminal, workdir: Path) -> None:
        text = local(SHOP).replace("soak: 24h", 'soak: "50%"')
        write(workdir, text, "a,b:c.yaml")
        said = promoter("validate", "--output", "github", expect=64)
        assert said.err == ""
        assert said.out == (
            "::error file=rules/a%2Cb%3Ac.yaml,line=20,col=15::"
            "environments.production.require[0].soak: '50%25' is not a duration: write whole"
            " numbers with units, the largest first, such as 90s, 30m, 1h30m, 24h or 7d\n"
        )
        write(workdir, local(SHOP).replace(">=1.0", "1.4.2"), "a,b:c.yaml")
        assert promoter("validate", "--output", "github").out.startswith(
            "::warning file=rules/a%2Cb%3Ac.yaml,line=8,col=22::artifacts[0].select.semver: "
        )

    def test_gitlab_reports_code_quality(self, promoter: Terminal, workdir: Path) -> None:
        text = local(SHOP).replace("after: dev", "after: devel").replace(">=1.0", "one")
        write(workdir, text)
        first, second = json.loads(promoter("validate", "--output", "gitlab", expect=64).out)
        assert first["location"] == {"path": "rules/shop.yaml", "lines": {"begin": 8}}
        assert (second["check_name"], second["severity"]) == ("promoter-rule", "major")
        assert second["description"].endswith(
            "no environment is named 'devel'; did you mean 'dev'?"
        )
        # What only moved down is the same entry to GitLab.
        write(workdir, f"# a comment\n{text}")
        moved = json.loads(promoter("validate", "--output", "gitlab", expect=64).out)
        assert [each["fingerprint"] for each in moved] == [
            first["fingerprint"],
            second["fingerprint"],
        ]
        assert moved[0]["location"]["lines"]["begin"] == 9

    def test_nothing_to_say_is_a_report_as_well(self, promoter: Terminal, workdir: Path) -> None:
        write(workdir, local(SHOP))
        assert promoter("validate", "--output", "gitlab").out == "[]\n"
        assert promoter("validate", "--output", "github").out == ""
        assert promoter("validate").out == (
            "rules/shop.yaml: ok; dev, staging after dev, production after staging\n"
        )


@pytest.mark.parametrize(
    ("message", "suggestion"),
    [
        ("a.b: 'x' is not known; did you mean 'y'?", "y"),
        ("a.b: unknown key; known: x, y", None),
        ("no environment is named 'did you mean 'x'?'; known: dev", None),
    ],
)
def test_a_suggestion_is_the_word_that_is_asked_back_for(
    message: str, suggestion: str | None
) -> None:
    assert suggestion_in(message) == suggestion
