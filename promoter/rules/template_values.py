"""What a template can name, and of which type each is; docs/rules.md has the same as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from promoter.rules.template import Purpose

Scalar = Literal["text", "number", "truth", "markup"]


@dataclass(frozen=True)
class Fields:
    """A value with parts: `release.label`."""

    fields: Mapping[str, Type]


@dataclass(frozen=True)
class ListOf:
    item: Type


Type = Scalar | Fields | ListOf


def _texts(*names: str) -> Fields:
    return Fields(dict.fromkeys(names, "text"))


_RELEASE = Fields(
    {"id": "text", "label": "text", "artifacts": ListOf(_texts("name", "tag", "digest", "before"))}
)
# A title must say the same when the request opens and when it is merged.
_LASTING: Mapping[str, Type] = {
    **dict.fromkeys(("application", "environment", "origin", "branch", "base"), "text"),
    "requested_by": "text",
    "release": _RELEASE,
    "title": "text",
}
_ALL: Mapping[str, Type] = {
    **_LASTING,
    "gates": ListOf(_texts("gate", "judgement", "why")),
    "files": ListOf("text"),
    "sources": ListOf(_texts("name", "source", "before", "after", "url")),
    "stays": ListOf(_texts("environment", "since", "until", "ran")),
}
VALUES: Mapping[Purpose, Mapping[str, Type]] = {
    "title": _LASTING,
    "label": _LASTING,
    "commit": _ALL,
    "body": {**_ALL, "body": "markup"},
}
LOOP = Fields(
    {"first": "truth", "last": "truth", "index": "number", "index0": "number", "length": "number"}
)
