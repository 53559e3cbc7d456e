"""Rules that must be decided together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from promoter.access.redaction import redact
from promoter.model.address import GitAddress
from promoter.model.rule import RepositoryAddress, Rule


@dataclass(frozen=True)
class Shard:
    """The rules that share manifest repositories, directly or through others: what one look looks
    at. No repository is in two shards, so that one reconcile runs on each at a time."""

    name: str
    """The address of its first repository, for people."""
    rules: tuple[Rule, ...]

    @property
    def repositories(self) -> tuple[RepositoryAddress, ...]:
        """Each repository and branch once."""
        return tuple(dict.fromkeys(each for rule in self.rules for each in rule.repositories))

    @property
    def places(self) -> frozenset[str]:
        """See `place_of`."""
        return frozenset(place_of(each.url) for each in self.repositories)


def divide(rules: Iterable[Rule]) -> tuple[Shard, ...]:
    """Every rule in exactly one shard, in the order of the rules."""
    groups: list[tuple[set[str], list[Rule]]] = []
    for rule in rules:
        keys, members = {each.key for each in rule.repositories}, [rule]
        apart: list[tuple[set[str], list[Rule]]] = []
        for known, others in groups:
            if known & keys:
                keys |= known
                members = [*others, *members]
            else:
                apart.append((known, others))
        groups = [*apart, (keys, members)]
    shards: list[Shard] = []
    for _, members in groups:
        first = min((each for rule in members for each in rule.repositories), key=lambda r: r.key)
        shards.append(Shard(redact(first.url), tuple(members)))
    return tuple(shards)


def place_of(url: str) -> str:
    """Where a repository is, the same for every protocol that it is served by:
    `git.example.com/team/shop` of its ssh and https addresses. What is no address is itself."""
    try:
        key = GitAddress.parse(url).key
    except ValueError:
        return url
    place = key.partition("://")[2] or key
    host, slash, path = place.partition("/")
    return f"{host.partition(':')[0]}{slash}{path}".lower()
