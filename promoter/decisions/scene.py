"""What is looked at before any target is decided: base branches with their merge requests, and the
targets that a rule has on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from promoter.decisions.branches import branch_name
from promoter.decisions.groups.shares import shares
from promoter.model.facts import (
    Facts,
    Known,
    MergeRequestsOf,
    NotKnown,
    TargetsOf,
    Tip,
    TipOf,
    ask_together,
)
from promoter.model.ledger import Wish
from promoter.model.ports import MergeRequest
from promoter.model.rollback import Rollback
from promoter.model.rule import RepositoryAddress, Rule
from promoter.model.target import Problem, Target

Names = tuple[str, str]
"""A target by its application and environment."""


def names_of(target: Target) -> Names:
    return target.application, target.environment


@dataclass(frozen=True)
class Base:
    """A base branch: its tip, and the merge requests into it by their branch (none while they are
    not known); `foreign` are the open ones that are not the bot's."""

    repository: RepositoryAddress
    tip: Tip
    requests: Mapping[str, Sequence[MergeRequest]]
    foreign: tuple[MergeRequest, ...] = ()
    shared: Mapping[str, Sequence[MergeRequest]] = field(default_factory=dict)
    """By the branch of each target that is in a group's request, what that is to it."""

    def requests_of(self, target: Target) -> tuple[MergeRequest, ...]:
        """All merge requests that bring or brought something to a target, its own and those that
        it shares (see `shares`), the newest first."""
        branch = branch_name(target)
        own, shared = self.requests.get(branch, ()), self.shared.get(branch, ())
        if not shared:
            return tuple(own)
        return tuple(sorted((*own, *shared), key=lambda each: -each.number))


@dataclass(frozen=True)
class Scene:
    """What all targets of a rule share: the base branches of its environments, those that nobody
    tells about (`silent`), and every target by name. `problems` are those of the layout; `wishes`
    and `rollbacks` are those of now, earlier ones are in the ledger and in merge requests."""

    rule: Rule
    bases: Mapping[RepositoryAddress, Base]
    silent: Mapping[RepositoryAddress, NotKnown]
    targets: Mapping[Names, Target]
    problems: tuple[Problem, ...] = ()
    wishes: tuple[Wish, ...] = ()
    rollbacks: tuple[Rollback, ...] = ()

    def is_silent(self, environment: str) -> bool:
        return self.rule.repository_of(environment) in self.silent

    def base_of(self, environment: str) -> Base:
        """Where an environment lives. Raises NotKnown where that repository does not answer."""
        address = self.rule.repository_of(environment)
        if address in self.silent:
            raise self.silent[address]
        return self.bases[address]


@dataclass(frozen=True)
class Bases:
    """The base branches of all rules, as far as the facts go."""

    known: Mapping[RepositoryAddress, Base]
    silent: Mapping[RepositoryAddress, NotKnown]


def look_at_bases(rules: Iterable[Rule], facts: Facts) -> Bases:
    """Raises NotAsked with all that is missing of any of them."""
    addresses = dict.fromkeys(address for rule in rules for address in rule.repositories)
    known: dict[RepositoryAddress, Base] = {}
    silent: dict[RepositoryAddress, NotKnown] = {}

    def look(address: RepositoryAddress) -> None:
        try:
            known[address] = _look_at_base(address, facts)
        except NotKnown as error:
            silent[address] = error

    ask_together(partial(look, address) for address in addresses)
    return Bases(known, silent)


def _look_at_base(address: RepositoryAddress, facts: Facts) -> Base:
    requests_of = MergeRequestsOf(address)
    facts.prefetch(requests_of)
    tip = facts.need(TipOf(address))
    answer = facts.get(requests_of)
    told = answer.value if isinstance(answer, Known) else ()
    requests: dict[str, list[MergeRequest]] = {}
    shared: dict[str, list[MergeRequest]] = {}
    for each in told:
        if not each.foreign:
            requests.setdefault(each.branch, []).append(each)
            for branch, share in shares(each):
                shared.setdefault(branch, []).append(share)
    return Base(address, tip, requests, tuple(each for each in told if each.foreign), shared)


def set_scene(
    rule: Rule,
    bases: Bases,
    wishes: tuple[Wish, ...],
    rollbacks: tuple[Rollback, ...],
    facts: Facts,
) -> Scene:
    """Raises NotAsked."""
    silent = {each: bases.silent[each] for each in rule.repositories if each in bases.silent}
    known = {each: bases.known[each] for each in rule.repositories if each in bases.known}
    targets: dict[Names, Target] = {}
    problems: list[Problem] = []
    questions = [TargetsOf(rule, each.repository, each.tip.commit) for each in known.values()]
    facts.prefetch(*questions)
    for question in questions:
        try:
            found = facts.need(question)
        except NotKnown as error:
            silent[question.repository] = error
            del known[question.repository]
            continue
        targets |= {names_of(each): each for each in found.targets}
        problems += found.problems
    order = {each.name: index for index, each in enumerate(rule.environments)}
    in_order = sorted(targets.items(), key=lambda item: (item[0][0], order[item[0][1]]))
    return Scene(rule, known, silent, dict(in_order), tuple(problems), wishes, rollbacks)
