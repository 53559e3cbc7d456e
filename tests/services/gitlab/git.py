"""What GitLab does to a repository when it merges, with real git in a bare repository.

Nothing here moves a ref except `move`, which names the value it expects.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from tests.services.git_server import ZERO, git, heads

# What is asked of whole commit ids has one answer for ever, and lists ask for many.
_of_commits = lru_cache(maxsize=100_000)


@dataclass(frozen=True)
class Signature:
    """Who writes a commit, and when."""

    name: str
    email: str
    at: datetime

    def environment(self) -> dict[str, str]:
        values = {
            "NAME": self.name,
            "EMAIL": self.email,
            "DATE": f"{int(self.at.timestamp())} +0000",
        }
        return {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER") for k, v in values.items()}


def branches(repository: Path) -> dict[str, str]:
    """Branch name -> commit."""
    return heads(repository)


def landed_in(repository: Path, commit: str) -> frozenset[str]:
    """The branches whose head is in the history of `commit`."""
    return frozenset(
        git(
            repository,
            "for-each-ref",
            f"--merged={commit}",
            "--format=%(refname:lstrip=2)",
            "refs/heads",
        ).splitlines()
    )


@_of_commits
def contains(repository: Path, commit: str, ancestor: str) -> bool:
    """Whether `ancestor` is in the history of `commit`."""
    return _run(repository, "merge-base", "--is-ancestor", ancestor, commit)[0] == 0


@_of_commits
def commits_between(repository: Path, base: str, head: str) -> tuple[str, ...]:
    """What `head` has and `base` has not, the oldest first."""
    return tuple(git(repository, "rev-list", "--reverse", f"{base}..{head}").splitlines())


def parents_of(repository: Path, commit: str) -> Sequence[str] | None:
    """None: there is no such commit."""
    if _run(repository, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")[0]:
        return None
    return git(repository, "log", "-1", "--format=%P", commit).split()


def content_of(repository: Path, commit: str, path: str) -> str | None:
    """Of a file; None: there is none."""
    status, blob = _run(repository, "rev-parse", "--verify", "--quiet", f"{commit}:{path}")
    return None if status else git(repository, "cat-file", "blob", blob.strip())


@_of_commits
def message_of(repository: Path, commit: str) -> str:
    return git(repository, "log", "-1", "--format=%B", commit).rstrip("\n")


def merged_tree(repository: Path, ours: str, theirs: str) -> str | None:
    """The tree of a three-way merge; None: it conflicts."""
    status, out = _run(repository, "merge-tree", "--write-tree", ours, theirs)
    return out.split("\n", 1)[0] if status == 0 else None


def merge_commit(
    repository: Path, target: str, source: str, message: str, who: Signature
) -> str | None:
    """A commit of both, `target` its first parent; None: they conflict."""
    tree = merged_tree(repository, target, source)
    return tree and _commit(repository, tree, (target, source), message, who)


def squashed(repository: Path, target: str, head: str, message: str, who: Signature) -> str:
    """All of `head` since it left `target` as one commit on the merge base; `head` itself where
    it is one commit with this message already, as GitLab has it."""
    commits = commits_between(repository, target, head)
    if len(commits) == 1 and message_of(repository, head) == message.rstrip("\n"):
        return head
    base = git(repository, "merge-base", target, head)
    return _commit(repository, f"{head}^{{tree}}", (base,), message, who)


def rebased(repository: Path, target: str, head: str, who: Signature) -> str | None:
    """The commits of `head` one by one onto `target`; None: one of them conflicts."""
    tip = target
    for commit in commits_between(repository, target, head):
        # A stand-in with the tip's tree and the commit's parent makes that parent the merge base:
        # this is a cherry-pick that needs no work tree.
        stand_in = _commit(repository, f"{tip}^{{tree}}", (f"{commit}^",), "stand-in", who)
        tree = merged_tree(repository, stand_in, commit)
        if tree is None:
            return None
        tip = _commit(repository, tree, (tip,), message_of(repository, commit), who)
    return tip


def move(repository: Path, branch: str, new: str | None, expected: str | None) -> None:
    """Compare-and-swap of a branch; `new` None deletes it."""
    ref = f"refs/heads/{branch}"
    if new is None:
        git(repository, "update-ref", "-d", ref, expected or ZERO)
    else:
        git(repository, "update-ref", ref, new, expected or ZERO)


def _commit(
    repository: Path, tree: str, parents: Sequence[str], message: str, who: Signature
) -> str:
    above = [option for parent in parents for option in ("-p", parent)]
    return git(
        repository,
        "commit-tree",
        tree,
        *above,
        given=message.encode(),
        environment=who.environment(),
    )


def _run(repository: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        ["git", *arguments],
        cwd=repository,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    if done.returncode > 1:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode()}")
    return done.returncode, done.stdout.decode()
