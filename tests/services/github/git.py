"""The git side of the fake GitHub: what a merge, a squash and a rebase really make."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from tests.services.git_server import ZERO, git, heads, refs

# What is asked of whole commit ids has one answer for ever, and lists ask for many.
_of_commits = lru_cache(maxsize=10_000)

HUB = ("GitHub", "noreply@github.com")
"""Who commits what is made on its pages."""


class CannotMergeError(Exception):
    """The two sides changed the same lines."""


@dataclass(frozen=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]
    committer: tuple[str, str, str]
    """Name, email, and time (ISO 8601, UTC)."""
    message: str


@dataclass(frozen=True)
class FileChange:
    path: str
    status: str
    blob: str | None
    added: int
    deleted: int


def branches(repository: Path) -> dict[str, str]:
    """Branch -> commit."""
    return heads(repository)


def resolve(repository: Path, name: str) -> str | None:
    """The commit that a branch, tag or (abbreviated) id names; None: nothing does."""
    known = refs(repository)
    names = (f"refs/heads/{name}", f"refs/{name}", f"refs/tags/{name}")
    named = next((known[each] for each in names if each in known), name)
    found = subprocess.run(
        ["git", "rev-parse", "--quiet", "--verify", f"{named}^{{commit}}"],
        cwd=repository,
        capture_output=True,
        check=False,
    )
    return found.stdout.decode().strip() if found.returncode == 0 else None


@_of_commits
def read_commit(repository: Path, sha: str) -> Commit:
    raw = git(
        repository,
        "log",
        "-1",
        "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
        "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%cn%x00%ce%x00%cd%x00%B",
        sha,
        environment={"TZ": "UTC"},
    )
    found, tree, parents, an, ae, ad, cn, ce, cd, message = raw.split("\0", 9)
    return Commit(
        found, tree, tuple(parents.split()), (an, ae, ad), (cn, ce, cd), message.rstrip("\n")
    )


@_of_commits
def log(repository: Path, base: str, head: str) -> tuple[str, ...]:
    """The commits of `head` that `base` lacks, the oldest first."""
    span = f"{base}..{head}"
    return tuple(git(repository, "rev-list", "--reverse", "--topo-order", span).split())


@_of_commits
def merge_base(repository: Path, one: str, other: str) -> str:
    return git(repository, "merge-base", one, other)


@_of_commits
def is_ancestor(repository: Path, old: str, new: str) -> bool:
    done = subprocess.run(
        ["git", "merge-base", "--is-ancestor", old, new],
        cwd=repository,
        capture_output=True,
        check=False,
    )
    if done.returncode > 1:
        raise AssertionError(done.stderr.decode())
    return done.returncode == 0


@_of_commits
def files(repository: Path, base: str, head: str) -> tuple[FileChange, ...]:
    """What `head` changed since its merge base with `base`."""
    span = f"{base}...{head}"
    words = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
    counts = {}
    for line in git(repository, "diff", "--no-renames", "--numstat", "-z", span).split("\0"):
        if line:
            added, deleted, path = line.split("\t", 2)
            counts[path] = (int(added.replace("-", "0")), int(deleted.replace("-", "0")))
    raw = git(repository, "diff", "--no-renames", "--raw", "--no-abbrev", "-z", span).split("\0")
    changes = []
    for head_line, path in zip(raw[::2], raw[1::2], strict=False):
        _, _, _, blob, status = head_line.split()
        changes.append(
            FileChange(path, words[status], None if blob == ZERO else blob, *counts[path])
        )
    return tuple(changes)


def merged_tree(repository: Path, base: str, head: str) -> str:
    """The tree of both sides together; CannotMergeError where they collide."""
    done = subprocess.run(
        ["git", "merge-tree", "--write-tree", "--no-messages", base, head],
        cwd=repository,
        capture_output=True,
        check=False,
    )
    if done.returncode == 1:
        raise CannotMergeError
    if done.returncode:
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode().strip()


def make_commit(
    repository: Path,
    tree: str,
    parents: tuple[str, ...],
    message: str,
    author: tuple[str, str, str],
    committer: tuple[str, str, str],
) -> str:
    who = {
        f"GIT_{role}_{key}": value
        for role, person in (("AUTHOR", author), ("COMMITTER", committer))
        for key, value in zip(("NAME", "EMAIL", "DATE"), person, strict=True)
    }
    options = [option for each in parents for option in ("-p", each)]
    return git(repository, "commit-tree", tree, *options, given=message.encode(), environment=who)


def stamp(at: datetime) -> str:
    return f"{int(at.timestamp())} +0000"


def merge_commit(
    repository: Path, base: str, head: str, message: str, author: tuple[str, str], at: datetime
) -> str:
    """A commit with both parents."""
    tree = merged_tree(repository, base, head)
    when = stamp(at)
    return make_commit(repository, tree, (base, head), message, (*author, when), (*HUB, when))


def squash_commit(
    repository: Path, base: str, head: str, message: str, author: tuple[str, str], at: datetime
) -> str:
    """One commit on the base with all that the branch changed."""
    tree = merged_tree(repository, base, head)
    when = stamp(at)
    return make_commit(repository, tree, (base,), message, (*author, when), (*HUB, when))


def rebase_commits(
    repository: Path, base: str, head: str, committer: tuple[str, str], at: datetime
) -> str:
    """Each commit of the branch again on the base, always anew; authors and messages stay."""
    tip = base
    for sha in log(repository, base, head):
        commit = read_commit(repository, sha)
        if len(commit.parents) != 1:
            raise CannotMergeError  # "This branch can't be rebased": GitHub takes no merges
        # The base's tree under the commit's own parent: then that parent is the merge base,
        # which is what a cherry-pick is.
        tree = read_commit(repository, tip).tree
        side = make_commit(
            repository, tree, commit.parents, "side", (*HUB, stamp(at)), (*HUB, stamp(at))
        )
        picked = merged_tree(repository, side, sha)
        tip = make_commit(
            repository,
            picked,
            (tip,),
            commit.message,
            commit.author,
            (*committer, stamp(at)),
        )
    return tip


def move(repository: Path, ref: str, expected: str | None, new: str | None) -> bool:
    """Compare and swap a ref (None: absent); whether it was where it was expected."""
    line = (
        f"delete {ref} {expected}\n" if new is None else f"update {ref} {new} {expected or ZERO}\n"
    )
    done = subprocess.run(
        ["git", "update-ref", "--stdin"],
        cwd=repository,
        input=line.encode(),
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
