"""Numbers the effects of a run: whatever the engine writes through its adapters.

A watcher is told before and after each one; it may end the process there, or let another
engine go on.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal

from promoter.engine.adapters import Adapters
from promoter.model.ports import (
    Branch,
    Check,
    Comment,
    CommitDraft,
    Footing,
    Forge,
    Landing,
    MergeRequest,
    MergeRequestDraft,
    MergeText,
    Readiness,
    RefMove,
    Repository,
    Tree,
)

Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Step:
    """One side of an effect; effects count from 1 in the order in which they begin."""

    number: int
    name: str
    moment: Moment


Watch = Callable[[Step], None]


class _Numbers:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._last = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def effect(self, name: str) -> Iterator[None]:
        with self._lock:
            self._last += 1
            number = self._last
        self._watch(Step(number, name, "before"))
        yield
        self._watch(Step(number, name, "after"))


def numbered(adapters: Adapters, watch: Watch) -> Adapters:
    """The same adapters, with every effect counted over all of them."""
    numbers = _Numbers(watch)
    return Adapters(
        cache(lambda address: _NumberedRepository(adapters.repository(address), numbers)),
        cache(lambda address: _NumberedForge(adapters.forge(address), numbers)),
        adapters.registry,
    )


class _NumberedRepository:
    def __init__(self, inner: Repository, numbers: _Numbers) -> None:
        self._inner = inner
        self._numbers = numbers

    def refresh(self) -> Mapping[str, str]:
        return self._inner.refresh()

    def ref(self, name: str) -> str | None:
        return self._inner.ref(name)

    def default_branch(self) -> str:
        return self._inner.default_branch()

    def tree(self, commit: str) -> Tree:
        return self._inner.tree(commit)

    def blobs(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        return self._inner.blobs(ids)

    def landings(self, commit: str, under: Sequence[str]) -> Iterator[Landing]:
        return self._inner.landings(commit, under)

    def branch(self, name: str, base: str) -> Branch | None:
        return self._inner.branch(name, base)

    def merged(self, base: str, head: str) -> tuple[tuple[str, bytes | None], ...] | None:
        return self._inner.merged(base, head)

    def commit(self, drafts: Sequence[CommitDraft]) -> Sequence[str]:
        with self._numbers.effect("commit"):
            return self._inner.commit(drafts)

    def push(self, moves: Sequence[RefMove]) -> None:
        with self._numbers.effect("push"):
            self._inner.push(moves)


class _NumberedForge:
    def __init__(self, inner: Forge, numbers: _Numbers) -> None:
        self._inner = inner
        self._numbers = numbers

    def find(self, base: str, prefix: str, since: datetime | None = None) -> Sequence[MergeRequest]:
        return self._inner.find(base, prefix, since)

    def mergers(self, numbers: Sequence[int]) -> Mapping[int, str]:
        return self._inner.mergers(numbers)

    def open(self, draft: MergeRequestDraft) -> MergeRequest:
        with self._numbers.effect("open"):
            return self._inner.open(draft)

    def update(self, number: int, draft: MergeRequestDraft) -> MergeRequest:
        with self._numbers.effect("update"):
            return self._inner.update(number, draft)

    def comment(self, number: int, comment: Comment) -> None:
        with self._numbers.effect("comment"):
            self._inner.comment(number, comment)

    def label(self, number: int, name: str) -> None:
        with self._numbers.effect("label"):
            self._inner.label(number, name)

    def close(self, number: int, reason: str) -> None:
        with self._numbers.effect("close"):
            self._inner.close(number, reason)

    def approvals(self, number: int, head: str) -> Sequence[str]:
        return self._inner.approvals(number, head)

    def checks(self, number: int, head: str) -> Sequence[Check]:
        return self._inner.checks(number, head)

    def commit_checks(self, commit: str) -> Sequence[Check]:
        return self._inner.commit_checks(commit)

    def readiness(self, number: int, head: str) -> Readiness:
        return self._inner.readiness(number, head)

    def merge(self, number: int, head: str, text: MergeText) -> Literal["merged", "queued"]:
        with self._numbers.effect("merge"):
            return self._inner.merge(number, head, text)

    def disarm(self, number: int) -> None:
        with self._numbers.effect("disarm"):
            self._inner.disarm(number)

    def publish(self, number: int, head: str, check: Check) -> bool:
        with self._numbers.effect("publish"):
            return self._inner.publish(number, head, check)

    def footing(self, base: str) -> Footing:
        return self._inner.footing(base)
