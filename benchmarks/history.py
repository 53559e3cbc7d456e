"""What ran where, and since when, of 1,200 sites over 3,000 commits: the first look of a process.

The mirror is there already (what a fetch takes is the network's). Each round is a process's memory
of its own, and is measured beside one plain `git log --raw --first-parent` over the same commits:
less than that nobody can do with git. `git` counts the processes that a round starts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.timing import CommandError
from promoter.access.mirror import Mirror
from promoter.engine.library import Library
from promoter.engine.periods import read_periods
from promoter.model.facts import PeriodsOf
from promoter.model.image import ImageName
from promoter.model.rule import RepositoryAddress
from promoter.model.target import Target
from promoter.repositories.git import GitRepository

_APPLICATIONS, _ENVIRONMENTS, _COMMITS = 400, ("dev", "staging", "production"), 3_000
_ROUNDS = 7
_AIM = 1.0  # seconds
_HOST = "registry.example.com"
_START = 1_767_600_000  # 2026-01-05
_KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../../base
images:
- name: {host}/shop/{name}
  newTag: "{tag}"
  digest: sha256:{digest:064x}
"""


@dataclass(frozen=True)
class Round:
    """Seconds; `git` processes of git's."""

    plain: float
    ours: float
    git: int
    periods: int


def main() -> int:
    try:
        with tempfile.TemporaryDirectory() as folder:
            remote = _build(Path(folder) / "manifests.git")
            Mirror(str(remote), Path(folder) / "cache").refresh()
            rounds = [_round(remote, Path(folder) / "cache") for _ in range(_ROUNDS)]
    except (CommandError, subprocess.CalledProcessError) as error:
        print(f"history: nothing measured: {error}", file=sys.stderr)
        return 1
    ours, plain = median(each.ours for each in rounds), median(each.plain for each in rounds)
    ratio = median(each.ours / each.plain for each in rounds)
    sites = _APPLICATIONS * len(_ENVIRONMENTS)
    print(
        f"{'history, beside a plain git log':<34}{'s':>8}{'git log':>9}{'ratio':>7}{'git':>5}  aim"
    )
    name = f"{sites:,} sites over {_COMMITS:,} commits"
    verdict = "met" if ours < _AIM else "MISSED"
    print(f"{name:<34}{ours:>8.2f}{plain:>9.2f}{ratio:>7.1f}{rounds[0].git:>5}", end="")
    print(f"  < {_AIM:g} s {verdict}; {rounds[0].periods:,} periods")
    return 0


def _build(folder: Path) -> Path:
    """A repository whose first commit brings every site; each other one moves one of them on."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    stream = b"".join(_commits())
    command = ["git", "-C", str(folder), "fast-import", "--quiet"]
    subprocess.run(command, input=stream, check=True)
    return folder


def _commits() -> Iterator[bytes]:
    sites = [target.path for target in _targets()]
    for number in range(_COMMITS):
        moved = range(len(sites)) if number == 0 else [number * 7919 % len(sites)]
        who = f"Bot <bot@example.com> {_START + number * 600} +0000"
        yield f"commit refs/heads/main\ncommitter {who}\ndata 4\nmove\n".encode()
        for site in moved:
            name = sites[site].split("/")[1]
            text = _KUSTOMIZATION.format(
                host=_HOST, name=name, tag=f"1.{number}.0", digest=site * _COMMITS + number
            ).encode()
            yield f"M 100644 inline {sites[site]}/kustomization.yaml\n".encode()
            yield b"data %d\n%s\n" % (len(text), text)


def _targets() -> list[Target]:
    return [
        Target(name, environment, f"apps/{name}/{environment}")
        for name in (f"service-{number:03d}" for number in range(_APPLICATIONS))
        for environment in _ENVIRONMENTS
    ]


def _round(remote: Path, cache: Path) -> Round:
    commands: list[Any] = []
    _STARTED.append(commands)
    mirror = Mirror(str(remote), cache)
    now = datetime.fromtimestamp(_START + _COMMITS * 600, UTC)
    repository = GitRepository(mirror, name="Bot", email="bot@example.com", now=lambda: now)
    tip = repository.refresh()["refs/heads/main"]
    address = RepositoryAddress(str(remote), "main", "local")
    questions = [
        PeriodsOf(address, tip, each, (ImageName.parse(f"{_HOST}/shop/{each.application}"),))
        for each in _targets()
    ]
    started = time.perf_counter()
    command = ["git", "-C", str(remote), "log", "--raw", "--first-parent", "main"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    plain = time.perf_counter() - started
    commands.clear()
    started = time.perf_counter()
    found = read_periods(repository, Library(), tip, questions, now).periods
    ours = time.perf_counter() - started
    count = sum(len(each) for each in found.values())
    expected = _APPLICATIONS * len(_ENVIRONMENTS) + _COMMITS - 1
    if count != expected:
        raise CommandError(f"{count} periods were found, not {expected}")
    return Round(plain, ours, len(commands), count)


_STARTED: list[list[Any]] = []


def _note(event: str, given: tuple[Any, ...]) -> None:
    """Python tells of each process before it starts it."""
    if event == "subprocess.Popen" and _STARTED and "git" in map(str, given[1]):
        _STARTED[-1].append(given[1])


if __name__ == "__main__":
    sys.addaudithook(_note)
    if sys.argv[1:] == ["profile"]:
        import cProfile

        cProfile.run("main()", sort="cumulative")
        sys.exit(0)
    sys.exit(main())
