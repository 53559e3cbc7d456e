"""What `promoter tags` looks at: artifacts of the rules, or one that flags describe alone."""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promoter.errors import InputError
from promoter.model.image import ImageName, ImageReference
from promoter.model.rule import ArtifactRule, Rule, Select
from promoter.rules import load_rules
from promoter.rules.images import application_of
from promoter.rules.wording import enumerate_words

_POLICY_LIKE = "such as 'semver: >=1.0', 'newest: build' or 'tag: stable'"
_FLAGS: Mapping[str, tuple[str, str]] = {
    "tags": ("--tags", "tags"),
    "ignore": ("--ignore", "ignore"),
    "prereleases": ("--prereleases", "prereleases"),
    "platforms": ("--platform", "platforms"),
    "minimum-age": ("--minimum-age", "minimum_age"),
}
"""Keys of an artifact that a flag can give: the flag, and the field of `ArtifactRule`."""
_LABEL = re.compile(r"artifacts\[0\]\.(?P<key>[a-z-]+)(?:\[\d+\]|\.(?P<inner>[^:.\[]+))?: ")


@dataclass(frozen=True)
class Subject:
    """An artifact under one image's name. `rule` None: described by flags alone; `application`
    is empty where the rule's image does not hold `{application}`."""

    artifact: ArtifactRule
    name: ImageName
    rule: Rule | None = None
    application: str = ""


def read_image(text: str) -> ImageReference:
    """The image of the command line. Raises InputError where it is none, or names a digest."""
    if not text.strip():
        raise InputError("IMAGE is empty: is the variable set?")
    try:
        image = ImageReference.parse(text)
    except ValueError as error:
        raise InputError(f"IMAGE: {error}") from None
    if image.digest is not None:
        raise InputError(
            f"IMAGE: a digest is no tag: write {image.name.written}, or"
            f" {image.name.written}:TAG to see why that tag is not chosen"
        )
    return image


def from_flags(name: ImageName, arguments: argparse.Namespace) -> Subject:
    """Described by --policy and its companions; no rule is read. Raises InputError."""
    return Subject(_artifact(name, _read_policy(arguments.policy), _given(arguments)), name)


def from_rules(
    name: ImageName, rules: Sequence[Rule], arguments: argparse.Namespace
) -> tuple[Subject, ...]:
    """Every artifact that follows `name`, with the flags over its values.

    Raises InputError where none does, with what comes near.
    """
    found = tuple(_following(name, rules))
    if not found:
        raise InputError(_nobody_follows(name, rules))
    given = _given(arguments)
    policy = _read_policy(arguments.policy) if arguments.policy is not None else None
    return tuple(_what_if(each, policy, given) for each in found)


def _following(name: ImageName, rules: Sequence[Rule]) -> Iterator[Subject]:
    for rule in rules:
        for artifact in rule.artifacts:
            application = application_of(artifact.image, name)
            if application is not None:
                yield Subject(artifact, name, rule, application)


def _what_if(subject: Subject, policy: Select | None, given: Mapping[str, Any]) -> Subject:
    if policy is None and not given:
        return subject
    select = policy or subject.artifact.select
    tried = _artifact(subject.name, select, given)
    values = {field: getattr(tried, field) for _, field in (_FLAGS[key] for key in given)}
    return replace(subject, artifact=replace(subject.artifact, select=tried.select, **values))


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the flags say, by the key of a rule file."""
    values = {key: getattr(arguments, key.replace("-", "_")) for key in _FLAGS}
    return {key: value for key, value in values.items() if value is not None}


def _read_policy(text: str) -> Select:
    """`semver: >=1.0`, also in the quotes and braces of a rule file."""
    bare = text.strip()
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1]
    name, colon, argument = (part.strip() for part in bare.partition(":"))
    if not colon:
        raise InputError(f"--policy: write a policy and what it wants, {_POLICY_LIKE}")
    if len(argument) > 1 and argument[0] == argument[-1] and argument[0] in "'\"":
        argument = argument[1:-1]
    return Select(name, argument)


def _artifact(name: ImageName, select: Select, given: Mapping[str, Any]) -> ArtifactRule:
    """Read as a rule file is, so that a slip in a flag is told in the same words."""
    artifact = {"image": str(name), "select": {select.policy: select.argument}, **given}
    text = json.dumps(
        {
            "version": 1,
            "repository": {"url": "file:///none", "forge": "local"},
            "artifacts": [artifact],
            "applications": "{application}",
            "environments": {"any": {}},
        }
    )
    rules, errors = load_rules({"flags": text})
    if errors:
        raise InputError("; ".join(_LABEL.sub(_flag, each.message) for each in errors))
    return rules[0].artifacts[0]


def _flag(match: re.Match[str]) -> str:
    """`artifacts[0].select.semver: ` as the flag that it came from."""
    key, inner = match["key"], match["inner"]
    flag = _FLAGS[key][0] if key in _FLAGS else {"select": "--policy"}.get(key, key)
    return f"{flag} {inner}: " if inner else f"{flag}: "


def _nobody_follows(name: ImageName, rules: Sequence[Rule]) -> str:
    sources = {
        artifact.image.replace("{application}", name.short): rule.source
        for rule in rules
        for artifact in rule.artifacts
    }
    message = f"no rule follows {name.written}"
    near = difflib.get_close_matches(name.written, list(sources), 1)
    if near:
        message += f"; the nearest is {near[0]} ({sources[near[0]]})"
    elif sources:
        images = dict.fromkeys(artifact.image for rule in rules for artifact in rule.artifacts)
        message += f"; the rules follow {enumerate_words(images)}"
    return f"{message}; without a rule, give --policy {_POLICY_LIKE}"
