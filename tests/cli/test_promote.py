"""`promoter promote` as it is typed: what it answers, hands on and refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from promoter.cli.asking import who_asks
from promoter.cli.demo_world import HOST, DemoWorld
from tests.cli.ci import clear_ci, read_github
from tests.services.git_server import create_repository, git, refs
from tests.stories.shop import Terminal

IMAGE = f"{HOST}/shop/web"


@pytest.fixture
def promoter(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    clear_ci(monkeypatch)
    return Terminal()


def manual(world: DemoWorld) -> None:
    """A person merges into dev, too."""
    rule = world.folder / "rules/shop.yaml"
    rule.write_text(rule.read_text().replace("    merge: automatic\n", "", 1))
    assert "dev: {}" not in rule.read_text()
    rule.write_text(rule.read_text().replace("  dev:\n", "  dev: {}\n"))


class TestAnswers:
    def test_a_release_that_is_merged_at_once(self, promoter: Terminal, world: DemoWorld) -> None:
        said = promoter("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.1.0")
        url = f"{world.repository}#1"
        assert said.err == ""
        *effects, head, why, address = said.out.splitlines()
        assert [each.split()[0] for each in effects] == ["opened", "merged"]
        assert head.startswith("web in dev: current 1.1.0 (release ")
        assert (why, address) == ("  runs 1.1.0", f"  {url}")

    def test_a_merge_request_that_a_person_merges(
        self, promoter: Terminal, world: DemoWorld
    ) -> None:
        manual(world)
        words = ("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.1.0", "--as", "ada")
        first = promoter(*words, "--output", "json").json
        promotion = first["promotion"]
        assert (promotion["state"], promotion["requested_by"]) == ("proposed", ["ada"])
        assert promotion["merge_request"]["url"] == f"{world.repository}#1"
        before = refs(world.folder / "manifests.git")
        assert promoter(*words, "--output", "json").json == first, "asking again changes nothing"
        assert refs(world.folder / "manifests.git") == before
        shown = promoter("mr", "show", "1").out
        assert "Requested by ada." in shown

    def test_nothing_but_its_target_is_touched(self, promoter: Terminal, world: DemoWorld) -> None:
        promoter("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.1.0")
        plan = promoter("plan", "--output", "json").json
        running = {
            (each["application"], each["environment"]): each["running"]["label"]
            for each in plan["decisions"]
        }
        assert running.pop(("web", "dev")) == "1.1.0"
        assert set(running.values()) == {"1.0.0"}
        assert not [ref for ref in refs(world.folder / "manifests.git") if "heads/promoter" in ref]

    @pytest.mark.usefixtures("world")
    def test_without_an_image_it_is_what_the_rule_offers(self, promoter: Terminal) -> None:
        said = promoter("promote", "api", "--to", "dev", "--output", "json").json["promotion"]
        assert (said["state"], said["release"]["label"]) == ("current", "1.1.0")
        assert said["requested_by"] == []
        said = promoter("promote", "api", "--to", "staging", "--output", "json").json["promotion"]
        assert (said["state"], said["release"]["label"]) == ("proposed", "1.1.0")

    @pytest.mark.usefixtures("world")
    def test_an_older_build_is_no_error(self, promoter: Terminal) -> None:
        promoter("promote", "web", "--to", "dev")
        said = promoter("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.0.0")
        assert said.err == ""
        (line,) = said.out.splitlines()
        assert line.startswith("web in dev: held-back, nothing to do for 1.0.0 (release ")
        assert line.endswith("): 1.0.0 is not later than 1.1.0 that runs here")

    def test_a_gate_that_waits_is_3(self, promoter: Terminal, world: DemoWorld) -> None:
        promoter("promote", "web", "--to", "dev")
        said = promoter(
            "promote", "web", "--to", "production", "--image", f"{IMAGE}:1.1.0", expect=3
        )
        assert said.out.splitlines()[0].startswith("web in production: waiting 1.1.0")
        assert "staging runs no 1.1.0; promote it there first" in said.out

    def test_an_image_that_is_not_there_yet_is_75(
        self, promoter: Terminal, world: DemoWorld
    ) -> None:
        said = promoter("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.2.0", expect=75)
        assert "web in dev: unknown 1.2.0" in said.out
        assert f"the registry has no tag {IMAGE}:1.2.0 (yet)" in said.out
        world.publish("web", "1.2.0")
        promoter("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.2.0")

    def test_another_rule_that_is_broken_or_down_stops_nothing(
        self, promoter: Terminal, world: DemoWorld
    ) -> None:
        rule = (world.folder / "rules/shop.yaml").read_text()
        (world.folder / "rules/broken.yaml").write_text(rule.replace("artifacts", "artefacts"))
        away = rule.replace(world.repository, f"{world.repository}-away")
        (world.folder / "rules/away.yaml").write_text(away)
        said = promoter("promote", "web", "--to", "dev")
        assert "web in dev: current 1.1.0" in said.out
        assert "broken.yaml" in said.err
        said = promoter("promote", "wbe", "--to", "dev", expect=64)
        assert "away.yaml: " in said.err.splitlines()[-1], "it may be there, nobody knows"


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["wbe", "--to", "dev"], "no application is named 'wbe'; did you mean 'web'?"),
            (
                ["web", "--to", "prod"],
                "web has no target in 'prod'; it has dev, staging, production",
            ),
            (
                ["web"],
                (
                    "promoter promote: the following arguments are required: --to;"
                    " see promoter promote --help"
                ),
            ),
            (
                ["web", "--to", "dev", "--image", f"{HOST}/shop/wbe:1.1.0"],
                (
                    f"--image: RULE follows no image {HOST}/shop/wbe for web;"
                    f" did you mean {HOST}/shop/web?"
                ),
            ),
            (
                ["web", "--to", "dev", "--image", "quay.io/x:1"],
                f"--image: RULE follows no image quay.io/x for web; it follows {IMAGE}",
            ),
            (
                ["web", "--to", "dev", "--image", IMAGE],
                (
                    f"--image: {IMAGE} names no version: write NAME:TAG@DIGEST, NAME:TAG or"
                    " NAME@DIGEST"
                ),
            ),
            (
                ["web", "--to", "dev", "--image", f"{IMAGE}:1.1.0@"],
                f"--image: {IMAGE}:1.1.0@: nothing stands behind '@': is the variable set?",
            ),
            (
                ["web", "--to", "dev", "--image", ""],
                "--image: is empty: is the variable set?",
            ),
            (
                ["web", "--to", "dev", "--image", f"@sha256:{'ab' * 32}"],
                (
                    f"--image: @sha256:{'ab' * 32}: no name stands before its version: is the"
                    " variable set?"
                ),
            ),
            (
                ["web", "--to", "dev", "--image", f"{IMAGE}:@sha256:{'ab' * 32}"],
                (
                    f"--image: {IMAGE}:@sha256:{'ab' * 32}: nothing stands behind ':': is the"
                    " variable set?"
                ),
            ),
            (
                ["web", "--to", "dev", "--image", f"{IMAGE}:1", "--image", f"{IMAGE}:2"],
                f"--image: {IMAGE} is named twice: give one version",
            ),
        ],
        ids=lambda value: "-".join(value)[:30] if isinstance(value, list) else "",
    )
    def test_are_told_in_one_line(
        self, promoter: Terminal, world: DemoWorld, words: list[str], message: str
    ) -> None:
        before = refs(world.folder / "manifests.git")
        said = promoter("promote", *words, expect=64)
        message = message.replace("RULE", str(world.folder / "rules/shop.yaml"))
        assert (said.out, said.err) == ("", f"error: {message}\n")
        assert refs(world.folder / "manifests.git") == before

    def test_two_rules_with_one_target(self, promoter: Terminal, world: DemoWorld) -> None:
        rules = world.folder / "rules"
        (rules / "twin.yaml").write_text((rules / "shop.yaml").read_text())
        said = promoter("promote", "web", "--to", "dev", expect=64)
        assert said.err == (
            f"error: web has a target in dev by {rules}/shop.yaml and {rules}/twin.yaml: name one"
            " rule file with --rules PATH\n"
        )
        promoter("promote", "web", "--to", "dev", "--rules", str(rules / "twin.yaml"))


class TestOutputs:
    def test_for_three_systems(
        self,
        promoter: Terminal,
        world: DemoWorld,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        manual(world)
        output, summary = tmp_path / "output", tmp_path / "summary"
        output.write_text("before=1\n")
        monkeypatch.setenv("GITHUB_OUTPUT", str(output))
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        dotenv, results = tmp_path / "promotion.env", tmp_path / "results"
        words = ("--dotenv", str(dotenv), "--results", str(results))
        promoter("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.1.0", *words)
        url = f"{world.repository}#1"

        assert output.read_text().startswith("before=1\n"), "other steps wrote there"
        told = read_github(output.read_text().removeprefix("before=1\n"))
        assert (told["state"], told["release"]) == ("proposed", "1.1.0")
        assert (told["merge-request-url"], told["merge-request-number"]) == (url, "1")
        assert f"merge request 1: {url}" in summary.read_text()
        assert f"PROMOTION_MERGE_REQUEST_URL={url}\n" in dotenv.read_text()
        assert {each.name: each.read_text() for each in results.iterdir()} == told

        # A second call hands on the same, and a new file is a new one.
        before = dotenv.read_bytes()
        promoter("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.1.0", *words)
        assert dotenv.read_bytes() == before
        text = output.read_text().removeprefix("before=1\n")
        assert text[: len(text) // 2] == text[len(text) // 2 :]

    def test_what_can_not_be_written_is_told_and_the_promotion_stands(
        self, promoter: Terminal, world: DemoWorld, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        words = ("--dotenv", str(tmp_path), "--results", str(tmp_path / "file"))
        said = promoter("promote", "web", "--to", "dev", *words, expect=64)
        assert "web in dev: current 1.1.0" in said.out
        first, second = said.err.splitlines()
        rest = "what was done stands, only this output is missing"
        assert first == f"error: {tmp_path}: can't be written: Is a directory; {rest}"
        assert second == f"error: {tmp_path / 'file'}: can't be written: File exists; {rest}"
        plan = promoter("why", "web", "dev", "--output", "json").json["decision"]
        assert plan["running"]["label"] == "1.1.0"

    @pytest.mark.usefixtures("world")
    def test_a_path_that_leads_nowhere_is_told_and_not_made(
        self, promoter: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nowhere = tmp_path / "nope"
        monkeypatch.setenv("GITHUB_OUTPUT", str(nowhere / "output"))
        words = ("--dotenv", str(nowhere / "x.env"), "--results", str(nowhere / "deep/results"))
        said = promoter("promote", "web", "--to", "dev", *words, expect=64)
        assert not nowhere.exists()
        rest = "No such file or directory; what was done stands, only this output is missing"
        assert said.err.splitlines() == [
            f"error: {nowhere / each}: can't be written: {rest}"
            for each in ("output", "x.env", "deep/results")
        ]


class TestWhoAsks:
    @pytest.mark.parametrize(
        ("person", "environment", "expected"),
        [
            ("ada", {"GITHUB_ACTOR": "octocat"}, "ada"),
            (None, {"GITHUB_ACTOR": "octocat", "LOGNAME": "runner"}, "octocat"),
            (
                None,
                {
                    "GITHUB_ACTOR": "octocat",
                    "GITHUB_SERVER_URL": "https://github.example.com",
                    "GITHUB_REPOSITORY": "shop/web",
                    "GITHUB_RUN_ID": "77",
                },
                "octocat (https://github.example.com/shop/web/actions/runs/77)",
            ),
            (
                None,
                {"GITLAB_USER_LOGIN": "ada", "CI_JOB_URL": "https://gitlab.example.com/-/jobs/5"},
                "ada (https://gitlab.example.com/-/jobs/5)",
            ),
            (
                None,
                {"BUILD_USER_ID": "ada", "BUILD_URL": "https://bot:pw12@ci.example.com/job/7/"},
                "ada (https://***@ci.example.com/job/7/)",
            ),
            ("a\nb", {}, "a b"),
            ("x" * 1000, {}, "x" * 300),
        ],
    )
    def test_is_the_person_of_the_job(
        self, person: str | None, environment: Mapping[str, str], expected: str
    ) -> None:
        assert who_asks(person, environment) == expected

    def test_is_else_the_login_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOGNAME", "runner")
        assert who_asks(None, {}) == "runner"


class TestRulesInTheRepository:
    @pytest.fixture
    def moved(self, world: DemoWorld, monkeypatch: pytest.MonkeyPatch) -> DemoWorld:
        """The rule lies in the manifest repository; none on this machine."""
        bare = world.folder / "manifests.git"
        blob = git(bare, "hash-object", "-w", str(world.folder / "rules/shop.yaml"))
        index = {"GIT_INDEX_FILE": str(world.folder / "index")}
        git(bare, "read-tree", "main", environment=index)
        entry = f"100644,{blob},.promoter/rules/shop.yaml"
        git(bare, "update-index", "--add", "--cacheinfo", entry, environment=index)
        tree = git(bare, "write-tree", environment=index)
        names = {f"GIT_{r}_{k}": "x" for r in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
        new = git(bare, "commit-tree", tree, "-p", "main", given=b"rules", environment=names)
        git(bare, "update-ref", "refs/heads/main", new)
        (world.folder / "rules/shop.yaml").unlink()
        monkeypatch.delenv("PROMOTER_RULES")
        return world

    def test_a_job_needs_its_address_alone(self, promoter: Terminal, moved: DemoWorld) -> None:
        where = ("--repository", moved.repository)
        source = f"{moved.repository}//.promoter/rules/shop.yaml"
        said = promoter("promote", "web", "--to", "dev", *where, "--output", "json")
        assert said.json["promotion"]["rule"] == source
        assert said.json["promotion"]["state"] == "current"
        assert source in promoter("why", "web", "dev", *where).out
        for words in (("plan",), ("status",), ("run",), ("validate",), ("tags", IMAGE)):
            assert promoter(*words, *where).err == ""
        assert promoter("validate", *where).out.startswith(f"{source}: ok; dev, ")
        assert source in promoter("tags", IMAGE, "--policy", "semver: >=1", *where).out

    def test_a_service_with_the_file_knows_its_merge_requests(
        self, promoter: Terminal, moved: DemoWorld, tmp_path: Path
    ) -> None:
        promoter("promote", "web", "--to", "dev", "--repository", moved.repository)
        promoter("promote", "web", "--to", "staging", "--repository", moved.repository)
        path = "main:.promoter/rules/shop.yaml"
        (tmp_path / "shop.yaml").write_text(git(moved.folder / "manifests.git", "show", path))
        before = refs(moved.folder / "manifests.git")
        words = ("promote", "web", "--to", "staging", "--output", "json")
        said = promoter(*words, "--rules", str(tmp_path / "shop.yaml")).json
        assert said["promotion"]["state"] == "proposed"
        assert refs(moved.folder / "manifests.git") == before

    def test_an_error_names_the_file_in_it(self, promoter: Terminal, tmp_path: Path) -> None:
        bare = create_repository(tmp_path / "r.git", {"rules/a.yaml": b"version: 2\n"})
        said = promoter("plan", "--repository", bare.as_uri(), expect=64)
        assert f"error: {bare.as_uri()}//rules/a.yaml:1:10: version" in said.err

    def test_a_password_in_the_address_is_refused_and_never_repeated(
        self, promoter: Terminal
    ) -> None:
        said = promoter(
            *("promote", "web", "--to", "dev"),
            *("--repository", "https://bot:canary77@git.example.com/shop.git"),
            expect=64,
        )
        assert "must not hold a user or a password" in said.err
        assert "canary77" not in said.text


def test_json_and_text_of_a_service_say_who_asked(promoter: Terminal, world: DemoWorld) -> None:
    manual(world)
    promoter("promote", "web", "--to", "dev", "--image", f"{IMAGE}:1.1.0", "--as", "ada")
    told = json.loads(promoter("plan", "--output", "json").out)["decisions"]
    (web,) = (each for each in told if each["requested"])
    assert (web["application"], web["environment"]) == ("web", "dev")
    assert [each["by"] for each in web["requested"]] == ["ada"]
    assert "requested      1.1.0 by ada: proposed\n" in promoter("why", "web", "dev").out
