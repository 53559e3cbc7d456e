"""The name of a target's branch: derived, never random, so that it is found again."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from promoter.model.target import Target

PREFIX = "promoter/"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def branch_name(target: Target) -> str:
    """`promoter/staging/web`; unique for a target within one repository."""
    return f"{PREFIX}{target_path(target.environment, target.application)}"


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
