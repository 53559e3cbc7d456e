"""Images that stand in a base which all environments share: each overlay gets its own entry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from promoter.registries.layout_writer import write_image
from tests.services.git_server import commit, create_repository, git
from tests.stories.shop import ALICE, Terminal, changes

RULE = """\
version: 1
repository: {{url: "{url}", branch: main, forge: local}}
artifacts: [{{image: "ghcr.io/shop/{{application}}", select: {{semver: ">=1"}}}}]
applications: apps/{{application}}/overlays/{{environment}}
environments:
  dev: {{merge: automatic}}
  production: {{after: dev}}
"""
DEPLOYMENT = b"""\
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          image: ghcr.io/shop/web:1.0.0
"""
BASE = "apps/web/base/deployment.yaml"
DEV, PRODUCTION = (f"apps/web/overlays/{name}/kustomization.yaml" for name in ("dev", "production"))


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    repository = create_repository(
        tmp_path / "shop.git",
        {
            "apps/web/base/kustomization.yaml": b"resources: [deployment.yaml]\n",
            BASE: DEPLOYMENT,
            DEV: b"resources:\n  - ../../base\n",
            PRODUCTION: b"# careful\nresources:\n  - ../../base\nimages: []\n",
        },
    )
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/shop.yaml").write_text(RULE.format(url=repository.as_uri()))
    monkeypatch.setenv("PROMOTER_RULES", str(tmp_path / "rules"))
    monkeypatch.setenv("PROMOTER_REGISTRIES", f"ghcr.io=oci-layout:{tmp_path / 'registry'}")
    monkeypatch.setenv("PROMOTER_CACHE", str(tmp_path / "cache"))
    publish(tmp_path, "1.0.0")
    return repository


def publish(tmp_path: Path, version: str) -> str:
    created = datetime(2026, 1, 1, tzinfo=UTC)
    return write_image(
        tmp_path / "registry", "shop/web", version, created=created, labels={"of": version}
    )


def test_each_overlay_gets_an_entry_and_the_base_stays(remote: Path, tmp_path: Path) -> None:
    promoter = Terminal()
    assert promoter("run").out.startswith("nothing to do")
    start = git(remote, "rev-parse", "main")
    digest = publish(tmp_path, "1.1.0")
    promoter("run")
    entry = ["images:", "- name: ghcr.io/shop/web", "  newTag: 1.1.0", f"  digest: {digest}"]
    spaced = [line if line == "images:" else f"  {line}" for line in entry]
    (change,) = changes(remote, start, "main").items()
    path, (went, came) = change
    assert (path, list(went)) == (DEV, [])
    assert list(came) in (entry, spaced), "in the style of the file's own lists"

    start = git(remote, "rev-parse", "main")
    promoter("mr", "merge", "2", "--as", ALICE)
    (change,) = changes(remote, start, "main").items()
    path, (went, came) = change
    assert (path, list(went)) == (PRODUCTION, ["images: []"])
    assert list(came) in (entry, spaced)
    assert promoter("run").out.startswith("nothing to do")

    # And from there on the entry is what moves.
    start = git(remote, "rev-parse", "main")
    publish(tmp_path, "1.2.0")
    promoter("run")
    ((_, (went, came)),) = changes(remote, start, "main").items()
    assert [line.strip() for line in went] == ["newTag: 1.1.0", f"digest: {digest}"]
    assert len(came) == 2


def test_a_base_that_moves_on_by_hand_is_what_runs_in_every_environment(remote: Path) -> None:
    promoter = Terminal()
    commit(remote, {BASE: DEPLOYMENT.replace(b"1.0.0", b"3.0.0")})
    decisions = promoter("plan", "--output", "json").json["decisions"]
    assert [each["running"]["label"] for each in decisions] == ["3.0.0", "3.0.0"]
    assert [each["state"] for each in decisions] == ["held-back", "current"]


def test_an_entry_that_matches_nothing_blocks_with_its_place(remote: Path, tmp_path: Path) -> None:
    promoter = Terminal()
    stray = b"resources:\n  - ../../base\nimages:\n  - name: ghcr.io/shop/web\n    newTag: 1.0.0\n"
    base = DEPLOYMENT.replace(b"ghcr.io/shop/web:1.0.0", b"ghcr.io/shop/api:1.0.0")
    commit(remote, {DEV: stray, BASE: base})
    publish(tmp_path, "1.1.0")
    said = promoter("plan", expect=64)
    assert (
        f"{DEV}:4:5: the entry for ghcr.io/shop/web matches nothing that {DEV} builds" in said.out
    )
