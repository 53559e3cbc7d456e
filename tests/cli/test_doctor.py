"""`promoter doctor`: what a newcomer stumbles over, each in a line that says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promoter.access.credentials import Credentials
from promoter.cli.demo_world import DemoWorld
from promoter.cli.doctor_checks import check_credential
from promoter.errors import TransientError
from promoter.forges.local import LocalForge
from promoter.model.ports import Footing, Protection, Rights
from promoter.model.rule import RepositoryAddress
from tests.services.git_server import commit, create_repository, refs
from tests.stories.shop import Said, Terminal

CANARY = "canary-of-the-doctor-5b1e"


@pytest.fixture
def promoter() -> Terminal:
    return Terminal()


def rule_file(world: DemoWorld) -> Path:
    return world.folder / "rules/shop.yaml"


def rewrite(world: DemoWorld, old: str, new: str) -> None:
    text = rule_file(world).read_text("utf-8")
    assert old in text
    rule_file(world).write_text(text.replace(old, new), "utf-8")


def stand(monkeypatch: pytest.MonkeyPatch, footing: Footing) -> None:
    """The forge says so of the bot; everything else is the demo's."""
    monkeypatch.setattr(LocalForge, "footing", lambda *_: footing)


def problems(said: Said) -> list[str]:
    return [line for line in said.out.splitlines() if line.startswith("problem")]


class TestAWorldThatIsWell:
    def test_is_told_line_by_line_and_left_as_it_is(
        self, promoter: Terminal, world: DemoWorld
    ) -> None:
        before = refs(world.folder / "manifests.git")
        said = promoter("doctor")
        said.line("ok  git: 2.")
        said.line("ok  ", f"{rule_file(world)}: 6 targets of 2 applications")
        said.line("ok  ", f"{world.repository}: main can be read, at ")
        said.line("ok  ", f"registry.example.com: shop/api has 2 tags; a folder, {world.folder}")
        said.line("  credential ", "none is needed: it is on this machine")
        said.line("  bot  ", "promoter@localhost")
        said.line("  dev  ", "enforced", "has no gate")
        said.line("  production  ", "advisory", "`soak: 8s` and `approvals: 1`")
        assert said.out.endswith("\n\n2 environments advisory\n")
        assert said.err == ""
        assert refs(world.folder / "manifests.git") == before

    @pytest.mark.usefixtures("world")
    def test_in_every_form(self, promoter: Terminal) -> None:
        told = promoter("doctor", "--output", "json").json
        assert {each["level"] for each in told["symptoms"]} == {"ok"}
        (one,) = told["repositories"]
        assert [each["standing"] for each in one["advice"]["stances"]] == [
            *("enforced", "advisory", "advisory")
        ]
        assert "| dev |" in promoter("doctor", "--output", "markdown").out

    def test_rules_that_lie_in_the_repository(
        self, promoter: Terminal, world: DemoWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("PROMOTER_RULES")
        commit(world.folder / "manifests.git", {"rules/shop.yaml": rule_file(world).read_bytes()})
        said = promoter("doctor", "--repository", world.repository)
        said.line("ok  ", f"{world.repository}//rules/shop.yaml: 6 targets of 2 applications")


class TestTheForge:
    CONTRARY = Footing(
        Rights("shop-bot", False, True, True, True, True, False, False),
        Protection(True, 1, ("build", "promoter")),
    )

    def test_problems_come_first_and_end_with_64(
        self, promoter: Terminal, world: DemoWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand(monkeypatch, self.CONTRARY)
        said = promoter("doctor", expect=64)
        levels = [line.split()[0] for line in said.out.partition("\n\n")[0].splitlines()]
        assert levels == ["problem", *["contradictory"] * 3, "warning", *["ok"] * 4]
        (problem,) = problems(said)
        assert problem.endswith(
            f"  {world.repository}: shop-bot may not push branches: give it write access"
        )
        assert said.out.endswith("\n\n1 problem, 3 contradictions, 1 warning\n")

    @pytest.mark.usefixtures("world")
    def test_a_warning_alone_is_fine(
        self, promoter: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rights = Rights("shop-bot", True, True, True, True, True, True, True)
        stand(monkeypatch, Footing(rights, Protection(True, 0, ("promoter",))))
        said = promoter("doctor")
        said.line("warning", "shop-bot may bypass the protection of main, and a bot should not")

    @pytest.mark.usefixtures("world")
    def test_one_that_does_not_answer_leaves_the_rest_to_be_told(
        self, promoter: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> Footing:
            raise TransientError("the forge rests; try again later")

        monkeypatch.setattr(LocalForge, "footing", refuse)
        said = promoter("doctor", expect=75)
        said.line("problem", "the forge rests; try again later")
        said.line("ok", "6 targets of 2 applications")


class TestStumblingBlocks:
    def test_a_rule_file_that_is_wrong_beside_one_that_is_right(
        self, promoter: Terminal, world: DemoWorld
    ) -> None:
        text = rule_file(world).read_text("utf-8")
        (world.folder / "rules/broken.yaml").write_text(text.replace("soak", "soack"), "utf-8")
        said = promoter("doctor", expect=64)
        (problem,) = problems(said)
        assert "rules/broken.yaml:" in problem
        assert "did you mean 'soak'?" in problem
        said.line("ok", "rules/shop.yaml: 6 targets")

    def test_no_rule_at_all(self, promoter: Terminal, world: DemoWorld) -> None:
        rule_file(world).unlink()
        said = promoter("doctor", expect=64)
        (problem,) = problems(said)
        assert "rules: there is no rule file (*.yaml, *.yml) directly in" in problem
        said.line("ok", "git: 2.")

    def test_a_repository_that_is_not_there(self, promoter: Terminal, world: DemoWorld) -> None:
        rewrite(world, "manifests.git", "manifest.git")
        said = promoter("doctor", expect=64)
        (problem,) = problems(said)
        assert "/manifest.git: " in problem
        assert "registry.example.com" not in said.out  # nobody knows yet what to ask for

    def test_a_branch_that_is_not_there(self, promoter: Terminal, world: DemoWorld) -> None:
        rewrite(world, "branch: main", "branch: trunk")
        said = promoter("doctor", expect=64)
        said.line("problem", "has no branch 'trunk'; it has main")

    def test_a_layout_that_finds_nothing(self, promoter: Terminal, world: DemoWorld) -> None:
        rewrite(world, "apps/{application}/", "app/{application}/")
        said = promoter("doctor", expect=64)
        assert len(problems(said)) == 3
        said.line("problem", "shop.yaml: dev has no target: nothing in the repository matches")
        said.line("warning", "registry.example.com: was not asked", "finds no application")

    def test_a_registry_that_is_not_there(
        self, promoter: Terminal, world: DemoWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        where = f"registry.example.com=oci-layout:{world.folder}/nowhere"
        said = promoter("doctor", "--registry", where, expect=64)
        said.line("problem", "registry.example.com: ", "nowhere")
        assert "problem" not in promoter("doctor", "--no-registries", "--registry", where).out

    def test_an_image_that_nobody_pushed(self, promoter: Terminal, world: DemoWorld) -> None:
        rewrite(world, 'select: {semver: ">=1.0"}', "select: {tag: stable}")
        said = promoter("doctor")
        said.line("warning", "registry.example.com: shop/api has no tag stable; a folder")
        rewrite(world, "tag: stable", "tag: 1.1.0")
        said = promoter("doctor")
        said.line("ok", "registry.example.com: shop/api:1.1.0 is there")

    @pytest.mark.parametrize(
        ("printed", "code", "told"),
        [
            (
                "git version 2.30.2",
                64,
                "problem  git: 2.30.2 is too old: install git 2.38 or newer",
            ),
            ("git version 2.51.0 (Apple Git-170)", 0, "ok  git: 2.51.0"),
            ("hello", 0, "warning  git: does not tell its version; it must be 2.38 or newer"),
        ],
    )
    def test_the_version_of_git(
        self,
        promoter: Terminal,
        world: DemoWorld,
        monkeypatch: pytest.MonkeyPatch,
        printed: str,
        code: int,
        told: str,
    ) -> None:
        real = next(
            found
            for folder in os.environ["PATH"].split(os.pathsep)
            if (found := Path(folder) / "git").is_file()
        )
        programs = world.folder / "programs"
        programs.mkdir()
        git = programs / "git"
        git.write_text(
            f'#!/bin/sh\n[ "$1" = version ] && echo "{printed}" && exit\nexec {real} "$@"\n'
        )
        git.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        said = promoter("doctor", expect=code)
        said.line(*(each for each in told.split("  ") if each))


class TestCredentials:
    @pytest.fixture
    def credentials(self, tmp_path: Path) -> Credentials:
        file = tmp_path / "credentials.yaml"
        file.write_text(
            f"git.example.com: {{username: bot, password: {CANARY}}}\n"
            "broken.example.com: {username: bot, password-env: NOT_SET}\n"
            'github.example.com: {github-app: "123", github-app-key-file: /run/app.pem}\n',
            "utf-8",
        )
        return Credentials.load(file)

    @pytest.mark.parametrize(
        ("url", "told", "symptom"),
        [
            ("https://git.example.com/shop.git", "credentials.yaml:1", ""),
            (
                "https://github.example.com/a/shop.git",
                "the GitHub App 123 with its key /run/app.pem",
                "",
            ),
            ("https://other.example.com/shop.git", "none is known", "add the entry 'other.exam"),
            ("git@other.example.com:shop.git", "the keys of ssh; no token is known for", ""),
            ("https://broken.example.com/shop.git", "can't be had", "NOT_SET"),
            ("/srv/shop.git", "none is needed", ""),
        ],
    )
    def test_are_told_by_origin_and_never_by_value(
        self, credentials: Credentials, url: str, told: str, symptom: str
    ) -> None:
        origin, symptoms = check_credential(credentials, RepositoryAddress(url, None, "github"))
        assert told in origin
        assert CANARY not in f"{origin}{symptoms}"
        assert bool(symptoms) is bool(symptom)
        assert all(symptom in each.text for each in symptoms)


class TestSeveralRepositories:
    @pytest.fixture
    def two(self, world: DemoWorld) -> DemoWorld:
        """Production has a repository of its own, and of this a branch for each environment."""
        overlay = b"images: [{name: registry.example.com/shop/web, newTag: 1.0.0}]\n"
        files = {"web/kustomization.yaml": overlay}
        create_repository(world.folder / "production.git", files, branch="env/production")
        own = (
            f"    path: '{{application}}'\n"
            f"    repository: {{url: {self.url(world)}, branch: env/production, forge: local}}\n"
        )
        rewrite(world, "  production:\n", f"  production:\n{own}")
        return world

    def url(self, world: DemoWorld) -> str:
        return (world.folder / "production.git").as_uri()

    def test_each_is_looked_at(self, promoter: Terminal, two: DemoWorld) -> None:
        said = promoter("doctor")
        said.line("ok  ", f"{two.repository}: main can be read, at ")
        said.line("ok  ", f"{self.url(two)}: env/production can be read, at ")
        first, second = promoter("doctor", "--output", "json").json["repositories"]
        assert [each["environment"] for each in first["advice"]["stances"]] == ["dev", "staging"]
        assert [each["environment"] for each in second["advice"]["stances"]] == ["production"]
        said.line("ok  ", f"4 targets of 2 applications in {two.repository} main")
        said.line("ok  ", f"1 target of 1 application in {self.url(two)} env/production")

    def test_one_that_is_down_leaves_the_other_to_be_told(
        self, promoter: Terminal, two: DemoWorld
    ) -> None:
        (two.folder / "production.git").rename(two.folder / "away.git")
        said = promoter("doctor", expect=64)
        (problem,) = problems(said)
        assert self.url(two) in problem
        said.line("ok  ", f"{two.repository}: main can be read, at ")
        assert [line for line in said.out.splitlines() if " has no target" in line] == []
