"""What goes wrong in a shop: each trouble is one clear line and an exit code, touches nothing,
and does not keep the application beside it from its merge request."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from promoter.engine.ledger import REF
from promoter.registries.content import digest_of
from promoter.registries.layout_writer import write_image
from promoter.registries.media_types import OCI_MANIFEST
from tests.services.git_server import commit, create_repository, git, git_server, refs
from tests.services.misbehaving import (
    Answer,
    Answers,
    json_answer,
    registry_error,
    serving,
    web_page,
)
from tests.services.registry import SOME_DAY
from tests.stories.shop import Said, Terminal

GOOD, BAD = "registry.good.example", "registry.bad.example"
INPUT, LATER = 64, 75

RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: local}}
artifacts:
  - image: {registry}/shop/{{application}}
    select: {{semver: ">=1.0"}}
applications: {only}/{{application}}/{{environment}}.yaml
environments:
  dev: {{}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
  - image: {registry}/shop/{name}:1.0.0
"""
WEB, API = "good/web/dev.yaml", "bad/api/dev.yaml"
FILES = {
    WEB: POD.format(name="web", registry=GOOD).encode(),
    API: POD.format(name="api", registry=BAD).encode(),
}


@dataclass
class Corner:
    """`web` is healthy: its rule, its registry, its manifest. `api` stands beside it in the same
    repository, with a rule file of its own, and has the trouble."""

    folder: Path
    repository: Path
    promoter: Terminal
    monkeypatch: pytest.MonkeyPatch

    def write_rule(self, name: str, text: str) -> str:
        file = self.folder / "rules" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return str(file)

    def serve_bad_registry_at(self, host: str) -> None:
        layout = f"{GOOD}=oci-layout:{self.folder / 'registry'}"
        self.monkeypatch.setenv("PROMOTER_REGISTRIES", f"{layout},{BAD}=http://{host}")

    def run_beside_trouble(self, code: int, *line: str) -> Said:
        """Plan and run: both end with `code` and one line that holds `line`. Nothing of `api` is
        touched; `web` gets its merge request, and gets it once."""
        before = refs(self.repository)
        planned = self.promoter("plan", expect=code)
        planned.line(*line)
        assert refs(self.repository) == before, "a plan touches nothing"

        ran = self.promoter("run", expect=code)

        ran.line(*line)
        assert ran.line("opened").startswith("opened    web in dev  1.1.0")
        after = refs(self.repository)
        new = {"refs/heads/promoter/dev/web", "refs/promoter/merge-requests/1", REF}
        assert {**after, **before} == after
        assert after.keys() - before.keys() == new
        again = self.promoter("run", expect=code)
        assert again.out.startswith(("nothing to do", "nothing was done"))
        assert refs(self.repository) == after
        return ran


@pytest.fixture
def corner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corner:
    repository = create_repository(tmp_path / "manifests.git", FILES)
    corner = Corner(tmp_path, repository, Terminal(), monkeypatch)
    for version in ("1.0.0", "1.1.0"):
        labels = {"version": version}
        write_image(tmp_path / "registry", "shop/web", version, created=SOME_DAY, labels=labels)
    for name, registry, only in (("web", GOOD, "good"), ("api", BAD, "bad")):
        rule = RULE.format(url=repository.as_uri(), registry=registry, only=only)
        corner.write_rule(name, rule)
    monkeypatch.setenv("PROMOTER_RULES", str(tmp_path / "rules"))
    monkeypatch.setenv("PROMOTER_CACHE", str(tmp_path / "cache"))
    corner.serve_bad_registry_at("127.0.0.1:1")
    return corner


class TestRuleFiles:
    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (
                "environments:",
                "enviroments:",
                "7:1: enviroments: unknown key; did you mean 'environments'?",
            ),
            (
                "select:",
                "selekt:",
                "5:5: artifacts[0].selekt: unknown key; did you mean 'select'?",
            ),
            (
                '{semver: ">=1.0"}',
                '{semver: ">=1.0", newest: build}',
                "5:5: artifacts[0].select: give exactly one policy, found semver and newest",
            ),
            (
                "dev: {}",
                "dev: {after: test}\n  test: {after: dev}",
                (
                    "8:16: environments.dev.after: the environments wait for each other:"
                    " dev -> test -> dev; one of them must have no `after`: first releases come"
                    " from the registry"
                ),
            ),
            (
                "dev: {}",
                "dev: {",
                "9:1: is not YAML: a bracket or a quote is open at the end of the file",
            ),
        ],
        ids=["typo", "typo-in-artifact", "two-policies", "cycle", "not-yaml"],
    )
    def test_a_broken_one_is_named_with_its_line(
        self, corner: Corner, old: str, new: str, message: str
    ) -> None:
        text = RULE.format(url=corner.repository.as_uri(), registry=BAD, only="bad")
        file = corner.write_rule("api", text.replace(old, new))

        ran = corner.run_beside_trouble(INPUT, "error:", file)

        assert ran.err == f"error: {file}:{message}\n"
        validated = corner.promoter("validate", expect=INPUT)
        assert validated.err == ran.err
        assert "web.yaml: ok" in validated.out

    def test_two_rules_that_claim_one_target_both_wait(self, corner: Corner) -> None:
        text = RULE.format(url=corner.repository.as_uri(), registry=BAD, only="bad")
        corner.write_rule("zebra", text)

        said = corner.promoter("run", expect=INPUT)

        assert said.text.count("zebra.yaml; leave it to one rule") == 2
        assert "opened    web in dev" in said.out


class TestManifests:
    @pytest.mark.parametrize(
        ("content", "place"),
        [
            (POD.format(name="api", registry=BAD) + "  bad: [1, 2\n", f"{API}:8:"),
            (
                POD.format(name="api", registry=BAD).replace("metadata: {", "metadata: }"),
                f"{API}:3:",
            ),
            (f"image: {BAD}/shop/api:1.0.0\nkey: \x07\n", f"{API}:2:"),
        ],
        ids=["open-list", "wrong-brace", "control-character"],
    )
    def test_one_that_is_not_yaml_is_named_with_its_line(
        self, corner: Corner, content: str, place: str
    ) -> None:
        files = {API: content.encode()}
        commit(corner.repository, files)
        answers = registry_with("1.0.0", "1.1.0")
        with serving(answers) as server:
            corner.serve_bad_registry_at(server.host)
            corner.run_beside_trouble(INPUT, "dev", "blocked", place)


def registry_with(*tags: str, head: Answer | None = None, get: Answer | None = None) -> Answers:
    """A registry with these tags of shop/api; each names one small manifest."""
    manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST}).encode()
    headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": digest_of(manifest)}
    whole = Answer(200, headers, manifest)
    answers: dict[tuple[str, str], Answer] = {
        ("GET", "/v2/shop/api/tags/list"): json_answer({"name": "shop/api", "tags": list(tags)})
    }
    for tag in tags:
        answers["HEAD", f"/v2/shop/api/manifests/{tag}"] = head or whole
        answers["GET", f"/v2/shop/api/manifests/{tag}"] = get or whole
    return answers


def every_tag_list(answer: Answer) -> Answers:
    return {("GET", "/v2/shop/api/tags/list"): answer}


_LIAR = Answer(
    200,
    {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": f"sha256:{'0' * 64}"},
    b'{"schemaVersion": 2}',
)
_SILENT_HEAD = Answer(200, {"Content-Type": OCI_MANIFEST})
_REALM = {"WWW-Authenticate": 'Basic realm="shop"'}


class TestRegistries:
    @pytest.mark.parametrize(
        ("answers", "code", "message"),
        [
            pytest.param(
                every_tag_list(registry_error(401, "UNAUTHORIZED", _REALM)),
                INPUT,
                f"(401), and no credential was sent; add the entry '{BAD}' in the credentials file",
                id="401",
            ),
            pytest.param(
                every_tag_list(Answer(404)),
                INPUT,
                f"{BAD} answers 404 to the tag list of 'shop/api'",
                id="404",
            ),
            pytest.param(
                every_tag_list(registry_error(404, "NAME_UNKNOWN")),
                INPUT,
                f"{BAD} has no repository 'shop/api'; check the image name",
                id="404-name-unknown",
            ),
            pytest.param(every_tag_list(Answer(500)), LATER, "HOST is in trouble (500)", id="500"),
            pytest.param(
                every_tag_list(web_page()), INPUT, f"{BAD} did not answer as a registry", id="html"
            ),
            pytest.param(registry_with(), LATER, f"{BAD}/shop/api lists no tags", id="empty"),
            pytest.param(
                every_tag_list(json_answer({"name": "shop/api", "tags": None})),
                LATER,
                f"{BAD}/shop/api lists no tags",
                id="null",
            ),
            pytest.param(
                registry_with("1.0.0", "1.1.0", head=_SILENT_HEAD, get=_LIAR),
                INPUT,
                f"{BAD}/shop/api:1.1.0: digest mismatch",
                id="digest-mismatch",
            ),
        ],
    )
    def test_one_in_trouble_is_named_with_what_to_do(
        self, corner: Corner, answers: Answers, code: int, message: str
    ) -> None:
        with serving(answers) as server:
            corner.serve_bad_registry_at(server.host)
            message = message.replace("HOST", server.host)
            corner.run_beside_trouble(code, "dev", "unknown", "1.0.0", message)

            # It recovers, and the next run goes on where this one stopped.
            server.answers.clear()
            server.answers.update(registry_with("1.0.0", "1.1.0"))
            recovered = corner.promoter("run")
            assert recovered.line("opened").startswith("opened    api in dev  1.1.0")

    def test_one_that_is_down_is_tried_again_later(self, corner: Corner) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and never listens
            host = f"127.0.0.1:{taken.getsockname()[1]}"
            corner.serve_bad_registry_at(host)
            corner.run_beside_trouble(LATER, "dev", "unknown", host, "can't be reached")

    def test_a_shrunken_tag_list_is_no_downgrade(self, corner: Corner) -> None:
        commit(corner.repository, {API: FILES[API].replace(b"1.0.0", b"1.1.0")})
        with serving(registry_with("1.0.0")) as server:
            corner.serve_bad_registry_at(server.host)
            corner.run_beside_trouble(0, "dev", "held-back", "not later than 1.1.0")


class TestRepositories:
    """`api` gets a repository of its own, which has the trouble."""

    @pytest.fixture
    def bad_registry(self, corner: Corner) -> Iterator[None]:
        with serving(registry_with("1.0.0", "1.1.0")) as server:
            corner.serve_bad_registry_at(server.host)
            yield

    def write_api_rule(self, corner: Corner, url: str) -> None:
        corner.write_rule("api", RULE.format(url=url, registry=BAD, only="bad"))

    @pytest.mark.parametrize(
        ("prepare", "message"),
        [
            (lambda folder: None, "no such repository, or the bot may not see it"),
            (create_repository, "it is empty: push a first commit"),
            (
                lambda folder: create_repository(folder, FILES, branch="trunk"),
                "has no branch 'main'; it has trunk",
            ),
        ],
        ids=["missing", "empty", "other-branch"],
    )
    @pytest.mark.usefixtures("bad_registry")
    def test_one_that_can_not_be_read(
        self, corner: Corner, prepare: Callable[[Path], object], message: str
    ) -> None:
        with git_server(corner.folder / "git") as server:
            self.write_api_rule(corner, server.url("api.git"))
            repository = corner.folder / "git/api.git"
            prepare(repository)
            before = refs(repository) if repository.exists() else {}
            corner.run_beside_trouble(INPUT, "error:", server.url("api.git"), message)
            assert server.pushes == []
            assert before == (refs(repository) if repository.exists() else {})

    @pytest.mark.usefixtures("bad_registry")
    def test_one_whose_branch_is_gone(self, corner: Corner) -> None:
        with git_server(corner.folder / "git") as server:
            self.write_api_rule(corner, server.url("api.git"))
            repository = server.create("api.git", FILES)
            corner.promoter("status")  # the branch is known to the cache
            git(repository, "update-ref", "-d", "refs/heads/main")
            message = f"{server.url('api.git')} has no branch 'main'; it is empty"
            corner.run_beside_trouble(INPUT, "error:", message)
            assert refs(repository) == {}

    @pytest.mark.usefixtures("bad_registry")
    def test_one_that_is_in_trouble_is_tried_again_later(self, corner: Corner) -> None:
        with git_server(corner.folder / "git") as server:
            self.write_api_rule(corner, server.url("api.git"))
            repository = server.create("api.git", FILES)
            before = refs(repository)
            server.fail_with(503)
            corner.run_beside_trouble(LATER, "error:", server.url("api.git"), "did not answer")
            assert refs(repository) == before
            server.fail_with(None)
            assert corner.promoter("run").line("opened").startswith("opened    api in dev  1.1.0")

    @pytest.mark.usefixtures("bad_registry")
    def test_one_that_may_not_be_written(self, corner: Corner) -> None:
        with git_server(corner.folder / "git", read_only=True) as server:
            self.write_api_rule(corner, server.url("api.git"))
            repository = server.create("api.git", FILES)
            before = refs(repository)
            corner.promoter("plan")  # to read is enough to plan

            ran = corner.promoter("run", expect=INPUT)

            told = ran.line("error:", server.url("api.git"))
            assert "what it may do" in told
            assert ran.line("opened").startswith("opened    web in dev  1.1.0")
            assert refs(repository) == before

            server.read_only = False
            opened = corner.promoter("run").line("opened")
            assert opened.startswith("opened    api in dev  1.1.0")
