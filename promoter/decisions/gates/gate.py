"""What every gate is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from promoter.model.facts import Facts, Period
from promoter.model.ports import MergeRequest
from promoter.model.release import Release
from promoter.model.rule import GateRule, RepositoryAddress
from promoter.model.target import Target
from promoter.model.verdict import Door, Verdict


@dataclass(frozen=True)
class Case:
    """What is judged: a release that wants to enter a target.

    `upstreams` is what ran in each upstream environment, newest first; empty where the
    release comes from the registry. `head` is the branch's head, None while there is none.
    """

    repository: RepositoryAddress
    target: Target
    release: Release
    upstreams: Mapping[str, tuple[Period, ...]]
    any_upstream: bool
    merge_request: MergeRequest | None = None
    head: str | None = None


class Gate(Protocol):
    @property
    def guards(self) -> Door: ...

    def judge(self, rule: GateRule, case: Case, facts: Facts, now: datetime) -> Verdict:
        """Raises NotAsked; NotKnown, which the caller turns into a verdict that waits."""
