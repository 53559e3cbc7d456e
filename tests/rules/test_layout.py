"""Which targets a rule finds in a repository."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.errors import Where
from promoter.model.rule import (
    ArtifactRule,
    EnvironmentRule,
    RepositoryAddress,
    Rule,
    Select,
    Upstream,
)
from promoter.model.target import Target
from promoter.rules import discover
from promoter.rules.pattern import Pattern

Paths = str | Sequence[str] | None


def rule(applications: Paths, **environments: Paths) -> Rule:
    """A rule with these patterns, and an environment by each name with its own path, or None."""

    def many(paths: Paths) -> tuple[str, ...]:
        return (paths,) if isinstance(paths, str) else tuple(paths or ())

    return Rule(
        source="rules/shop.yaml",
        repository=RepositoryAddress("/srv/git", None, "local"),
        artifacts=(ArtifactRule("web", Select("tag", "stable")),),
        applications=many(applications),
        environments=tuple(
            EnvironmentRule(
                name.replace("_", "-"), Upstream(), paths=None if own is None else many(own)
            )
            for name, own in environments.items()
        ),
        where=Where("rules/shop.yaml"),
    )


def found(rule: Rule, *paths: str) -> list[str]:
    """`application in environment at path` of each target; no problem may have come up."""
    discovery = discover(rule, rule.repository, paths)
    assert discovery.problems == ()
    return [f"{target} at {target.path}" for target in discovery.targets]


def problems(rule: Rule, *paths: str) -> list[str]:
    """What is told where no target is left."""
    discovery = discover(rule, rule.repository, paths)
    assert discovery.targets == ()
    assert all(problem.where == rule.where for problem in discovery.problems)
    return [problem.message for problem in discovery.problems]


def test_one_target_for_each_directory_with_a_file_below_it() -> None:
    assert found(
        rule("apps/{application}/overlays/{environment}", dev=None, production=None),
        "README.md",
        "apps/order-service/overlays/dev/patches/replicas.yaml",
        "apps/web/base/kustomization.yaml",
        "apps/web/overlays/dev/kustomization.yaml",
        "apps/web/overlays/dev/patch.yaml",
        "apps/web/overlays/dev-old/kustomization.yaml",
        "apps/web/overlays/production/kustomization.yaml",
        "apps/web/overlays/scratch/kustomization.yaml",
        "old/apps/web/overlays/dev/kustomization.yaml",
    ) == [
        "order-service in dev at apps/order-service/overlays/dev",
        "web in dev at apps/web/overlays/dev",
        "web in production at apps/web/overlays/production",
    ]


def test_one_target_for_each_file_where_the_pattern_spells_its_ending() -> None:
    assert found(
        rule(["{application}/values-{environment}.yaml"], dev=None, prod=None),
        "web/values.yaml",
        "web/values-dev.yaml",
        "web/values-prod.yaml",
        "web/values-prod.yaml.bak",
        "web/templates/values-dev.yaml",
    ) == ["web in dev at web/values-dev.yaml", "web in prod at web/values-prod.yaml"]


@pytest.mark.parametrize(
    ("source", "name"),
    [("rules/shop.eu.yaml", "shop.eu"), ("rules/shop.yml", "shop"), ("rules/shop", "shop")],
)
def test_without_a_placeholder_the_application_has_the_rules_name(source: str, name: str) -> None:
    named = replace(rule("deploy/{environment}", dev=None), source=source)
    assert named.name == name
    assert found(named, "deploy/dev/a.yaml") == [f"{name} in dev at deploy/dev"]


def test_a_file_beside_the_applications_is_none() -> None:
    assert found(rule("apps/{application}", dev=None), "apps/README.md", "apps/web/a.yaml") == [
        "web in dev at apps/web"
    ]


def test_a_placeholder_never_takes_a_hidden_directory() -> None:
    assert found(rule("{application}", dev=None), ".promoter/holds/x.yaml", "web/a.yaml") == [
        "web in dev at web"
    ]


def test_a_name_that_stands_twice_is_the_same_name() -> None:
    assert found(
        rule("{environment}/{application}/{application}-{environment}.yaml", dev=None),
        "dev/web/web-dev.yaml",
        "dev/web/api-dev.yaml",
        "dev/web/web-prod.yaml",
    ) == ["web in dev at dev/web/web-dev.yaml"]


def test_of_two_environments_that_fit_the_longer_does() -> None:
    files = ["web-eu-dev.yaml", "web-dev.yaml"]
    assert found(rule("{application}-{environment}.yaml", dev=None, eu_dev=None), *files) == [
        "web in dev at web-dev.yaml",
        "web in eu-dev at web-eu-dev.yaml",
    ]


def test_an_own_path_replaces_the_shared_one() -> None:
    assert found(
        rule("apps/{application}/{environment}", dev=None, production="live/{application}"),
        "apps/web/dev/a.yaml",
        "apps/web/production/a.yaml",
        "live/web/a.yaml",
    ) == ["web in dev at apps/web/dev", "web in production at live/web"]


def test_without_its_placeholder_the_application_is_called_like_the_rule_file() -> None:
    assert found(rule("{environment}/all.yaml", dev=None), "dev/all.yaml") == [
        "shop in dev at dev/all.yaml"
    ]


def test_two_patterns_that_match_one_path_give_one_target() -> None:
    twice = rule(["apps/{application}/dev", "apps/{application}/{environment}"], dev=None)
    assert found(twice, "apps/web/dev/a.yaml") == ["web in dev at apps/web/dev"]


def test_an_environment_without_any_target_is_a_problem_that_names_the_patterns() -> None:
    both = rule(["apps/{application}/{environment}", "more/{environment}"], dev=None, prod=None)
    discovery = discover(both, both.repository, ["apps/web/dev/a.yaml"])
    assert discovery.targets == (Target("web", "dev", "apps/web/dev"),)
    assert [str(problem) for problem in discovery.problems] == [
        (
            "rules/shop.yaml: prod has no target: nothing in the repository matches"
            " apps/{application}/{environment} or more/{environment}"
        )
    ]


def test_a_target_inside_another_blocks_both() -> None:
    nested = rule(None, dev="apps/{application}", prod="apps/{application}/overlays/prod")
    assert problems(nested, "apps/web/overlays/prod/a.yaml") == [
        (
            "web in prod overlaps web in dev: apps/web/overlays/prod lies in apps/web:"
            " give each a path of its own"
        )
    ]


def test_two_targets_at_one_path_block_each_other() -> None:
    assert problems(rule(None, dev="apps/{application}", prod="apps/web"), "apps/web/a.yaml") == [
        "web in dev overlaps shop in prod: both are apps/web: give each a path of its own"
    ]


def test_one_application_twice_in_one_environment_blocks_both() -> None:
    twice = rule(["a/{application}/{environment}", "b/{application}/{environment}"], dev=None)
    assert problems(twice, "a/web/dev/x.yaml", "b/web/dev/x.yaml") == [
        (
            "web in dev is found twice, at a/web/dev and at b/web/dev:"
            " change the patterns so that one is left"
        )
    ]


def test_only_what_overlaps_is_blocked() -> None:
    nested = rule(None, dev="apps/{application}", prod="live/{application}")
    more = ["apps/web/a.yaml", "live/web/a.yaml", "apps/a b/x.yaml"]
    discovery = discover(nested, nested.repository, more)
    assert [str(target) for target in discovery.targets] == ["web in dev", "web in prod"]
    assert [problem.message for problem in discovery.problems] == [
        (
            "'apps/a b': 'a b' can't name an application: letters, digits, '.', '_' and '-',"
            " beginning with a letter or digit"
        )
    ]


@pytest.mark.parametrize("name", ["-x", "a..b", "a.lock", "a.", "ä", "a@{b"])
def test_a_name_that_no_branch_can_hold_is_no_application(name: str) -> None:
    (problem,) = problems(rule("apps/{application}", dev=None), f"apps/{name}/a.yaml")
    assert "can't name an application" in problem


def test_a_hundred_thousand_files() -> None:
    files = [
        f"apps/app-{number // 100:03}/overlays/{('dev', 'prod')[number % 2]}/{number}.yaml"
        for number in range(100_000)
    ]
    layout = rule("apps/{application}/overlays/{environment}", dev=None, prod=None)
    discovery = discover(layout, layout.repository, reversed(files))
    assert len(discovery.targets) == 2_000
    assert discovery.problems == ()


_NAME = st.from_regex(re.compile(r"[a-z0-9]([a-z0-9_-]{0,6}[a-z0-9])?", re.ASCII), fullmatch=True)
_LITERAL = st.from_regex(re.compile(r"[a-z0-9_-]{1,4}"), fullmatch=True)
_COMPONENT = st.one_of(
    st.sampled_from(["{application}", "{environment}"]),
    _LITERAL,
    st.tuples(_LITERAL, st.sampled_from(["{application}", "{environment}"])).map("".join),
    st.tuples(st.sampled_from(["{application}", "{environment}"]), _LITERAL).map("".join),
)


@given(
    st.lists(_COMPONENT, min_size=1, max_size=5).map("/".join),
    st.sampled_from(["", ".yaml"]),
    _NAME,
    st.lists(_NAME, min_size=1, max_size=3, unique=True),
    st.data(),
)
def test_what_is_written_by_a_pattern_is_found_by_it(
    text: str, ending: str, application: str, environments: list[str], data: st.DataObject
) -> None:
    text += ending
    environment = data.draw(st.sampled_from(environments))
    path = text.replace("{application}", application).replace("{environment}", environment)
    match = Pattern.parse(text).expression(environments).match(path if ending else f"{path}/x.yaml")
    assert match is not None
    assert match[0] == path
    # Each component has one placeholder at most, so there is one way to read it.
    names = match.groupdict()
    assert names.get("application", application) == application
    assert names.get("environment", environment) == environment


@given(st.text(alphabet="{}/.*ab\\application environment", max_size=30))
def test_any_text_is_a_pattern_or_refused_with_a_reason(text: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
    else:
        pattern.expression(["dev"]).match("apps/web/dev/a.yaml")
