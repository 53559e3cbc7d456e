"""The names of the bot's branches: derived, never random, so that it is found again."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from promoter.model.target import Target

PREFIX = "promoter/"
_ALL = "all="
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def branch_name(target: Target) -> str:
    """`promoter/staging/web`; unique for a target within one repository."""
    return branch_of(target.environment, target.application)


def branch_of(environment: str, application: str) -> str:
    return f"{PREFIX}{target_path(environment, application)}"


def group_branch(rule: str, environment: str) -> str:
    """`promoter/production/all=shop`: where a rule groups an environment. No target's branch has a
    `=` in it, and two rules may group environments of one name."""
    return f"{PREFIX}{_component(environment)}/{_ALL}{_component(rule)}"


def is_group_branch(name: str) -> bool:
    return name.rpartition("/")[2].startswith(_ALL)


@lru_cache(maxsize=1 << 14)  # a plan names each of its branches several times
def target_path(environment: str, application: str) -> str:
    """`staging/web`: a target as part of a ref or of a path in the ledger."""
    return f"{_component(environment)}/{_component(application)}"


def _component(name: str) -> str:
    """`name` as one component of a ref (git-check-ref-format), told apart by a hash if changed."""
    safe = re.sub(r"\.{2,}", ".", _UNSAFE.sub("-", name)).strip(".-")
    if safe.endswith(".lock"):
        safe = f"{safe}_"
    if safe == name:
        return name
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
