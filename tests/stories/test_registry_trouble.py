"""A registry misbehaves under a whole plan and a whole run: its target stays as it is with the
reason said, nothing goes backwards, and the application beside it is promoted."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promoter.access.http import HttpClient
from promoter.registries.layout_writer import write_image
from tests.services.git_server import create_repository, refs
from tests.services.misbehaving import Answer, serving
from tests.services.registry import SOME_DAY, RunningRegistry, running_registry
from tests.services.troubles import (
    LIST,
    REPOSITORY,
    TROUBLES,
    VERSIONS,
    Made,
    Trouble,
    healthy,
    of_list,
    tag_list,
)
from tests.stories.shop import Terminal, timeless

GOOD, BAD = "registry.good.example", "registry.bad.example"
RUNS = "1.1.0"
INPUT, LATER = 64, 75
RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: local}}
artifacts:
  - image: {registry}/shop/{{application}}
    select: {select}
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
  - image: {registry}/shop/{name}:1.1.0
"""
SEMVER = '{semver: ">=1.0"}'


@dataclass
class Pair:
    """`web` and `api` run 1.1.0, and 1.2.0 is there for both: `web`'s registry is well, `api`'s
    has the trouble."""

    repository: Path
    rules: Path
    promoter: Terminal
    monkeypatch: pytest.MonkeyPatch

    def follow(self, select: str) -> None:
        """Let both applications follow by this policy."""
        for name, registry, only in (("web", GOOD, "good"), ("api", BAD, "bad")):
            text = RULE.format(
                url=self.repository.as_uri(), registry=registry, only=only, select=select
            )
            (self.rules / f"{name}.yaml").write_text(text)

    def serve_api_at(self, place: str) -> None:
        layout = f"{GOOD}=oci-layout:{self.rules.parent / 'registry'}"
        self.monkeypatch.setenv("PROMOTER_REGISTRIES", f"{layout},{BAD}={place}")

    def decisions(self, expect: int) -> dict[str, Any]:
        plan = self.promoter("plan", "--output", "json", expect=expect).json
        return {each["application"]: each for each in plan["decisions"]}

    def run_beside(self, expect: int, sentence: str) -> None:
        """Plan and run: `api` is left alone for that reason, `web` goes on."""
        before = refs(self.repository)
        api = self.decisions(expect)["api"]
        assert (api["state"], api["running"]["label"]) == ("unknown", RUNS)
        assert (api["offered"], api["action"]) == (None, None)
        assert sentence in api["why"]
        assert refs(self.repository) == before, "who only looks touches nothing"

        ran = self.promoter("run", expect=expect)

        ran.line("dev", "unknown", RUNS, sentence)
        assert ran.line("opened").startswith("opened    web in dev  1.2.0")
        after = refs(self.repository)
        new = {"refs/heads/promoter/dev/web", "refs/promoter/merge-requests/1"}
        assert {name for name in after.keys() - before.keys() if "ledger" not in name} == new
        assert {**after, **before} == after


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that loses its patience with a server at once, and pauses for nobody."""
    defaults = HttpClient.__init__.__kwdefaults__
    assert defaults is not None
    hurry = {"read_timeout": 0.2, "longest_request": 0.6, "tries": 2, "pause": lambda _: None}
    for name, value in hurry.items():
        assert name in inspect.signature(HttpClient).parameters
        monkeypatch.setitem(defaults, name, value)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hasty: None) -> Pair:
    files = {
        f"{only}/{name}/dev.yaml": POD.format(name=name, registry=registry).encode()
        for name, registry, only in (("web", GOOD, "good"), ("api", BAD, "bad"))
    }
    repository = create_repository(tmp_path / "manifests.git", files)
    for version in VERSIONS:
        labels = {"version": version}
        write_image(tmp_path / "registry", "shop/web", version, created=SOME_DAY, labels=labels)
    (tmp_path / "rules").mkdir()
    pair = Pair(repository, tmp_path / "rules", Terminal(), monkeypatch)
    pair.follow(SEMVER)
    monkeypatch.setenv("PROMOTER_RULES", str(pair.rules))
    monkeypatch.setenv("PROMOTER_CACHE", str(tmp_path / "cache"))
    return pair


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_the_target_waits_with_the_reason_and_its_neighbour_goes_on(
    pair: Pair, trouble: Trouble
) -> None:
    with serving(healthy()) as server:
        server.answers.update(trouble.answers(server.host))
        pair.serve_api_at(f"http://{server.host}")
        sentence = trouble.sentence.format(host=server.host)
        pair.run_beside(LATER if trouble.later else INPUT, sentence)


SHRUNKEN = {
    "shrunken": tag_list("1.0.0"),
    "shrunken-to-nothing-higher": tag_list("0.1.0", "1.0.0", "1.0.0-rc.1", "latest"),
    "unsorted-and-doubled": tag_list("1.1.0", "1.0.0", "1.1.0"),
}


@pytest.mark.parametrize("answer", SHRUNKEN.values(), ids=SHRUNKEN)
def test_a_shrunken_list_is_never_a_downgrade(pair: Pair, answer: Answer) -> None:
    with serving({**healthy(), ("GET", LIST): answer}) as server:
        pair.serve_api_at(f"http://{server.host}")
        before = refs(pair.repository)
        decided = pair.decisions(0)["api"]
        assert decided["state"] in ("held-back", "current")
        pair.promoter("run")
        assert "refs/heads/promoter/dev/api" not in refs(pair.repository)
        assert refs(pair.repository)["refs/heads/main"] == before["refs/heads/main"]


def test_an_empty_list_is_no_answer(pair: Pair) -> None:
    trouble = of_list("empty", tag_list(), "lists no tags")
    with serving({**healthy(), **trouble.answers("")}) as server:
        pair.serve_api_at(f"http://{server.host}")
        pair.run_beside(LATER, trouble.sentence)


@pytest.mark.parametrize(
    "select", [SEMVER, "{newest: build}", '{tag: "1.2.0"}'], ids=["semver", "newest", "tag"]
)
@pytest.mark.parametrize(
    "kind", ["manifests", "blobs"], ids=["wrong-manifest-by-digest", "wrong-config"]
)
def test_content_that_is_not_what_its_digest_names_decides_nothing(
    pair: Pair, select: str, kind: str
) -> None:
    """Whoever changes bytes on their way can't choose what runs: at worst, everything waits."""
    forged = b'{"schemaVersion": 2, "created": "2030-01-01T00:00:00Z"}'
    pair.follow(select)
    answers: Made = {
        place: Answer(200, {"Content-Type": "application/json"}, forged)
        if f"/{kind}/sha256:" in place[1] and place[0] == "GET"
        else answer
        for place, answer in healthy().items()
    }
    with serving(answers) as server:
        pair.serve_api_at(f"http://{server.host}")
        needs_content = "newest" in select
        decided = pair.decisions(INPUT if needs_content else 0)["api"]
        if needs_content:
            assert decided["state"] == "unknown"
            assert "digest mismatch" in decided["why"]
        else:
            assert decided["state"] == "proposed"


def test_when_it_is_well_again_the_next_run_goes_on(pair: Pair) -> None:
    with serving({**healthy(), ("GET", LIST): Answer(503)}) as server:
        pair.serve_api_at(f"http://{server.host}")
        pair.promoter("run", expect=LATER)
        pair.promoter("status", expect=LATER).line("api in dev", "unknown", "in trouble (503)")
        server.answers.update(healthy())
        opened = pair.promoter("run").line("opened")
        assert opened.startswith("opened    api in dev  1.2.0")
        assert pair.promoter("run").out.startswith("nothing to do")


def test_a_dead_registry_costs_many_repositories_one_patience(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is not waited out for each repository."""
    names = [f"api{number}" for number in range(120)]
    files = {f"bad/{n}/dev.yaml": POD.format(name=n, registry=BAD).encode() for n in names}
    many = create_repository(pair.rules.parent / "many.git", files)
    text = RULE.format(url=many.as_uri(), registry=BAD, only="bad", select=SEMVER)
    (pair.rules / "api.yaml").write_text(text)
    silent = {("GET", f"/v2/shop/{name}/tags/list"): Answer(silent=True) for name in names}
    with serving(silent) as server:
        pair.serve_api_at(f"http://{server.host}")
        plan = pair.promoter("plan", "--output", "json", expect=LATER).json
        states = [each["state"] for each in plan["decisions"] if each["application"] != "web"]
        assert states == ["unknown"] * len(names)
        assert len(server.requests) < len(names), "the circuit did not open"


class TestFreshEqualsWarm:
    """Promise 1: caches are disposable, and a process with empty disks decides the same."""

    @pytest.mark.parametrize(
        "select",
        [
            pytest.param(SEMVER, id="semver"),
            pytest.param("{newest: build}", id="newest", marks=pytest.mark.soak),
        ],
    )
    def test_with_a_thousand_tags_on_a_real_registry(
        self, pair: Pair, tmp_path: Path, select: str
    ) -> None:
        pair.follow(select)
        with running_registry(tmp_path / "real") as registry:
            push_thousand(registry)
            pair.serve_api_at(f"http://{registry.host}")
            words = ("plan", "--output", "json")
            fresh = pair.promoter.run_apart(*words).json
            asked = len(registry.requests())
            warm = pair.promoter.run_apart(*words).json
            asked_again = len(registry.requests()) - asked
            damaged = pair.promoter.run_apart(*words, "--cache", str(spoilt(tmp_path))).json

            assert timeless(fresh) == timeless(warm) == timeless(damaged)
            (api,) = (each for each in warm["decisions"] if each["application"] == "api")
            assert (api["state"], api["running"]["label"]) == ("proposed", RUNS)
            assert api["offered"]["label"].startswith("1.9.")
            assert asked_again <= asked


def push_thousand(registry: RunningRegistry) -> None:
    """1,000 tags of ten builds: what a year of nightly builds looks like."""
    for number in range(10):
        version, labels = f"1.{number}", {"build": str(number)}
        created = SOME_DAY.replace(hour=number)
        digest = registry.push_image(REPOSITORY, f"{version}.0", created=created, labels=labels)
        registry.write_tags(REPOSITORY, digest, [f"{version}.{patch}" for patch in range(1, 100)])


def spoilt(folder: Path) -> Path:
    """A cache folder that begins with garbage where files are expected."""
    cache = folder / "spoilt"
    (cache / "content").mkdir(parents=True)
    (cache / "content/garbage").write_bytes(b"\0" * 100)
    return cache
