"""A repository that somebody else wrote: GoogleCloudPlatform/microservices-demo, all of it one
application in one environment. Its files are read from the corpus, where they stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.needs import need
from tests.services.git_server import GitServer, git, git_server
from tests.services.registry import RunningRegistry, running_registry
from tests.stories.shop import ALICE, Terminal, changes

_CORPUS = "GoogleCloudPlatform+microservices-demo"
_FILE = "release/kubernetes-manifests.yaml"
_REGISTRY = "us-central1-docker.pkg.dev"
_PROJECT = "online-boutique-ci/microservices-demo"
_IMAGE = re.compile(rf"^ *image: {_REGISTRY}/{_PROJECT}/([a-z]+):(v[0-9.]+)$", re.MULTILINE)

_RULE = """\
version: 1
repository: {{url: {url}, forge: local}}
artifacts:
{artifacts}
applications: "{{environment}}/kubernetes-manifests.yaml"
environments:
  release: {{}}
"""


@dataclass
class Boutique:
    git: GitServer
    repository: Path
    registry: RunningRegistry
    promoter: Terminal
    services: tuple[str, ...]

    def publish(self, version: str, *services: str) -> dict[str, str]:
        return {
            each: self.registry.push_image(
                f"{_PROJECT}/{each}", version, labels={"of": each, "version": version}
            )
            for each in services
        }

    def merge_the_request(self) -> str:
        """A person merges the one open request; the head that it had."""
        listed = self.promoter("mr", "list", "--output", "json").json["merge_requests"]
        (request,) = listed
        self.promoter("mr", "merge", str(request["number"]), "--as", ALICE)
        return str(request["head"])

    def image_lines(self, versions: dict[str, str], digests: dict[str, str]) -> list[str]:
        """The lines that name these services, in the order of the file, whatever their indent."""
        return [
            f"image: {_REGISTRY}/{_PROJECT}/{each}:{versions[each]}"
            + (f"@{digests[each]}" if each in digests else "")
            for each in self.services
            if each in versions
        ]


@pytest.fixture
def boutique(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Boutique]:
    corpus = need("shared/corpus") / _CORPUS
    files = {
        str(file.relative_to(corpus)): file.read_bytes()
        for file in sorted(corpus.rglob("*"))
        if file.is_file()
    }
    found = _IMAGE.findall(files[_FILE].decode())
    assert {version for _, version in found} == {"v0.10.6"}
    services = tuple(name for name, _ in found)
    with (
        running_registry(tmp_path / "registry") as registry,
        git_server(tmp_path / "git") as server,
    ):
        artifacts = "\n".join(
            f'  - {{image: {_REGISTRY}/{_PROJECT}/{each}, select: {{semver: "0.x"}}}}'
            for each in services
        )
        (tmp_path / "rules").mkdir()
        rule = _RULE.format(url=server.url("boutique.git"), artifacts=artifacts)
        (tmp_path / "rules/boutique.yaml").write_text(rule)
        monkeypatch.setenv("PROMOTER_RULES", str(tmp_path / "rules"))
        monkeypatch.setenv("PROMOTER_REGISTRIES", f"{_REGISTRY}=http://{registry.host}")
        monkeypatch.setenv("PROMOTER_CACHE", str(tmp_path / "cache"))
        repository = server.create("boutique.git", files)
        opened = Boutique(server, repository, registry, Terminal(), services)
        opened.publish("v0.10.6", *services)
        yield opened


def test_eleven_services_move_in_one_merge_request(boutique: Boutique) -> None:
    assert len(boutique.services) == 11
    start = git(boutique.repository, "rev-parse", "main")
    assert boutique.promoter("run").out.startswith("nothing to do")

    old = dict.fromkeys(boutique.services, "v0.10.6")
    new = dict.fromkeys(boutique.services, "v0.10.7")
    digests = boutique.publish("v0.10.7", *boutique.services)
    boutique.promoter("run")
    head = boutique.merge_the_request()

    assert git(boutique.repository, "rev-list", "--count", f"{start}..{head}") == "1"
    (change,) = changes(boutique.repository, start, "main").items()
    path, (went, came) = change
    assert path == _FILE
    assert [line.strip() for line in went] == boutique.image_lines(old, {})
    assert [line.strip() for line in came] == boutique.image_lines(new, digests)
    assert [_indent(line) for line in went] == [_indent(line) for line in came]

    # Three services go on alone; the others stay as they are.
    start = git(boutique.repository, "rev-parse", "main")
    three = ("frontend", "cartservice", "adservice")
    newer = boutique.publish("v0.10.8", *three)
    boutique.promoter("run")
    head = boutique.merge_the_request()

    assert git(boutique.repository, "rev-list", "--count", f"{start}..{head}") == "1"
    (change,) = changes(boutique.repository, start, "main").items()
    path, (went, came) = change
    assert path == _FILE
    before = {each: digests[each] for each in three}
    assert [line.strip() for line in went] == boutique.image_lines(
        dict.fromkeys(three, "v0.10.7"), before
    )
    assert [line.strip() for line in came] == boutique.image_lines(
        dict.fromkeys(three, "v0.10.8"), newer
    )
    assert boutique.promoter("run").out.startswith("nothing to do")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
