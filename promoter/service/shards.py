"""Rules that must be decided together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from promoter.access.redaction import redact
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
