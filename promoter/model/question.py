"""Questions as values that are looked up many times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

Q = TypeVar("Q", bound=type)


@dataclass_transform(frozen_default=True)
def question_type(of: Q) -> Q:
    """A frozen dataclass whose hash is computed once: a plan looks each question up many times,
    and what it is made of (a rule, a target, eleven image names) takes longer than the look."""
    made: Any = dataclass(frozen=True)(of)
    made.__hash__ = _once(made.__hash__)
    return made  # type: ignore[no-any-return]  # dataclass gives the class itself


def _once(compute: Callable[[Any], int]) -> Callable[[Any], int]:
    def hash_of(self: Any) -> int:
        kept = self.__dict__
        found: int | None = kept.get("_hash")
        if found is None:
            found = kept["_hash"] = compute(self)
        return found

    return hash_of
