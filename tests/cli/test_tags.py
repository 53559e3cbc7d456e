"""`promoter tags IMAGE`: a rule is debugged by asking what its policy makes of the registry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from promoter.cli.demo_world import DemoWorld
from promoter.decisions.policies import walk
from tests.services.registry import running_registry
from tests.stories.shop import Said, Terminal

WEB = "registry.example.com/shop/web"
ANY = ("--policy", "semver: >=1.0")


@pytest.fixture
def promoter() -> Terminal:
    return Terminal()


@pytest.fixture
def shelf(world: DemoWorld) -> DemoWorld:
    """The registry holds 1.0.0, 1.1.0, an old one, a prerelease and two without a version."""
    for tag in ("0.9.0", "1.2.0-rc.1", "latest", "sha-77ab"):
        world.publish("web", tag)
    return world


def add_rule(world: DemoWorld, name: str, artifacts: str) -> Path:
    """Another rule file beside the shop's, with other artifacts."""
    shop = (world.folder / "rules/shop.yaml").read_text("utf-8")
    head, _, rest = shop.partition("artifacts:\n")
    _, _, tail = rest.partition("applications:")
    file = world.folder / "rules" / name
    file.write_text(f"{head}artifacts:\n{artifacts}applications:{tail}", "utf-8")
    return file


def selection(said: Said) -> Any:
    (found,) = said.json["selections"]
    return found


class TestOfARule:
    def test_shows_what_is_chosen_and_why_the_others_are_not(
        self, promoter: Terminal, shelf: DemoWorld
    ) -> None:
        said = promoter("tags", WEB)
        title, rule, chosen, digest, created, platforms, *rest = said.out.splitlines()
        assert title == f"{WEB} by semver: >=1.0"
        assert rule.split(maxsplit=1) == [
            "rule",
            f"{shelf.folder / 'rules/shop.yaml'} (application web)",
        ]
        assert chosen.split() == ["chosen", "1.1.0"]
        assert digest.split()[1].startswith("sha256:")
        assert created.split()[:2] == ["created", "2026-01-07T09:00:00Z"]
        assert platforms.split() == ["platforms", "linux/amd64"]
        assert rest[:2] == ["", "  5 tags passed over"]
        assert {line.split()[0] for line in rest[2:]} == {
            "0.9.0", "1.0.0", "1.2.0-rc.1", "latest", "sha-77ab"
        }  # fmt: skip
        said.line("0.9.0", ">=1.0")
        said.line("1.0.0", "is lower than 1.1.0")
        said.line("1.2.0-rc.1", "prerelease")

    def test_flags_are_tried_over_its_values(self, promoter: Terminal, shelf: DemoWorld) -> None:
        assert promoter("tags", WEB, "--prereleases").line("  chosen").split()[1] == "1.2.0-rc.1"
        said = promoter("tags", WEB, "--ignore", "1.1.*", "--ignore", "late*")
        assert said.line("  chosen").split()[1] == "1.0.0"
        assert said.line("  filters").split(maxsplit=1)[1] == "ignore '1.1.*', 'late*'"
        said.line("1.1.0", "ignored by '1.1.*'")
        said = promoter("tags", WEB, "--tags", r"1\.0\..*")
        assert said.line("  chosen").split()[1] == "1.0.0"
        assert promoter("tags", WEB).line("  chosen").split()[1] == "1.1.0"

    def test_another_policy_is_tried_with_its_other_values(
        self, promoter: Terminal, shelf: DemoWorld
    ) -> None:
        file = add_rule(
            shelf, "web.yaml", f"  - image: {WEB}\n    select: {{tag: x}}\n    pin: digest\n"
        )
        said = promoter(
            "tags", WEB, "--rules", str(file), "--policy", 'semver: "<1.1"', "--ignore", "0.*"
        )
        assert said.line("  chosen").split()[1] == "1.0.0"
        said.line("  rule", str(file))

    def test_each_rule_that_follows_the_image_is_shown(
        self, promoter: Terminal, shelf: DemoWorld
    ) -> None:
        add_rule(shelf, "next.yaml", f"  - image: {WEB}\n    select: {{semver: '>=2'}}\n")
        said = promoter("tags", WEB, "--output", "json", expect=3)
        next_one, shop = said.json["selections"]
        assert (next_one["rule"].rpartition("/")[2], next_one["chosen"]) == ("next.yaml", None)
        assert (next_one["application"], shop["application"]) == (None, "web")
        assert shop["chosen"]["tag"] == "1.1.0"
        text = promoter("tags", WEB, expect=3)
        text.line("  chosen", "nothing: no tag fits")
        text.line("  chosen", "1.1.0")

    def test_a_broken_rule_file_does_not_hide_the_others(
        self, promoter: Terminal, shelf: DemoWorld
    ) -> None:
        (shelf.folder / "rules/broken.yaml").write_text("version: 2\n")
        said = promoter("tags", WEB)
        assert said.line("  chosen").split()[1] == "1.1.0"
        assert "broken.yaml:1:10: version: this promoter reads version 1, found 2" in said.err


class TestOfOneTag:
    @pytest.mark.parametrize(
        ("tag", "why"),
        [
            ("1.1.0", "is chosen"),
            ("1.0.0", "is lower than 1.1.0"),
            ("1.1.1", "is not listed by the registry; it lists 1.1.0, 1.0.0"),
            ("nightly", "is not listed by the registry"),
        ],
    )
    def test_the_one_reason(self, promoter: Terminal, shelf: DemoWorld, tag: str, why: str) -> None:
        said = promoter("tags", f"{WEB}:{tag}", expect=0 if tag == "1.1.0" else 3)
        assert said.out.splitlines()[0] == f"{WEB}:{tag} {why}"
        assert ("  chosen" in said.out) == (tag != "1.1.0")
        said = promoter("tags", f"{WEB}:{tag}", "--output", "json", expect=said.code)
        found = selection(said)
        assert found["tag"] == {"tag": tag, "chosen": tag == "1.1.0", "why": why}
        assert found["chosen"]["tag"] == "1.1.0"

    def test_a_policy_that_looks_at_one_tag_only(
        self, promoter: Terminal, shelf: DemoWorld
    ) -> None:
        follow = ("--policy", "tag: latest")
        promoter("tags", f"{WEB}:latest", *follow).line(f"{WEB}:latest is chosen")
        said = promoter("tags", f"{WEB}:1.0.0", *follow, expect=3)
        said.line(f"{WEB}:1.0.0 is not looked at by this policy")
        assert said.line("  chosen").split()[1] == "latest"


class TestNothingFits:
    """Not an error: the registry was asked, and what it has says what to write instead."""

    def test_a_tag_that_is_not_there(self, promoter: Terminal, shelf: DemoWorld) -> None:
        shelf.publish("web", "nightly-7")
        follow = ("--policy", "tag: nightly")
        said = promoter("tags", WEB, *follow, expect=3)
        hint = "the registry has no tag nightly; it lists nightly-7"
        assert said.line("  chosen").split(maxsplit=1)[1] == f"nothing: {hint}"
        found = selection(promoter("tags", WEB, *follow, "--output", "json", expect=3))
        assert (found["chosen"], found["hint"], found["unknown"]) == (None, hint, None)

    @pytest.mark.parametrize(
        ("expression", "wider", "first"),
        [
            (r"1\.", r"1\..*", "1.0.0"),
            ("test", ".*test", "latest"),
            ("sha|git", "(?:sha|git).*", "sha-77ab"),
            ("ate", ".*ate.*", "latest"),
        ],
    )
    def test_an_expression_that_is_only_a_part(
        self, promoter: Terminal, shelf: DemoWorld, expression: str, wider: str, first: str
    ) -> None:
        said = promoter("tags", WEB, "--tags", expression, expect=3)
        hint = f"tags '{expression}' must match the whole tag, and it is only a part of {first}"
        told = said.line("  chosen").split(maxsplit=1)[1]
        assert told == f"nothing: {hint}: write '{wider}' to take that"
        promoter("tags", WEB, "--policy", "alphabetical: asc", "--tags", wider)

    def test_more_than_it_looks_at(
        self, promoter: Terminal, shelf: DemoWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(walk, "MOST_LOOKED_AT", 1)
        words = ("tags", WEB, "--platform", "linux/s390x", "--ignore", "late*")
        said = promoter(*words, expect=64)
        assert said.err.startswith(f"error: the best 1 of 2 tags of {WEB} were looked at")
        assert said.line("  chosen").split(maxsplit=1)[1] == "not known"
        said.line("    1.1.0", "lacks linux/s390x")
        said.line("1.0.0", "was not looked at")
        said.line("latest", "ignored by 'late*'")
        found = selection(promoter(*words, "--output", "json", expect=64))
        assert (found["chosen"], found["unknown"]["kind"]) == (None, "input")
        assert len(found["passed_over"]) == 6

    def test_every_key_is_always_there(self, promoter: Terminal, shelf: DemoWorld) -> None:
        told = [
            selection(promoter("tags", *words, "--output", "json", expect=code))
            for words, code in (((WEB,), 0), ((f"{WEB}:1.0.0",), 3), ((f"{WEB}-gone", *ANY), 64))
        ]
        assert told[0].keys() == told[1].keys() == told[2].keys()
        assert [each["tag"] is None for each in told] == [True, False, True]


class TestWithoutARule:
    @pytest.mark.parametrize(
        "policy", ["semver: >=1.0", 'semver: ">=1.0"', "{semver: '>=1.0'}", "  semver:>=1.0 "]
    )
    def test_a_policy_is_written_as_a_rule_file_has_it(
        self, promoter: Terminal, shelf: DemoWorld, monkeypatch: pytest.MonkeyPatch, policy: str
    ) -> None:
        monkeypatch.setenv("PROMOTER_RULES", "/nowhere")
        found = selection(promoter("tags", WEB, "--policy", policy, "--output", "json"))
        assert (found["rule"], found["chosen"]["tag"]) == (None, "1.1.0")
        assert found["policy"]["argument"] == ">=1.0"
        assert {each["tag"] for each in found["passed_over"]} == {
            "0.9.0", "1.0.0", "1.2.0-rc.1", "latest", "sha-77ab"
        }  # fmt: skip

    def test_the_newest_build(self, promoter: Terminal, shelf: DemoWorld) -> None:
        said = promoter("tags", WEB, "--policy", "newest: build", "--tags", r"1\.\d\.0")
        assert said.line("  chosen").split()[1] == "1.1.0"
        said.line("    1.0.0", "was created")
        ages = selection(promoter("tags", WEB, "--policy", "newest: build", "--output", "json"))
        dates = re.findall(r"created ([0-9-]+ [0-9:]+)Z", str(ages["passed_over"]))
        assert len(dates) == 5
        assert dates == sorted(dates, reverse=True)

    def test_what_the_images_themselves_say(self, promoter: Terminal, shelf: DemoWorld) -> None:
        said = promoter("tags", WEB, "--platform", "linux/s390x", expect=3)
        said.line("    1.1.0", "lacks linux/s390x")
        said.line("  chosen", "nothing yet: 1.1.0 lacks linux/s390x")
        assert promoter("tags", WEB, "--platform", "linux/amd64").line("  chosen").endswith("1.1.0")
        said = promoter("tags", f"{WEB}:1.1.0", "--minimum-age", "3650d", expect=3)
        assert "1.1.0 is too young: created" in said.out.splitlines()[0]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (
                ["--policy", "semver: one"],
                (
                    "--policy semver: 'one' is not a range of versions: write it as npm does, such"
                    ' as ">=1.0", "~1.4", "^2 || ^3" or "*"'
                ),
            ),
            (
                ["--policy", "semvre: 1"],
                "--policy semvre: unknown key; did you mean 'semver'?",
            ),
            (
                ["--policy", "newest"],
                (
                    "--policy: write a policy and what it wants, such as 'semver: >=1.0',"
                    " 'newest: build' or 'tag: stable'"
                ),
            ),
            (
                [*ANY, "--tags", "(", "--ignore", " "],
                (
                    "--tags: '(' is not a regular expression of RE2: missing ): (;"
                    " --ignore: is empty: give it a value, or leave the key out"
                ),
            ),
            (
                ["--policy", "tag: stable", "--tags", "x"],
                "--tags: has no meaning with `select: {tag: ...}`, which names one tag: remove it",
            ),
        ],
    )
    def test_a_slip_is_told_in_the_words_of_rule_files(
        self, promoter: Terminal, workdir: Path, words: list[str], message: str
    ) -> None:
        assert promoter("tags", WEB, *words, expect=64).err == f"error: {message}\n"


class TestOfNothing:
    def test_an_image_that_no_rule_follows(self, promoter: Terminal, shelf: DemoWorld) -> None:
        without = "; without a rule, give --policy such as 'semver: >=1.0',"
        without += " 'newest: build' or 'tag: stable'\n"
        said = promoter("tags", "registry.example.com/shpo/web", expect=64)
        shop = shelf.folder / "rules/shop.yaml"
        assert said.err == (
            f"error: no rule follows registry.example.com/shpo/web; the nearest is {WEB} ({shop})"
            + without
        )
        said = promoter("tags", "redis", expect=64)
        follow = "the rules follow registry.example.com/shop/{application}"
        assert said.err == f"error: no rule follows redis; {follow}{without}"

    @pytest.mark.usefixtures("workdir")
    def test_no_rules_at_all(self, promoter: Terminal) -> None:
        said = promoter("tags", WEB, expect=64)
        assert said.err == (
            "error: rules: no such rule file or directory; name the right one by --rules or"
            " PROMOTER_RULES, or the repository that the rules lie in by --repository;"
            " without a rule, give --policy such as 'semver: >=1.0'\n"
        )

    @pytest.mark.parametrize(
        ("image", "part"),
        [
            (f"{WEB}@sha256:{'a' * 64}", f"IMAGE: a digest is no tag: write {WEB}, or {WEB}:TAG"),
            (f"{WEB}:1@sha256:{'a' * 64}", "IMAGE: a digest is no tag"),
            ("https://ghcr.io/web", "IMAGE: "),
            ("", "IMAGE is empty: is the variable set?"),
            ("Shop/Web", "IMAGE: 'Shop/Web' is not an image name"),
        ],
    )
    def test_what_is_no_image(self, promoter: Terminal, image: str, part: str) -> None:
        said = promoter("tags", image, *ANY, expect=64)
        assert said.err.startswith(f"error: {part}")

    def test_nothing_fits(self, promoter: Terminal, shelf: DemoWorld) -> None:
        said = promoter("tags", WEB, "--policy", "semver: >=2", expect=3)
        said.line("  chosen", "nothing: no tag fits")
        said.line("  6 tags passed over")

    def test_a_registry_that_does_not_answer(
        self, promoter: Terminal, world: DemoWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Nobody listens on the discard port of a machine that runs tests.
        monkeypatch.setenv("PROMOTER_REGISTRIES", "registry.example.com=http://127.0.0.1:9")
        said = promoter("tags", WEB, expect=75)
        assert said.out == ""
        assert "127.0.0.1:9" in said.err or "registry.example.com" in said.err
        found = selection(promoter("tags", WEB, "--output", "json", expect=75))
        assert found["chosen"] is None
        assert found["unknown"]["kind"] == "transient"


def test_a_real_registry_with_many_tags(
    promoter: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Platforms and age are what the images themselves say."""
    canary = "canary-of-tags-55d1"
    with running_registry(tmp_path, username="ci", password=canary) as registry:
        both = registry.push_image("shop/web", "2.0.0", platforms=("linux/amd64", "linux/arm64"))
        registry.push_image("shop/web", "2.1.0")
        for number in range(30):
            registry.retag("shop/web", "2.0.0", f"build-{number}")
        (tmp_path / "credentials.yaml").write_text(
            f"registry.example.com: {{username: ci, password: {canary}}}\n"
        )
        monkeypatch.setenv("PROMOTER_CREDENTIALS", str(tmp_path / "credentials.yaml"))
        monkeypatch.setenv("PROMOTER_REGISTRIES", f"registry.example.com=http://{registry.host}")
        said = promoter("tags", WEB, *ANY)
        assert said.line("  chosen").split()[1] == "2.1.0"
        found = selection(promoter("tags", f"{WEB}:2.0.0", *ANY, "--output", "json", expect=3))
        assert found["tag"]["why"] == "is lower than 2.1.0"
        everything = selection(promoter("tags", WEB, *ANY, "--output", "json"))
        assert len(everything["passed_over"]) == 31
        assert everything["passed_over"][0]["tag"] == "2.0.0"
        assert [each["tag"] for each in everything["passed_over"]][1:3] == ["build-29", "build-28"]
        only = selection(promoter("tags", WEB, "--policy", "tag: build-3", "--output", "json"))
        assert only["chosen"]["digest"] == both
        assert sorted(only["chosen"]["platforms"]) == ["linux/amd64", "linux/arm64"]
    assert canary not in json.dumps([each.text for each in promoter.said])
