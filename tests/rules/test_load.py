"""What a rule file becomes."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.errors import Where
from promoter.model.rule import (
    ArtifactRule,
    CommitTexts,
    EnvironmentRule,
    GateRule,
    RepositoryAddress,
    RequestTexts,
    Rule,
    Select,
    Upstream,
)
from promoter.rules import load_rules, words
from tests.rules.files import FILE, SHOP, complaints, load


def test_the_common_case() -> None:
    soak = timedelta(minutes=30)
    assert load(SHOP) == Rule(
        source=FILE,
        repository=RepositoryAddress("https://gitlab.com/shop/manifests.git", "main", "gitlab"),
        artifacts=(
            ArtifactRule("harbor.example.com/apps/{application}", Select("semver", ">=1.0")),
        ),
        applications=("apps/{application}/overlays/{environment}",),
        environments=(
            EnvironmentRule("dev", Upstream(), merge="automatic"),
            EnvironmentRule(
                "staging", Upstream(("dev",)), (GateRule("soak", (("duration", soak),)),)
            ),
            EnvironmentRule(
                "production",
                Upstream(("staging",)),
                (
                    GateRule("soak", (("duration", timedelta(days=1)),)),
                    GateRule("approvals", (("count", 2),)),
                ),
            ),
        ),
        where=Where(FILE),
    )


def test_everything_that_an_artifact_can_say() -> None:
    rule = load(
        SHOP.replace(
            '    select: {semver: ">=1.0"}\n',
            r"""
    select: {semver: "1.x"}
    tags: 'v(?P<version>.+)'
    ignore: ["*-debug", v1.4.0]
    prereleases: true
    platforms: [linux/amd64, linux/arm64/v8, linux/arm]
    minimum-age: 1d12h
    pin: digest
  - {image: redis, select: {newest: build}}
  - {image: nginx, select: {tag: "1.27"}, platforms: [windows/amd64], minimum-age: 7d}
  - {image: pip, select: {calver: YY.MINOR.MICRO-MODIFIER}, prereleases: true}
  - {image: app, select: {numeric: desc}, tags: "build-(?<version>[0-9]+)"}
  - {image: web, select: {alphabetical: asc}}
""",
        )
    )
    assert rule.artifacts == (
        ArtifactRule(
            "harbor.example.com/apps/{application}",
            Select("semver", "1.x"),
            tags="v(?P<version>.+)",
            ignore=("*-debug", "v1.4.0"),
            prereleases=True,
            platforms=("linux/amd64", "linux/arm64", "linux/arm/v7"),
            minimum_age=timedelta(days=1, hours=12),
            pin="digest",
        ),
        ArtifactRule("redis", Select("newest", "build")),
        ArtifactRule(
            "nginx",
            Select("tag", "1.27"),
            platforms=("windows/amd64",),
            minimum_age=timedelta(days=7),
        ),
        ArtifactRule("pip", Select("calver", "YY.MINOR.MICRO-MODIFIER"), prereleases=True),
        ArtifactRule("app", Select("numeric", "desc"), tags="build-(?<version>[0-9]+)"),
        ArtifactRule("web", Select("alphabetical", "asc")),
    )


def test_everything_that_a_merge_request_and_a_commit_can_say() -> None:
    rule = load(
        SHOP.replace(
            "version: 1\n",
            """\
version: 1
merge-request:
  title: "{{ title }}!"
  body: |
    Hello.

    {{ body }}
  labels: [promotion, "env/{{ environment }}"]
  reviewers: [ada, "renovate[bot]"]
  assignees: [grace.hopper_1]
commit: {message: "{{ title }}", author: Promotions <promotions@example.com>}
""",
        ).replace(
            "      - approvals: 2",
            "      - checks: ['build (ubuntu, 3.11)', ci/scan]\n    open: early",
        )
    )
    assert rule.request == RequestTexts(
        "{{ title }}!",
        "Hello.\n\n{{ body }}\n",
        ("promotion", "env/{{ environment }}"),
        ("ada", "renovate[bot]"),
        ("grace.hopper_1",),
    )
    assert rule.commit == CommitTexts("{{ title }}", "Promotions <promotions@example.com>")
    production = rule.environment("production")
    assert (production.open, rule.environment("dev").open) == ("early", "ready")
    checks = GateRule("checks", (("name", "build (ubuntu, 3.11)"), ("name", "ci/scan")))
    assert production.require[1] == checks
    assert checks.text == "checks: build (ubuntu, 3.11), ci/scan"


def test_who_says_nothing_of_them_gets_the_usual_ones() -> None:
    assert (load(SHOP).request, load(SHOP).commit) == (RequestTexts(), CommitTexts())


def test_environments_come_upstream_first_and_else_as_they_stand() -> None:
    rule = load(
        SHOP.partition("environments:")[0]
        + """\
environments:
  production: {after: [us, eu]}
  us: {after: {any: [qa, dev]}, path: "us/{application}/"}
  qa:
  eu: {after: qa, path: [eu/a, eu/b]}
  dev:
"""
    )
    assert [each.name for each in rule.environments] == ["qa", "eu", "dev", "us", "production"]
    assert rule.environment("us").after == Upstream(("qa", "dev"), "any")
    assert rule.environment("production").after == Upstream(("us", "eu"), "all")
    assert rule.environment("us").paths == ("us/{application}",)
    assert rule.environment("eu").paths == ("eu/a", "eu/b")
    assert rule.environment("qa").paths is None


@pytest.mark.parametrize(
    ("url", "forge"),
    [
        ("https://github.com/shop/manifests", "github"),
        ("git@github.com:shop/manifests.git", "github"),
        ("ssh://git@GitLab.com/shop/manifests.git", "gitlab"),
        ("file:///srv/git/manifests.git", "local"),
        ("/srv/git/manifests.git", "local"),
        ("../manifests", "local"),
    ],
)
def test_well_known_hosts_and_paths_name_their_forge(url: str, forge: str) -> None:
    rule = load(SHOP.replace("https://gitlab.com/shop/manifests.git", url))
    assert rule.repository == RepositoryAddress(url, "main", forge)


def test_another_host_is_asked_for_its_forge_and_believed() -> None:
    unnamed = SHOP.replace("gitlab.com", "git.example.com:8443")
    assert complaints(unnamed) == [
        "2:1: repository.forge: is missing: say what git.example.com is: github, gitlab or local"
    ]
    named = load(unnamed.replace("branch: main", "forge: github"))
    assert named.repository.forge == "github"
    assert named.repository.branch is None


def test_anchors_and_aliases_repeat_what_they_name() -> None:
    rule = load(
        SHOP.replace("      - soak: 30m", "      - &long {soak: 2h}").replace(
            "      - soak: 24h", "      - *long"
        )
    )
    two_hours = GateRule("soak", (("duration", timedelta(hours=2)),))
    assert rule.environment("staging").require == (two_hours,)
    assert rule.environment("production").require[0] == two_hours


def test_an_error_in_an_alias_is_told_where_a_person_mends_it() -> None:
    text = SHOP.replace("      - soak: 30m", "      - &long {soak: 2}").replace(
        "      - soak: 24h", "      - *long"
    )
    expected = "expected a duration such as 30m, 24h or 7d, found the number 2"
    assert complaints(text) == [
        f"15:22: environments.production.require[0].soak: {expected}",
        f"15:22: environments.staging.require[0].soak: {expected}",
    ]


def test_a_broken_file_never_stops_the_others() -> None:
    files = {"a.yaml": SHOP, "b.yaml": "version: 2\n", "c.yaml": "{", "d.yaml": SHOP}
    rules, errors = load_rules(files)
    assert [rule.source for rule in rules] == ["a.yaml", "d.yaml"]
    assert {error.where.file for error in errors if error.where} == {"b.yaml", "c.yaml"}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "shop .yaml",
            " shop.yaml",
            "a\nb.yaml",
            "a\u2028b.yaml",
            "shop\u00a0.yaml",
            "a\x1b[0m.yaml",
        ),
        *("a-->b.yaml", "a--!>.yaml", "<b>.yaml", "\udcff.yaml"),
    ],
)
def test_a_file_whose_name_can_not_stand_in_a_commit_message_is_refused(name: str) -> None:
    rules, errors = load_rules({f"rules/{name}": SHOP, FILE: SHOP})
    assert [rule.source for rule in rules] == [FILE]
    (error,) = errors
    assert str(error).isprintable()
    assert error.message == (
        "the file's name names the rule: rename it without '<', '>', control characters and"
        " spaces at its ends"
    )


def test_a_name_with_a_space_inside_is_none_of_those() -> None:
    (rule,), errors = load_rules({"my rules/the shop.yaml": SHOP})
    assert (rule.name, errors) == ("the shop", ())


def test_rules_are_hashable_because_questions_hold_them() -> None:
    assert len({load(SHOP), load(SHOP)}) == 1


def test_who_loads_no_rules_does_not_pay_for_pydantic() -> None:
    code = "import sys, promoter.rules; print({'pydantic', 'ruamel.yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_the_shapes_give_a_json_schema_that_names_every_policy_and_gate() -> None:
    from promoter.rules.shape import RuleShape

    definitions = RuleShape.model_json_schema()["$defs"]
    assert {"platforms", "minimum-age"} <= set(definitions["ArtifactShape"]["properties"])
    assert set(definitions["SelectShape"]["properties"]) == set(words.POLICIES)
    assert set(definitions["GateShape"]["properties"]) == set(words.GATES)
    assert definitions["GateShape"]["maxProperties"] == 1


_SCRAPS = st.sampled_from(
    [
        *SHOP.splitlines(keepends=True),
        *("  ", "\t", ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "!!x ", "|", ">", "'", '"', "#"),
        *("%YAML 1.1\n", "---\n", "...\n", "<<: ", "yes", "1.0", "\\", "\x85", "\r", "\x07"),
    ]
)


@given(st.one_of(st.text(), st.lists(_SCRAPS).map("".join), st.text(st.characters())))
def test_any_text_gives_rules_or_errors_with_a_place(text: str) -> None:
    rules, errors = load_rules({"any.yaml": text})
    assert bool(rules) != bool(errors)
    for error in errors:
        assert error.where is not None
        assert error.where.line >= 1
        assert "\n" not in str(error)


@given(st.data())
def test_a_file_with_pieces_taken_out_or_swapped_never_breaks_the_loader(
    data: st.DataObject,
) -> None:
    text = SHOP
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        text = text[:start] + data.draw(st.one_of(st.just(""), _SCRAPS)) + text[end:]
    rules, errors = load_rules({"any.yaml": text})
    assert bool(rules) != bool(errors)


def test_what_is_not_unicode_is_an_error_too() -> None:
    assert complaints("version: 1\nuse: \udc80") == [
        "2:6: the character U+DC80 can't stand in YAML: remove it"
    ]
