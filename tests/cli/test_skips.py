"""`promoter promote ... --skip NAME --reason TEXT` as it is typed: what may be skipped, and what to
say of everything else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from promoter.cli.demo_world import HOST, DemoWorld
from tests.cli.ci import clear_ci
from tests.services.git_server import commit, git, refs
from tests.stories.shop import Terminal

IMAGE = f"{HOST}/shop/web:1.1.0"
STAGED = """\
  dev: {}
  staging: {after: dev, require: [{soak: 1h}]}
  production:
    after: staging
    path: apps/{application}/overlays/{region}
    each: {region: [eu, us]}
    waves: [{region: eu}, {region: us}]
    require: [{soak: 1h}, {window: {allow: "2099-01-01"}}, {approvals: 1}, {registries: [ghcr.io]}]
"""


@pytest.fixture
def promoter(monkeypatch: pytest.MonkeyPatch, world: DemoWorld) -> Terminal:
    clear_ci(monkeypatch)
    rule = world.folder / "rules/shop.yaml"
    text = rule.read_text("utf-8")
    rule.write_text(text[: text.index("  dev:\n")] + STAGED, "utf-8")
    production = "apps/web/overlays/production/kustomization.yaml"
    overlay = git(world.folder / "manifests.git", "show", f"main:{production}").encode()
    regions = {production.replace("production", each): overlay for each in ("eu", "us")}
    commit(world.folder / "manifests.git", regions)
    return Terminal()


def refused(promoter: Terminal, to: str, *words: str) -> str:
    said = promoter("promote", "web", "--to", to, *words, expect=64)
    assert said.out == ""
    return said.err.removeprefix("error: ").rstrip("\n")


def skipping(promoter: Terminal, to: str, names: Sequence[str]) -> str:
    skips = [word for name in names for word in ("--skip", name)]
    return refused(promoter, to, "--image", IMAGE, *skips, "--reason", "checkout is down")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--image", IMAGE, "--skip", "dev"],
            "--skip: say why with --reason TEXT: it stands in the merge request",
        ),
        (
            ["--image", IMAGE, "--skip", "dev", "--reason", " \n"],
            "--skip: say why with --reason TEXT: it stands in the merge request",
        ),
        (
            ["--image", IMAGE, "--skip", "dev", "--reason", "x" * 201],
            "--reason: is longer than 200 characters",
        ),
        (
            ["--skip", "dev", "--reason", "x"],
            "--skip: name what goes past with --image NAME:TAG@DIGEST",
        ),
        (
            ["--image", IMAGE, "--reason", "x"],
            "--reason: is why something is skipped: name that with --skip",
        ),
    ],
)
def test_flags_that_belong_together(promoter: Terminal, words: list[str], message: str) -> None:
    assert refused(promoter, "staging", *words) == message


@pytest.mark.parametrize(
    ("to", "name", "message"),
    [
        (
            "production-us",
            "stagign",
            (
                "'stagign' is no environment before production-us, and no gate of it;"
                " did you mean 'staging'?"
            ),
        ),
        ("staging", "production", "production does not stand before staging; it may skip dev"),
        ("staging", "staging", "staging does not stand before staging; it may skip dev and soak"),
        ("staging", "window", "staging requires no window; it may skip dev and soak"),
        (
            "production-us",
            "approvals",
            "approvals: people, checks and registries are never skipped; it may skip ",
        ),
        (
            "production-us",
            "registries",
            "registries: people, checks and registries are never skipped; it may skip ",
        ),
        ("staging", "checks", "checks: people, checks and registries are never skipped"),
        ("dev", "xyz", "'xyz' is no environment before dev, and no gate of it; nothing may be"),
    ],
)
def test_what_is_nothing_to_skip(promoter: Terminal, to: str, name: str, message: str) -> None:
    assert skipping(promoter, to, [name]).startswith(f"--skip: {message}")


def test_whoever_may_skip_nothing_has_touched_nothing(promoter: Terminal, world: DemoWorld) -> None:
    before = refs(world.folder / "manifests.git")
    skipping(promoter, "production-us", ["staging", "approvals"])
    assert refs(world.folder / "manifests.git") == before


def test_a_stage_is_all_of_its_environments(promoter: Terminal) -> None:
    words = ("promote", "web", "--to", "production-us", "--image", IMAGE, "--output", "json")
    skips = [
        w for name in ("window", "production", "soak", "dev", "soak") for w in ("--skip", name)
    ]
    told = promoter(*words, *skips, "--reason", " checkout\n is  down ", expect=3).json
    promotion = told["promotion"]
    assert promotion["skips"] == ["dev", "production-eu", "soak", "window"], (
        "in the order of the way"
    )
    assert promotion["reason"] == "checkout is down"
    assert promotion["why"] == (
        "staging has not run 1.1.0; promote it there first, or skip it too: --skip staging"
    )
