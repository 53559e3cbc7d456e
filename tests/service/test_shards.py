"""Rules that share a repository are decided together, and no repository is in two looks."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from promoter.errors import Where
from promoter.model.rule import EnvironmentRule, RepositoryAddress, Rule, Upstream
from promoter.service.shards import divide


def rule(name: str, *repositories: str) -> Rule:
    addresses = [
        RepositoryAddress(f"https://git.example.com/{each}", None, "gitlab")
        for each in repositories
    ]
    environments = tuple(
        EnvironmentRule(f"e{number}", Upstream(), repository=each)
        for number, each in enumerate(addresses)
    )
    return Rule(f"{name}.yaml", addresses[0], (), (), environments, Where(f"{name}.yaml"))


def test_rules_of_one_repository_are_one_shard_and_others_are_apart() -> None:
    rules = [rule("web", "shop.git"), rule("api", "shop"), rule("bank", "bank")]
    shards = divide(rules)
    assert [[each.source for each in shard.rules] for shard in shards] == [
        ["web.yaml", "api.yaml"],
        ["bank.yaml"],
    ]
    assert [each.name for each in shards] == [
        "https://git.example.com/shop.git",
        "https://git.example.com/bank",
    ]


def test_a_rule_over_two_repositories_ties_them_together() -> None:
    shards = divide([rule("web", "shop"), rule("bank", "bank"), rule("both", "shop", "bank")])
    assert [len(each.rules) for each in shards] == [3]
    assert len(shards[0].repositories) == 2


def test_a_password_in_an_address_names_no_shard() -> None:
    address = RepositoryAddress("https://bot:canary@git.example.com/shop", None, "gitlab")
    environments = (EnvironmentRule("dev", Upstream()),)
    (shard,) = divide([replace(rule("web", "shop"), repository=address, environments=environments)])
    assert "canary" not in shard.name


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3), max_size=8))
def test_every_rule_is_in_one_shard_and_every_repository_in_one_at_most(
    repositories: list[list[str]],
) -> None:
    rules = [rule(f"r{number}", *each) for number, each in enumerate(repositories)]
    shards = divide(rules)
    assert sorted(each.source for shard in shards for each in shard.rules) == sorted(
        each.source for each in rules
    )
    held = [each for shard in shards for each in shard.repositories]
    assert len(held) == len(set(held))
    for shard in shards:
        reached, grew = set(shard.rules[0].repositories), True
        while grew:
            tied = {a for r in shard.rules if reached & set(r.repositories) for a in r.repositories}
            grew, reached = not tied <= reached, reached | tied
        assert reached == set(shard.repositories)
