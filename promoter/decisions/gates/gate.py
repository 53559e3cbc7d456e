"""What every gate is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from promoter.model.facts import Facts, Period, Unknown
from promoter.model.ports import MergeRequest
from promoter.model.release import Release
from promoter.model.rule import GateRule, RepositoryAddress
from promoter.model.target import Target
from promoter.model.verdict import Door, Verdict


@dataclass(frozen=True)
class Skips:
    """What a release need not pass: environments, and gates by name; `by` whose word and why.
    `origin` is where it comes from instead: environments, or `registry`."""

    names: tuple[str, ...] = ()
    by: str = ""
    reason: str = ""
    origin: str = ""

    def __bool__(self) -> bool:
        return bool(self.names)


NO_SKIPS = Skips()


@dataclass(frozen=True)
class Case:
    """What is judged: a release that wants to enter a target.

    `upstreams` is what ran in each upstream environment, newest first; empty where the
    release comes from the registry. `line` is the same of all environments that stand before the
    target, `homes` where each of these lives. `head` is the branch's head, None while there is
    none.
    `looked_at` is when the histories of the upstreams were read, the oldest of them. `skips` is
    what it need not pass.
    """

    repository: RepositoryAddress
    target: Target
    release: Release
    upstreams: Mapping[str, tuple[Period, ...]]
    any_upstream: bool
    merge_request: MergeRequest | None = None
    head: str | None = None
    looked_at: datetime | None = None
    homes: Mapping[str, RepositoryAddress] = field(default_factory=dict)
    line: Mapping[str, tuple[Period, ...]] = field(default_factory=dict)
    skips: Skips = NO_SKIPS

    def repository_of(self, upstream: str) -> RepositoryAddress:
        """Where the history of an upstream environment is."""
        return self.homes.get(upstream, self.repository)

    def seen_by(self, rule: GateRule) -> Case:
        """The case as a gate sees it that looks at another upstream than the target's own."""
        if rule.of is None:
            return self
        upstreams = {name: self.line[name] for name in rule.of.environments if name in self.line}
        return replace(self, upstreams=upstreams, any_upstream=rule.of.how == "any")


class Gate(Protocol):
    def door(self, rule: GateRule) -> Door:
        """What it guards, which may depend on its options."""

    def judge(self, rule: GateRule, case: Case, facts: Facts, now: datetime) -> Verdict:
        """Raises NotAsked; NotKnown, which the caller turns into a verdict that waits."""


def wait_for_answer(rule: GateRule, guards: Door, unknown: Unknown) -> Verdict:
    """The verdict of a gate that can't be evaluated: it waits, with the reason; never a pass."""
    why = f"can't be evaluated: {unknown.why}"
    return Verdict(rule.text, guards, "wait", why, opens_at=unknown.retry_at, trouble=unknown.kind)
