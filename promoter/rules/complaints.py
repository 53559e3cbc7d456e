"""What pydantic found wrong with a document, in our own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from promoter.rules import shape
from promoter.rules.checks_shape import ChecksShape
from promoter.rules.document import Document, describe
from promoter.rules.window import WindowEntryShape, WindowShape
from promoter.rules.wording import Location, find_nearest, guess, quote
from promoter.rules.words import GATES, NOT_YET, POLICIES


@dataclass(frozen=True)
class Complaint:
    """What is wrong at a location. `absent`: its last step is not in the file. `meant`: the
    location that a misspelt key was probably meant for."""

    location: Location
    message: str
    on_key: bool = False
    absent: bool = False
    meant: Location | None = None


def _fields(inside: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The fields of a shape by the keys that a file has for them."""
    return {field.alias or name: field for name, field in inside.model_fields.items()}


_EXPECTED_BY_KIND: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_EXPECTED_BY_FIELD: Mapping[str, str] = {
    "version": "the number 1",
    "platforms": "a list such as [linux/amd64, linux/arm64]",
    "minimum-age": "a duration such as 30m, 24h or 7d",
    "select": 'a policy such as {semver: ">=1.0"}',
    "applications": "a path pattern or a list of them",
    "path": "a path pattern or a list of them",
    "after": "a name, a list of names, or {any: [names]}",
    "environments": "a mapping of names to environments",
    "merge-request": "a mapping such as {labels: [promotion]}",
    "commit": "a mapping such as {message: ...}",
    "images": "a mapping such as {harbor.dev/apps/: harbor.prod/apps/}",
    "each": 'a mapping such as {region: ["eu", "us"]}',
    "waves": 'a list such as [{region: eu}, {region: "*"}]',
    "limits": "a mapping such as {open: 20}",
    "paths": "a list of globs such as [apps/**]",
    "labels": "a list such as [promotion]",
    "reviewers": "a list of user names",
    "assignees": "a list of user names",
    "for": "a duration such as 30m, 24h or 7d",
    "timezone": "a name such as Europe/Berlin",
    "names": "a list of names such as [build, scan]",
    **{name: word.expected for name, word in (*POLICIES.items(), *GATES.items())},
}
_EXPECTED_ITEM: Mapping[str, str] = {
    **dict.fromkeys(("labels", "reviewers", "assignees", "names", "registries"), "text"),
    **dict.fromkeys(
        ("allow", "deny"),
        'a cron expression, a date, a range of dates, or {cron: "0 9 * * 1-5", for: 8h}',
    ),
    "require": "a gate such as {soak: 24h} or {approvals: 2}",
    "waves": "a mapping such as {region: eu}",
    **dict.fromkeys(("each", "paths"), "text"),
    "artifacts": "a mapping with `image` and `select`",
}
_BELONGS: Mapping[tuple[str, str], str] = {
    **{
        ("RuleShape", name): f"it belongs in {there}; look at the indentation"
        for inside, there in (
            (shape.EnvironmentShape, "an environment"),
            (shape.ArtifactShape, "an item of `artifacts`"),
            (shape.RepositoryShape, "`repository`"),
            (shape.MergeRequestShape, "`merge-request`"),
            (shape.CommitShape, "`commit`"),
            (shape.LimitsShape, "`limits`"),
        )
        for name in _fields(inside)
    },
    **{
        ("EnvironmentShape", name): "it belongs in `merge-request` at the beginning of a line"
        for name in _fields(shape.MergeRequestShape)
    },
    **{
        (inside, name): "it belongs at the beginning of a line; look at the indentation"
        for inside in (
            *("RepositoryShape", "ArtifactShape", "EnvironmentShape"),
            *("MergeRequestShape", "CommitShape"),
        )
        for name in _fields(shape.RuleShape)
    },
    **{("ArtifactShape", name): "policies stand under `select`" for name in POLICIES},
    **{("EnvironmentShape", name): "gates stand in a list under `require`" for name in GATES},
}
# What people who come from other tools write, and no spelling comes near.
_ALSO_CALLED: Mapping[tuple[str, str], str] = {
    ("RuleShape", "images"): "artifacts",
    ("RuleShape", "apps"): "applications",
    ("RuleShape", "stages"): "environments",
    ("ArtifactShape", "name"): "image",
    ("ArtifactShape", "policy"): "select",
    ("ArtifactShape", "filter"): "tags",
    ("EnvironmentShape", "upstream"): "after",
    ("EnvironmentShape", "needs"): "after",
    ("EnvironmentShape", "from"): "after",
    ("EnvironmentShape", "gates"): "require",
    ("EnvironmentShape", "automerge"): "merge",
    ("EnvironmentShape", "autoMerge"): "merge",
    ("EnvironmentShape", "activeCommitStatuses"): "require",
    ("EnvironmentShape", "proposedCommitStatuses"): "require",
    ("EnvironmentShape", "draft"): "open",
    ("RuleShape", "pull-request"): "merge-request",
    ("RuleShape", "pullRequest"): "merge-request",
    ("RuleShape", "mergeRequest"): "merge-request",
    ("RuleShape", "commitMessage"): "commit",
    ("MergeRequestShape", "description"): "body",
    ("MergeRequestShape", "prTitle"): "title",
    ("MergeRequestShape", "addLabels"): "labels",
    ("MergeRequestShape", "additionalReviewers"): "reviewers",
    ("CommitShape", "subject"): "message",
    ("CommitShape", "messageTemplate"): "message",
}
_SHAPE_OF_FIELD: Mapping[str, type[BaseModel]] = {
    "repository": shape.RepositoryShape,
    "artifacts": shape.ArtifactShape,
    "select": shape.SelectShape,
    "after": shape.UpstreamShape,
    "require": shape.GateShape,
    "merge-request": shape.MergeRequestShape,
    "commit": shape.CommitShape,
    "limits": shape.LimitsShape,
    "waves": shape.WaveShape,
    "window": WindowShape,
    "allow": WindowEntryShape,
    "deny": WindowEntryShape,
    "checks": ChecksShape,
}
_SHAPE_THERE: Mapping[tuple[type[BaseModel], str], type[BaseModel]] = {
    (shape.EnvironmentShape, "repository"): shape.OwnRepositoryShape,
}
_OPEN_MAPPINGS = ("images", "each")
"""Whose keys are the file's own words."""


def explain(errors: Iterable[ErrorDetails], document: Document) -> Iterator[Complaint]:
    """One complaint for each error; none for empty values, which `checks` tells of, nor where
    another error is the cause."""
    for error in errors:
        on_key = "[key]" in error["loc"][-1:]
        location = error["loc"][:-1] if on_key else error["loc"]
        kind, found = error["type"], error["input"]
        inside, name = _follow(location)
        if kind == "missing":
            if not _is_followed_otherwise(name, found):
                description = _fields(inside)[str(name)].description
                yield Complaint(location, f"is missing ({description})", absent=True)
        elif kind == "extra_forbidden":
            yield Complaint(
                location,
                _unknown_key(inside, str(name)),
                on_key=True,
                meant=_meant(inside, location),
            )
        elif kind == "value_error":
            yield Complaint(location, str(error["ctx"]["error"]), on_key)
        elif found is not None:
            raw = document.find(location)[1].raw
            if kind == "literal_error":
                choices = tuple(_choices(_fields(inside)[str(name)].annotation))
                message = _not_a_choice(found, choices, raw)
            else:
                message = _wrong_type(location, kind, found, raw)
            yield Complaint(location, message)


def _follow(location: Location) -> tuple[type[BaseModel], str | None]:
    """The shape that a location leads into, and the name of the field there; None as the name
    where the last step is an environment's own."""
    inside: type[BaseModel] = shape.RuleShape
    name: str | None = None
    for step in location:
        if isinstance(step, int):
            continue
        if name == "environments" and inside is shape.RuleShape:
            inside, name = shape.EnvironmentShape, None
            continue
        if name in _OPEN_MAPPINGS or (inside is shape.WaveShape and name not in (None, "require")):
            continue
        if name is not None:
            inside = _SHAPE_THERE.get((inside, name)) or _SHAPE_OF_FIELD[name]
        name = step
    return inside, name


def _is_followed_otherwise(name: str | None, mapping: object) -> bool:
    """A chart misses no image: that charts are not supported yet says it all."""
    return (
        name == "image" and isinstance(mapping, dict) and not {"chart", "git"}.isdisjoint(mapping)
    )


def _unknown_key(inside: type[BaseModel], key: str) -> str:
    if key in NOT_YET.get(inside.__name__, ()):
        return "is not supported by this version of promoter yet"
    if key == "<<":
        return "merging mappings with '<<' is not supported: write the keys out"
    belongs = _BELONGS.get((inside.__name__, key))
    meant = _ALSO_CALLED.get((inside.__name__, key))
    if belongs and meant is None:
        return f"unknown key: {belongs}"
    meant = meant or key
    return f"unknown key{guess(meant, tuple(_fields(inside)))}"


def _choices(annotation: Any) -> Iterator[str]:
    """The words of a Literal, or of the one in an Optional."""
    for each in getattr(annotation, "__args__", ()):
        if isinstance(each, str):
            yield each
        else:
            yield from _choices(each)


def _meant(inside: type[BaseModel], location: Location) -> Location | None:
    """The place of the field that an unknown key was probably meant for."""
    *above, key = location
    if not isinstance(key, str):
        return None
    if inside is not shape.RuleShape and key in _fields(shape.RuleShape):
        return (key,)
    if inside is shape.ArtifactShape and key in POLICIES:
        return (*above, "select")
    also = _ALSO_CALLED.get((inside.__name__, key))
    meant = also or find_nearest(key, tuple(_fields(inside)))
    return (*above, meant) if meant else None


def _not_a_choice(found: object, choices: tuple[str, ...], raw: str | None) -> str:
    if isinstance(found, str):
        return f"{quote(found)} is not known{guess(found, choices)}"
    return f"expected one of {', '.join(choices)}, found {describe(found, raw)}"


def _wrong_type(location: Location, kind: str, found: object, raw: str | None) -> str:
    _, name = _follow(location)
    if isinstance(found, dict) and name in ("applications", "path"):
        return "a mapping is not supported here by this version of promoter yet: write a pattern"
    expected = _EXPECTED_BY_KIND.get(kind, "something else")
    if name is not None and not (name in _OPEN_MAPPINGS and location[-1] != name):
        by_name = _EXPECTED_ITEM if isinstance(location[-1], int) else _EXPECTED_BY_FIELD
        expected = by_name.get(name, expected)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    advice = ": put it in quotes" if expected == "text" and is_number else ""
    return f"expected {expected}, found {describe(found, raw)}{advice}"
