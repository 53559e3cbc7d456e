"""The JSON Schema (draft 2020-12) of rule files, for editors.

Made from the shapes that `load_rules` checks with; what their validators know in Python is said
here again as patterns and examples, as far as a schema can. It is never stricter than they are.
`promoter validate` is: it also looks at what several values mean together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promoter.model.calendar import TOKENS
from promoter.rules.shape import RuleShape

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ID = "urn:promoter:rule-file:1"

# ECMA-262, as JSON Schema wants it, and searched for: hence the anchors.
_NOT_BLANK = r"\S"
_DURATION = r"^(?=[0-9])(?:[0-9]{1,9}d)?(?:[0-9]{1,9}h)?(?:[0-9]{1,9}m)?(?:[0-9]{1,9}s)?$"
_PART = r"(?:[a-z0-9._-]|\{application\})+"
_HOST = r"(?:(?:[A-Za-z0-9._-]|\{application\})+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
_IMAGE = rf"^(?:{_HOST}/)?{_PART}(?:/{_PART})*$"
_TAG = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
_ENVIRONMENT = r"^(?!registry$)(?!.*(?:\.\.|\.lock$|\.$))[a-z0-9][a-z0-9._-]{0,62}$"
_PATH = (
    r"^(?!/)(?!.*//+[^/])(?!(?:.*/)?\.{1,2}(?:/|$))(?!.*\.json/*$)"
    r"(?:[^*?\[\]\\{}]|\{(?:application|environment)\})+$"
)
_URL = r"^(?!-)(?!https?://[^/]*@)\S+$"
_BRANCH = r"^(?!refs/|[-/.])[^\s~^:?*\[\\]+$"
_PLATFORM = r"^[a-z0-9]+/[a-z0-9]+(?:/v?[0-9]+(?:\.[0-9]+)?)?$"
_USER = r"^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?(?:\[bot\])?$"
_TOKEN = f"(?:{'|'.join(sorted(TOKENS, key=len, reverse=True))})"
_CALVER = rf"^(?=.*Y){_TOKEN}(?:[._-]?{_TOKEN})*$"
_CRON = r"^\s*(?:\S+\s+){4}\S+\s*$"
_DATE_OR_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?"
_DATES = rf"^{_DATE_OR_TIME}(?:/{_DATE_OR_TIME})?$"

_OWN_PATH = _PATH.replace("(?:application|environment)", "[a-z][a-z0-9_-]*")
_PREFIX = r"^(?!.*(?:@|://|\{))[A-Za-z0-9\[][A-Za-z0-9._:/\]\[-]*$"
_ZONES: Schema = {"examples": ["UTC", "Europe/Berlin", "Asia/Shanghai"]}
_PATHS: Schema = {
    "pattern": _PATH,
    "examples": ["apps/{application}/overlays/{environment}"],
}
_DETAILS: Mapping[tuple[str, str], Schema] = {
    ("RuleShape", "version"): {"const": 1},
    ("RuleShape", "applications"): _PATHS,
    ("EnvironmentShape", "path"): {
        "pattern": _OWN_PATH,
        "examples": ["apps/{application}/overlays/production-{region}"],
    },
    ("OwnRepositoryShape", "url"): {
        "pattern": _URL,
        "examples": ["https://gitlab.com/team/production.git"],
    },
    ("OwnRepositoryShape", "branch"): {"pattern": _BRANCH, "examples": ["production"]},
    ("LimitsShape", "open"): {"minimum": 1, "examples": [10, 50]},
    ("LimitsShape", "files"): {"minimum": 1, "examples": [20]},
    ("LimitsShape", "lines"): {"minimum": 1, "examples": [200]},
    ("LimitsShape", "paths"): {"examples": ["apps/**", "charts/*/values*.yaml"]},
    ("RepositoryShape", "url"): {
        "pattern": _URL,
        "examples": ["https://gitlab.com/team/manifests.git", "git@github.com:team/manifests.git"],
    },
    ("RepositoryShape", "branch"): {"pattern": _BRANCH, "examples": ["main"]},
    ("ArtifactShape", "image"): {
        "pattern": _IMAGE,
        "examples": ["ghcr.io/shop/web", "harbor.example.com/apps/{application}"],
    },
    ("ArtifactShape", "tags"): {
        "maxLength": 1000,
        "examples": [r"release-(?P<version>\d+\.\d+\.\d+)", r"\d+\.\d+\.\d+-alpine"],
    },
    ("ArtifactShape", "ignore"): {"examples": ["*-debug", "latest"]},
    ("ArtifactShape", "platforms"): {
        "pattern": _PLATFORM,
        "examples": ["linux/amd64", "linux/arm64", "linux/arm/v7"],
    },
    ("ArtifactShape", "minimum-age"): {"pattern": _DURATION, "examples": ["3d", "12h"]},
    ("SelectShape", "semver"): {"maxLength": 256, "examples": [">=1.0", "~1.4", "^2 || ^3", "*"]},
    ("SelectShape", "calver"): {
        "pattern": _CALVER,
        "examples": ["YYYY.0M.MICRO", "YYYY.MM.DD", "YYYY0M0D-MODIFIER"],
    },
    ("SelectShape", "numeric"): {"enum": ["asc", "desc"]},
    ("SelectShape", "alphabetical"): {"enum": ["asc", "desc"]},
    ("SelectShape", "newest"): {"enum": ["build"]},
    ("SelectShape", "tag"): {"pattern": _TAG, "examples": ["stable", "1.27"]},
    ("GateShape", "soak"): {"pattern": _DURATION, "examples": ["30m", "24h", "7d"]},
    ("GateShape", "approvals"): {"minimum": 1, "examples": [1, 2]},
    ("GateShape", "minimum-age"): {"pattern": _DURATION, "examples": ["2d", "12h"]},
    ("GateShape", "registries"): {
        "pattern": r"^(?!.*://)(?:.*[.:A-Z/].*|localhost)$",
        "examples": ["ghcr.io", "harbor.example.com/apps/"],
    },
    ("ChecksShape", "names"): {
        "pattern": r"^(?!promoter$)\S(?:.*\S)?$",
        "maxLength": 255,
        "examples": ["build", "scan"],
    },
    ("ChecksShape", "of"): {"enum": ["upstream"]},
    ("WindowEntryShape", "cron"): {"pattern": _CRON, "examples": ["0 9 * * mon-thu"]},
    ("WindowEntryShape", "dates"): {
        "pattern": _DATES,
        "examples": ["2026-12-24", "2026-12-20/2027-01-03", "2026-12-24T18:00/2026-12-27T08:00"],
    },
    ("WindowEntryShape", "for"): {"pattern": _DURATION, "examples": ["8h"]},
    ("WindowEntryShape", "timezone"): _ZONES,
    ("WindowShape", "for"): {"pattern": _DURATION, "examples": ["8h"]},
    ("WindowShape", "timezone"): _ZONES,
    ("MergeRequestShape", "title"): {
        "maxLength": 500,
        "examples": ["{{ application }} {{ release.label }} to {{ environment }}"],
    },
    ("MergeRequestShape", "body"): {
        "maxLength": 20_000,
        "examples": ["Runbook: https://wiki.example.com/{{ application }}\n\n{{ body }}"],
    },
    ("MergeRequestShape", "labels"): {
        "maxLength": 500,
        "examples": ["promotion", "env/{{ environment }}"],
    },
    ("MergeRequestShape", "reviewers"): {"pattern": _USER, "examples": ["ada"]},
    ("MergeRequestShape", "assignees"): {"pattern": _USER, "examples": ["grace"]},
    ("CommitShape", "message"): {
        "maxLength": 4_000,
        "examples": ["chore({{ environment }}): {{ application }} {{ release.label }}"],
    },
    ("CommitShape", "author"): {
        "pattern": r"^[^<>\s](?:[^<>]*[^<>\s])? <[^<>@\s]+@[^<>@\s]+>$",
        "examples": ["Promotions <promotions@example.com>"],
    },
}
"""What a value can be, by the shape and the key that it stands under."""

_NAME: Schema = {"type": "string", "pattern": _ENVIRONMENT}
_NAMES: Schema = {"type": "array", "items": _NAME, "minItems": 1}
_UPSTREAM: Schema = {
    **_NAME,
    **_NAMES,
    "type": ["string", "array", "object"],
    "properties": {"any": _NAMES},
    "required": ["any"],
    "additionalProperties": False,
    "examples": ["dev", ["dev", "qa"], {"any": ["eu", "us"]}],
}
_IMAGES: Schema = {
    "propertyNames": {"pattern": _PREFIX},
    "additionalProperties": {"type": "string", "pattern": _PREFIX},
    "minProperties": 1,
    "examples": [{"harbor.dev/apps/": "harbor.prod/apps/"}],
}
_EACH: Schema = {
    "propertyNames": {"pattern": r"^[a-z][a-z0-9_-]{0,31}$"},
    "additionalProperties": {
        "type": "array",
        "items": {"type": "string", "pattern": r"^[a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9])?$"},
        "minItems": 1,
    },
    "minProperties": 1,
    "examples": [{"region": ["eu", "us"]}],
}
_WAVE: Schema = {
    "type": ["string", "array"],
    "items": {"type": "string"},
    "minItems": 1,
    "examples": ["eu", ["us", "ap"], "*"],
}
_MAY_BE_EMPTY = frozenset({"require"})


def rule_schema() -> Schema:
    """The schema of one rule file."""
    made = RuleShape.model_json_schema()
    shapes: dict[str, Schema] = made.pop("$defs")
    rule = _shape("RuleShape", made)
    environments = rule["properties"]["environments"]
    environments |= {"propertyNames": {"pattern": _ENVIRONMENT}, "minProperties": 1}
    definitions = {name: _shape(name, shape) for name, shape in shapes.items()}
    environment = definitions["EnvironmentShape"]
    # `dev:` with nothing behind it is an environment without a word said about it.
    environment["type"] = ["object", "null"]
    _spell_out_checks(definitions)
    _spell_out_windows(definitions)
    after = environment["properties"]["after"]
    environment["properties"]["after"] = {"description": after["description"], **_UPSTREAM}
    environment["properties"]["images"] |= _IMAGES
    environment["properties"]["each"] |= _EACH
    definitions["WaveShape"]["additionalProperties"] = _WAVE
    rule["anyOf"] = [{"required": ["applications"]}, _every_environment_has_a_path()]
    return {
        "$schema": _DIALECT,
        "$id": _ID,
        "title": "Promoter rule file",
        "description": "Where manifests live, which images are followed, and how a release moves"
        " from one environment to the next.",
        **rule,
        "$defs": definitions,
    }


def _every_environment_has_a_path() -> Schema:
    own = {"type": "object", "required": ["path"]}
    return {"properties": {"environments": {"additionalProperties": own}}}


def _spell_out_checks(definitions: dict[str, Schema]) -> None:
    """A list of names, or a mapping that holds one."""
    shape = definitions.pop("ChecksShape")
    gates = definitions["GateShape"]["properties"]
    names = shape["properties"]["names"]
    gates["checks"] = {
        **shape,
        "type": ["array", "object"],
        "items": names["items"],
        "minItems": 1,
        "description": gates["checks"]["description"],
        "examples": [["build", "scan"], {"of": "upstream", "names": ["integration"]}],
    }


def _spell_out_windows(definitions: dict[str, Schema]) -> None:
    """An entry as a text or a mapping, alone or in a list."""
    shape = definitions.pop("WindowEntryShape")
    entry = {**shape, "type": ["string", "object"], "pattern": f"{_CRON}|{_DATES}"}
    window = definitions["WindowShape"]
    for key in ("allow", "deny"):
        window["properties"][key] = {
            **entry,
            "type": ["string", "object", "array"],
            "items": entry,
            "minItems": 1,
            "description": window["properties"][key]["description"],
            "examples": ["0 9 * * mon-thu", ["2026-12-24", "2026-12-20/2027-01-03"]],
        }
    window["anyOf"] = [{"required": ["allow"]}, {"required": ["deny"]}]
    gates = definitions["GateShape"]["properties"]
    gates["window"] = {
        **window,
        "description": gates["window"]["description"],
        "examples": [{"allow": "0 9 * * mon-thu", "for": "8h", "timezone": "Europe/Berlin"}],
    }
    del definitions["WindowShape"]


def _shape(name: str, shape: Schema) -> Schema:
    """A mapping with its keys: without the titles that pydantic makes up."""
    properties = {
        key: _value(key, value, _DETAILS.get((name, key), {}))
        for key, value in shape["properties"].items()
    }
    return {**_untitled(shape), "properties": properties}


def _value(key: str, value: Schema, details: Schema) -> Schema:
    bare = _without_null(_untitled(value))
    return _detail(bare, details, may_be_empty=key in _MAY_BE_EMPTY)


def _detail(value: Schema, details: Schema, *, may_be_empty: bool) -> Schema:
    """With the details at the text (or number) itself, be it alone or an item of a list."""
    if "anyOf" in value:
        return _merge_ways(
            [_detail(each, details, may_be_empty=may_be_empty) for each in value.pop("anyOf")]
            + [value]
        )
    if value.get("type") == "array":
        items = _detail(value["items"], details, may_be_empty=may_be_empty)
        return {**value, "items": items, **({} if may_be_empty else {"minItems": 1})}
    if value.get("type") == "string" and "enum" not in {*value, *details}:
        return {**value, "pattern": _NOT_BLANK, **details}
    return {**value, **details} if value.get("type") in ("string", "integer", "boolean") else value


def _merge_ways(ways: Sequence[Schema]) -> Schema:
    """`anyOf` ways of different types as one schema: each keyword is for one type only, and an
    editor then says what is wrong instead of that nothing fits."""
    types = [each["type"] for each in ways if "type" in each]
    merged: Schema = {}
    for each in ways:
        merged |= each
    return {**merged, "type": types}


def _untitled(value: Schema) -> Schema:
    return {key: each for key, each in value.items() if key != "title"}


def _without_null(value: Schema) -> Schema:
    """An empty value is an error in a rule file: a key is given a value, or left out."""
    value = {key: each for key, each in value.items() if (key, each) != ("default", None)}
    if "anyOf" not in value:
        return value
    ways = [each for each in value.pop("anyOf") if each != {"type": "null"}]
    return {**ways[0], **value} if len(ways) == 1 else {**value, "anyOf": ways}
