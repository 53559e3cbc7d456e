"""A world to crash and to race in: `web` promotes itself through three environments, `api` waits
for a person in two; and the chapters of its story."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from promoter.app import App, build
from promoter.cli.demo_world import HOST, DemoWorld
from promoter.engine.ledger import REF
from promoter.settings import load_settings
from tests.services.git_server import commit, git, refs

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REPOSITORY = "manifests.git"
_REQUESTS = "refs/promoter/merge-requests/"
_LEDGER_TIMES = re.compile(r"[0-9-]{10}T[0-9:]{8}Z")
_TIMES = re.compile(r"\b\d+[dhms](?: \d+[dhms])?\b|\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

_RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: local}}
artifacts:
  - image: registry.example.com/shop/{{application}}
    select: {{semver: ">=1.0"}}
applications:
{layouts}
environments:
{environments}
"""
LAYOUTS = {
    "web": "apps/{application}/overlays/{environment}",
    "api": "apps/{application}/values-{environment}.yaml",
}
_ENVIRONMENTS = {
    "web": """\
  dev: {merge: automatic}
  staging: {after: dev, merge: automatic}
  production: {after: staging, merge: automatic, require: [soak: 1h]}
""",
    "api": """\
  dev: {}
  staging: {after: dev}
""",
}


def rule_text(url: str, layouts: Iterable[str], environments: str) -> str:
    listed = "\n".join(f"  - {each}" for each in layouts)
    return _RULE.format(url=url, layouts=listed, environments=environments)


@dataclass(frozen=True)
class TwoShops:
    """Everything in one folder; `url` is where the bot finds the repository in it."""

    folder: Path
    url: str

    @classmethod
    def make(cls, folder: Path, url: str | None = None) -> TwoShops:
        """Both shops at 1.0.0 everywhere."""
        demo = DemoWorld(folder)
        demo.prepare(NOW)
        git(folder / REPOSITORY, "config", "http.receivepack", "true")
        shutil.rmtree(folder / "rules")
        shutil.rmtree(folder / "cache")
        return cls(folder, url or demo.repository).write_rules()

    def copy(self, folder: Path, url: str | None = None) -> TwoShops:
        """The same world elsewhere, with an empty cache."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("cache*", "rules"))
        return TwoShops(folder, url or DemoWorld(folder).repository).write_rules()

    def write_rules(self, environments: Mapping[str, str] = _ENVIRONMENTS) -> TwoShops:
        """One rule file a shop; only the shops that are given."""
        shutil.rmtree(self.folder / "rules", ignore_errors=True)
        (self.folder / "rules").mkdir()
        for name, each in environments.items():
            text = rule_text(self.url, [LAYOUTS[name]], each)
            (self.folder / "rules" / f"{name}.yaml").write_text(text, "utf-8")
        return self

    @property
    def repository(self) -> Path:
        return self.folder / REPOSITORY

    def flags(self, cache: str = "cache") -> dict[str, Path | str]:
        """The settings of a run here, by the names of its flags."""
        return {
            "rules": self.folder / "rules",
            "registry": f"{HOST}=oci-layout:{self.folder / 'registry'}",
            "cache": self.folder / cache,
        }

    def arguments(self, cache: str = "cache") -> list[str]:
        return [
            word for name, value in self.flags(cache).items() for word in (f"--{name}", str(value))
        ]

    def app(self, now: datetime, cache: str = "cache") -> App:
        flags = self.flags(cache)
        settings = load_settings(
            {
                "rules": (flags["rules"],),
                "registries": [flags["registry"]],
                "cache": flags["cache"],
            }
        )
        return build(settings, lambda: now)

    def publish(self, version: str, *shops: str) -> None:
        for shop in shops or ("api", "web"):
            DemoWorld(self.folder).publish(shop, version)

    def contents(self) -> dict[str, Any]:
        """What people see: how each branch went on, commit by commit, and each merge request.
        Read with git alone.

        Left out are commit ids, times, and where on its base a branch began.
        """
        seen: dict[str, Any] = {}
        for ref in refs(self.repository):
            if ref.startswith(_REQUESTS):
                request = json.loads(git(self.repository, "show", f"{ref}:merge-request.json"))
                told = {name: request[name] for name in ("state", "branch", "base", "title")}
                seen[ref] = {**told, "body": _TIMES.sub("SOME TIME", request["body"])}
            elif ref == "refs/heads/main":
                seen[ref] = self._log("--first-parent", "--format=%T %ae%n%B%x00", ref)
                seen["everything on main"] = sorted(self._log("--format=%ae%n%B%x00", ref))
            elif ref == REF:
                seen[ref] = self._ledger(ref)
            else:
                patch = git(self.repository, "diff", "--full-index", f"main...{ref}")
                seen[ref] = (patch, self._log("--format=%ae%n%B%x00", f"main..{ref}"))
        return seen

    def _ledger(self, ref: str) -> dict[str, list[list[str]]]:
        """By file the lines, without their times."""
        paths = git(self.repository, "ls-tree", "-r", "--name-only", ref).split()
        files = {path: git(self.repository, "show", f"{ref}:{path}") for path in paths}
        return {
            path: [_LEDGER_TIMES.sub("", each).split() for each in files[path].splitlines()]
            for path in paths
        }

    def _log(self, *arguments: str) -> list[str]:
        return git(self.repository, "log", *arguments).split("\0\n")

    def requests(self) -> dict[int, str]:
        """Merge request -> its state."""
        return {
            int(ref.removeprefix(_REQUESTS)): told["state"]
            for ref, told in self.contents().items()
            if ref.startswith(_REQUESTS)
        }


@dataclass(frozen=True)
class Chapter:
    """What happens in the world, and the effects of the run at `now` that answers it."""

    title: str
    happens: Callable[[TwoShops], object]
    now: datetime
    effects: tuple[str, ...]


def _take_api_to_dev_by_hand(shops: TwoShops) -> None:
    path = "apps/api/values-dev.yaml"
    values = git(shops.repository, "show", f"main:{path}")
    commit(shops.repository, {path: f"{values.replace('1.0.0', '1.2.0')}\n".encode()}, date=NOW)


def _rename_api(shops: TwoShops) -> None:
    files: dict[str, bytes | None] = {}
    for environment in ("dev", "staging", "production"):
        path = f"apps/api/values-{environment}.yaml"
        values = git(shops.repository, "show", f"main:{path}")
        files[path] = None
        files[path.replace("api", "cart")] = f"{values.replace('/api', '/cart')}\n".encode()
    shops.publish("1.0.0", "cart")
    shops.publish("1.2.0", "cart")
    commit(shops.repository, files, message="The api is called cart now", date=NOW)


_WAY = ("commit", "push", "open", "merge")
_NOTED = ("commit", "push")  # what waits for its soak now: the ledger keeps since when
CHAPTERS = (
    Chapter(
        "a first release",
        lambda shops: shops.publish("1.1.0"),
        NOW,
        ("commit", "push", "open", "open", "merge", *_WAY, *_NOTED),
    ),
    Chapter(
        "a newer one while the first is open, and production has waited for it",
        lambda shops: shops.publish("1.2.0"),
        NOW + timedelta(hours=2),
        (
            *("commit", "push", "comment", "update", "open", "open", "merge", "merge"),
            *_WAY,
            *_NOTED,
        ),
    ),
    Chapter(
        "a person was faster",
        _take_api_to_dev_by_hand,
        NOW + timedelta(hours=3),
        ("commit", "push", "comment", "close", "open", "open", "merge"),
    ),
    Chapter(
        "a target is gone while its merge request is open",
        _rename_api,
        NOW + timedelta(hours=4),
        ("commit", "push", "comment", "close", "open"),
    ),
)
