"""Stages that are written once for several environments, and environments that live elsewhere."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from promoter.model.image import ImageName
from promoter.model.rule import GateRule, Limits, RepositoryAddress, Upstream
from promoter.rules.layout import discover
from tests.rules.files import complaints, load

WHOLE = """\
version: 1
repository: {url: https://git.example.com/shop.git, branch: main, forge: local}
artifacts:
  - image: harbor.dev/apps/{application}
    select: {semver: ">=1.0"}
applications: apps/{application}/{environment}
environments:
  staging:
  production:
    after: staging
    path:
      - apps/{application}/{environment}/{region}-{tier}
      - charts/{application}/{tier}/{region}
    each: {region: [eu, us, ap], tier: [blue, green]}
    waves:
      - {region: eu, tier: blue}
      - {region: [eu, us]}
      - {region: "*", require: [{soak: 2h}]}
    require: [{soak: 24h}, {approvals: 1}]
  dr: {after: production, path: "dr/{application}"}
  edge: {after: {any: [production-eu-blue, production-us-blue]}, path: "edge/{application}"}
"""
WAVES = (
    ("production-eu-blue",),
    ("production-eu-green", "production-us-blue", "production-us-green"),
    ("production-ap-blue", "production-ap-green"),
)


def test_each_value_is_an_environment_and_waves_come_one_after_the_other() -> None:
    rule = load(WHOLE)
    names = [each.name for each in rule.environments]
    assert names == ["staging", *WAVES[0], *WAVES[1], *WAVES[2], "dr", "edge"]
    assert {rule.environment(name).stage for wave in WAVES for name in wave} == {"production"}
    assert rule.environment("staging").stage == ""
    assert rule.environment(WAVES[0][0]).after == Upstream(("staging",))
    for before, wave in pairwise(WAVES):
        for name in wave:
            assert rule.environment(name).after == Upstream(before), "all of the wave before"
    assert rule.environment("dr").after == Upstream(tuple(n for wave in WAVES for n in wave))
    assert rule.environment("edge").after == Upstream((WAVES[0][0], "production-us-blue"), "any")


def test_what_the_stage_requires_of_its_upstream_goes_on_to_be_asked_of_that() -> None:
    rule = load(WHOLE)
    day, hours = (GateRule("soak", (("duration", timedelta(hours=h)),)) for h in (24, 2))
    assert rule.environment(WAVES[0][0]).require[0] == day
    first, _, second = rule.environment(WAVES[2][0]).require
    assert (first.text, first.of) == ("soak: 1d", Upstream(("staging",)))
    assert second == hours, "of the wave before"


def test_paths_hold_the_values_and_the_name_of_the_stage() -> None:
    rule = load(WHOLE)
    assert rule.environment("production-us-green").paths == (
        "apps/{application}/production/us-green",
        "charts/{application}/green/us",
    )
    found = discover(
        rule,
        rule.repository,
        ["apps/web/staging/a.yaml", "apps/web/production/us-green/a.yaml", "charts/web/blue/eu/a"],
    )
    assert [(each.environment, each.path) for each in found.targets] == [
        ("staging", "apps/web/staging"),
        ("production-eu-blue", "charts/web/blue/eu"),
        ("production-us-green", "apps/web/production/us-green"),
    ]


def test_a_wave_of_one_key_takes_all_values_of_the_others() -> None:
    short = WHOLE.replace("      - {region: eu, tier: blue}\n", "")
    first = [f"production-{r}-{t}" for r in ("eu", "us") for t in ("blue", "green")]
    rule = load(short)
    assert rule.environment("production-ap-blue").after == Upstream(tuple(first))


def test_in_branches_of_their_own_environments_may_share_a_path() -> None:
    text = WHOLE.partition("environments:")[0].replace("/{environment}", "")
    assert "{environment}" not in text
    own = "{after: dev, repository: {branch: env/staging}}"
    rule = load(f"{text}environments:\n  dev:\n  staging: {own}\n")
    assert [each.branch for each in rule.repositories] == ["main", "env/staging"]
    for other in ("{after: dev}", "{after: dev, repository: {branch: main}}"):
        (error,) = complaints(f"{text}environments:\n  dev:\n  staging: {other}\n")
        assert "must hold {environment}: dev and staging share it" in error


def test_environments_live_in_other_repositories_and_branches() -> None:
    rule = load(
        WHOLE.partition("environments:")[0]
        + """\
environments:
  dev:
  staging: {after: dev, repository: {branch: env/staging}}
  production:
    after: staging
    repository: {url: git@github.com:shop/production.git}
  dr: {after: staging, repository: {url: https://git.example.com/dr.git, forge: gitlab}}
"""
    )
    url = "https://git.example.com/shop.git"
    addresses = [
        RepositoryAddress(url, "main", "local"),
        RepositoryAddress(url, "env/staging", "local"),
        RepositoryAddress("git@github.com:shop/production.git", None, "github"),
        RepositoryAddress("https://git.example.com/dr.git", None, "gitlab"),
    ]
    assert list(rule.repositories) == addresses
    assert [rule.repository_of(each.name) for each in rule.environments] == addresses
    files = ["apps/web/dev/a.yaml", "apps/web/staging/a.yaml"]
    found = discover(rule, addresses[1], files)
    assert [each.environment for each in found.targets] == ["staging"], "its own branch only"


@pytest.mark.parametrize(
    ("images", "here"),
    [
        ("harbor.dev/apps/: harbor.prod/apps/", "harbor.prod/apps/web"),
        ("harbor.dev: harbor.prod", "harbor.prod/apps/web"),
        ("harbor.dev/apps/web: harbor.prod/frontend", "harbor.prod/frontend"),
        ("harbor.dev/: a.example/, harbor.dev/apps/: b.example/x/", "b.example/x/web"),
        ("harbor.dev/app: harbor.prod/app", "harbor.dev/apps/web"),
        ("harbor.de: harbor.prod", "harbor.dev/apps/web"),
        ("other.dev/: harbor.prod/", "harbor.dev/apps/web"),
        ("harbor.dev/apps/: docker.io/shop", "docker.io/shop/web"),
    ],
)
def test_images_have_other_names_where_the_longest_beginning_says_so(
    images: str, here: str
) -> None:
    rule = load(WHOLE.replace("  staging:\n", f"  staging: {{images: {{{images}}}}}\n"))
    (name,) = rule.artifacts_in("web", "staging")
    assert str(name) == here
    assert list(rule.artifacts_in("web", "dr")) == [ImageName.parse("harbor.dev/apps/web")]


def test_limits_and_lockstep_are_read() -> None:
    rule = load(WHOLE)
    assert (rule.lockstep, rule.limits) == (False, Limits(10, None, None, ()))
    more = "lockstep: true\nlimits: {open: 50, files: 20, lines: 300, paths: [apps/**]}\n"
    rule = load(f"{WHOLE}{more}")
    assert (rule.lockstep, rule.limits) == (True, Limits(50, 20, 300, ("apps/**",)))
