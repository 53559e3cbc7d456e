"""The schema that editors check rule files with: what promoter reads it takes, and most of what
promoter refuses it refuses as well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.calendar import TOKENS
from promoter.rules import load_rules
from promoter.rules.document import read_document
from promoter.rules.schema import rule_schema
from promoter.rules.words import GATES, NOT_YET, POLICIES
from tests.rules.files import SHOP
from tests.rules.test_errors import _cases

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = rule_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
MINIMAL = """\
version: 1
repository: {url: /srv/git/shop.git}
artifacts: [{image: IMAGE, select: SELECT}]
applications: PATH
environments: {dev: }
"""


def slips(text: str) -> list[str]:
    """What the schema says of a rule file, as an editor shows it."""
    document, _ = read_document("rule.yaml", text)
    assert document is not None
    return [error.message for error in VALIDATOR.iter_errors(document.data)]


def fill(**values: str) -> str:
    text = MINIMAL
    for name, value in {"IMAGE": "web", "SELECT": "{tag: x}", "PATH": "x", **values}.items():
        text = text.replace(name, value)
    return text


def keys() -> Iterator[Any]:
    """Every key of the language with its schema."""
    for name, shape in {"RuleShape": SCHEMA, **SCHEMA["$defs"]}.items():
        for key, value in shape["properties"].items():
            yield pytest.param(name, key, value, id=f"{name}.{key}")


def texts(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of the single texts and numbers in a value."""
    if "array" in value.get("type", ()):
        yield from texts(value["items"])
    elif value.get("type") in ("string", "integer"):
        yield value


def test_it_is_a_schema_of_the_draft_that_it_names() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", sorted((ROOT / "rules").glob("*.yaml")), ids=lambda f: f.name)
def test_every_example_fits(file: Path) -> None:
    assert slips(file.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        SHOP,
        MINIMAL.replace("IMAGE", "x").replace("SELECT", "{newest: build}"),
        fill(PATH="'{environment}/{application}.yaml'"),
        SHOP.replace("applications: apps/{application}/overlays/{environment}\n", "")
        .replace("    after", "    path: a/{application}\n    after")
        .replace("    merge: automatic", "    path: [b, 'c/{application}/']"),
        SHOP.replace("after: staging", "after: {any: [staging, dev]}"),
    ],
)
def test_what_promoter_reads_fits(text: str) -> None:
    assert load_rules({"rule.yaml": text})[1] == ()
    assert slips(text) == []


def test_most_of_what_promoter_refuses_does_not_fit() -> None:
    """Not all: whether an environment exists, or two values agree, a schema can't say."""
    told = passed = 0
    for old, new, _ in _cases():
        document, refused = read_document("rule.yaml", SHOP.replace(old, new, 1))
        if document is None or refused:
            continue  # not even the YAML that promoter reads
        if any(VALIDATOR.iter_errors(document.data)):
            told += 1
        else:
            passed += 1
    assert told > 2 * passed, f"{told} told, {passed} not"


@pytest.mark.parametrize(
    ("broken", "part"),
    [
        (fill(IMAGE="web:1.0"), "'web:1.0' does not match"),
        (fill(IMAGE="https://ghcr.io/web"), "'https://ghcr.io/web' does not match"),
        (fill(SELECT="{semver: '1', newest: build}"), "too many properties"),
        (fill(SELECT="{newest: created}"), "'created' is not one of ['build']"),
        (fill(SELECT="{calver: yyyy.mm}"), "'yyyy.mm' does not match"),
        (fill(SELECT="{numeric: up}"), "'up' is not one of ['asc', 'desc']"),
        (fill(SELECT="{}"), "should be non-empty"),
        (fill(PATH="/apps/{application}"), "'/apps/{application}' does not match"),
        (SHOP.replace("30m", "30min"), "does not match"),
        (SHOP.replace("approvals: 2", "approvals: 0"), "0 is less than the minimum of 1"),
        (SHOP.replace("soak: 30m", "soak: "), "None is not of type 'string'"),
        (SHOP.replace("staging:\n", "Staging:\n"), "'Staging' does not match"),
        (SHOP.replace("environments:", "enviroments:"), "Additional properties are not allowed"),
        (SHOP.replace("version: 1", "version: 2"), "1 was expected"),
        (SHOP.replace("applications:", "# "), "is not valid under any of the given schemas"),
    ],
)
def test_slips_that_an_editor_underlines(broken: str, part: str) -> None:
    assert load_rules({"rule.yaml": broken})[1] != ()
    assert [each for each in slips(broken) if part in each], slips(broken)


@pytest.mark.parametrize(("name", "key", "value"), list(keys()))
def test_every_key_says_what_it_is(name: str, key: str, value: dict[str, Any]) -> None:
    assert value.get("description"), f"{key} in {name}"


@pytest.mark.parametrize("word", [*POLICIES, *GATES])
def test_every_policy_and_gate_has_an_example_that_is_right(word: str) -> None:
    """So that a new one is added to the schema's table as well."""
    shape, words = ("SelectShape", POLICIES) if word in POLICIES else ("GateShape", GATES)
    value = SCHEMA["$defs"][shape]["properties"][word]
    examples = value.get("enum") or value.get("examples") or [value["items"]["examples"]]
    for each in examples:
        told = json.dumps({word: each})
        rule = fill(SELECT=told) if words is POLICIES else SHOP.replace("soak: 30m", told)
        assert load_rules({"rule.yaml": rule})[1] == ()
        assert slips(rule) == []


def test_keys_that_this_version_does_not_obey_are_left_out() -> None:
    offered = {(name, key) for name, key, _ in (each.values for each in keys())}
    assert offered.isdisjoint({(name, key) for name, each in NOT_YET.items() for key in each})


COMPONENT = st.from_regex(r"[a-z0-9]+(?:(?:\.|_|__|-)[a-z0-9]+)?", fullmatch=True)


@given(
    st.lists(COMPONENT | st.just("{application}"), min_size=1, max_size=3),
    st.sampled_from(["", "ghcr.io/", "localhost:5000/", "[::1]:5000/", "Host.Example.com/"]),
)
def test_it_is_never_stricter_about_images(parts: list[str], registry: str) -> None:
    text = fill(IMAGE=f'"{registry}{"/".join(parts)}"')
    if not load_rules({"rule.yaml": text})[1]:
        assert slips(text) == []


@given(st.text("ab{}/.*-_ 1", max_size=12), st.sampled_from(["", "{application}", ".yaml"]))
def test_it_is_never_stricter_about_paths(text: str, end: str) -> None:
    rule = fill(PATH=f'"{text}{end}"')
    if not load_rules({"rule.yaml": rule})[1]:
        assert slips(rule) == []


@given(st.from_regex(r"([0-9]{1,3}[dhms]?){1,4}", fullmatch=True))
def test_it_is_never_stricter_about_durations(text: str) -> None:
    rule = SHOP.replace("30m", f'"{text}"')
    if not load_rules({"rule.yaml": rule})[1]:
        assert slips(rule) == []


@given(st.lists(st.sampled_from([*TOKENS, ".", "-", "_"]), min_size=1, max_size=6))
def test_it_is_never_stricter_about_calendar_formats(pieces: list[str]) -> None:
    rule = fill(SELECT=f'{{calver: "{"".join(pieces)}"}}')
    if not load_rules({"rule.yaml": rule})[1]:
        assert slips(rule) == []


@pytest.mark.parametrize(
    "platform", ["linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64", "wasip1/wasm"]
)
def test_it_knows_platforms(platform: str) -> None:
    rule = SHOP.replace("applications:", f"    platforms: [{platform}]\napplications:")
    assert load_rules({"rule.yaml": rule})[1] == ()
    assert slips(rule) == []
