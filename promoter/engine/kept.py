"""Answers that a commit gives, kept while it is the tip: nobody can change what it holds."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promoter.model.facts import (
    BaselineOf,
    HoldsOf,
    Known,
    PeriodsOf,
    Question,
    ReadingOf,
    TargetsOf,
)
from promoter.model.rule import RepositoryAddress

_OF_A_COMMIT = (TargetsOf, ReadingOf, PeriodsOf, HoldsOf, BaselineOf)
_MOST_REPOSITORIES = 1000
_MOST_ANSWERS = 100_000  # of one commit


@dataclass(frozen=True)
class Passing:
    """An answer that is to be read again from `until` on; None: never."""

    value: Any
    until: datetime | None


@dataclass(frozen=True)
class _Read:
    answer: Passing
    at: datetime


class Kept:
    """By repository what was read of one commit of it, the last that was asked for; thread-safe. A
    failure is not kept: the next look tries again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._commits: dict[RepositoryAddress, str] = {}
        self._values: dict[RepositoryAddress, dict[Question[Any], _Read]] = {}

    def find(self, question: Question[Any], now: datetime) -> Known[Any] | None:
        if not isinstance(question, _OF_A_COMMIT):
            return None
        kept = self._values.get(question.repository, {}).get(question)
        # Read later than now: the clock was set back, and there may be a future again.
        if kept is None or now < kept.at:
            return None
        answer = kept.answer
        if answer.until is not None and now >= answer.until:
            return None
        return Known(answer.value, now, type(question).__name__)

    def keep(self, question: Question[Any], answer: Passing, now: datetime) -> None:
        if not isinstance(question, _OF_A_COMMIT):
            return
        repository = question.repository
        with self._lock:
            # Rules that are written anew all day ask otherwise each time, at the same commit.
            is_full = len(self._values.get(repository, ())) >= _MOST_ANSWERS
            if self._commits.get(repository) != question.commit or is_full:
                if len(self._commits) >= _MOST_REPOSITORIES:
                    self._commits.clear()
                    self._values.clear()
                self._commits[repository] = question.commit
                self._values[repository] = {}
            self._values[repository][question] = _Read(answer, now)
