"""Files that are brought onto the base branch, and how they got there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from promoter.model.facts import Tip
from promoter.model.ports import MergeRequest

How = Literal["commit", "merge-request"]


@dataclass(frozen=True)
class Delivery:
    """`files` as they shall be (None: gone), decided on the `tip` that was looked at. `branch` is
    where a merge request comes from; the reconcile leaves it alone where it does not begin with
    the prefix of its own. `author` reads `NAME <EMAIL>` (None: the bot)."""

    tip: Tip
    files: Mapping[str, bytes | None]
    message: str
    branch: str
    title: str
    body: str
    author: str | None = None
    labels: tuple[str, ...] = ()
    by_request: str = "--merge-request"
    """How the command is called so that it opens a merge request instead."""


@dataclass(frozen=True)
class Delivered:
    """The commit that has the files: on the base, or at the head of `request`. `changed`: it was
    made now; else all of it stood there."""

    commit: str
    request: MergeRequest | None = None
    changed: bool = True
