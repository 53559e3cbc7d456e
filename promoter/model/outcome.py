"""What a reconcile did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from promoter.model.facts import Question, Unknown
from promoter.model.plan import Plan, Trouble

Deed = Literal["opened", "updated", "closed", "merged", "queued", "disarmed", "left-alone"]


@dataclass(frozen=True)
class Effect:
    """One thing done to a merge request: what a person would want to see in a log."""

    deed: Deed
    application: str
    environment: str
    release: str
    url: str
    detail: str = ""


@dataclass(frozen=True)
class Outcome:
    """`plan` is the last one, made after all effects; `troubles` are what stopped an effect,
    `warnings` what went wrong without stopping anything, `unanswered` what the world did not tell
    when it was asked last."""

    plan: Plan
    effects: tuple[Effect, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    warnings: tuple[str, ...] = ()
    unanswered: Mapping[Question[Any], Unknown] = field(default_factory=dict)
