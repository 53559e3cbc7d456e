"""The gate `checks` as rule files write it: `[build, scan]` or `{of: upstream, names: [test]}`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from promoter.rules.strict import Shape


def _as_mapping(value: object) -> object:
    """A list of names in its long form."""
    return {"names": value} if isinstance(value, list) else value


class ChecksShape(Shape):
    names: list[str] = Field(description="the names of the checks, as the forge shows them")
    of: Literal["upstream"] | None = Field(
        None,
        description="upstream: on the commit that brought the release there; left out: on the"
        " merge request's head",
    )


ChecksArgument = Annotated[ChecksShape, BeforeValidator(_as_mapping)]
