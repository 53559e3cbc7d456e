"""Who claims what: a branch belongs to one target, and a site to one as well.

Two rules may look at one repository under different spellings of its address, and at one folder
under different names; without this each would undo what the other wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from promoter.decisions.branches import branch_name, group_branch
from promoter.decisions.scene import Scene
from promoter.decisions.situation import reading_question
from promoter.model.facts import Facts, Known, ReadingOf, Unknown
from promoter.model.rule import RepositoryAddress, Rule
from promoter.model.target import Reading, Target

_Branch = tuple[str, str]
_Site = tuple[str, str, str, int, str]


@dataclass(frozen=True)
class Claims:
    """The rules that claim a branch; the targets that claim a site, once their sites are known;
    what was not asked yet of the others."""

    branches: dict[_Branch, list[str]]
    sites: dict[_Site, list[tuple[str, Target]]]
    unread: set[ReadingOf]
    contested: set[tuple[str, Target]]
    """By rule: all that claim a branch or a site that somebody else claims, too."""
    read: list[tuple[ReadingOf, Known[Reading] | Unknown | None]]
    """All that it was made of, beside the scenes."""

    def hold_for(self, facts: Facts) -> bool:
        """Whether the same facts are known of the same scenes: a look decides again after each
        round of questions, and few of those are about sites."""
        return all(facts.get(question) is answer for question, answer in self.read)

    def holds(self, repository: RepositoryAddress, branch: str) -> bool:
        """Whether some rule claims this branch of a repository."""
        return (repository.key, branch) in self.branches

    def belongs_to(self, rule: Rule, repository: RepositoryAddress, branch: str) -> bool:
        """Whether this rule claims a branch, and no other does."""
        return set(self.branches.get((repository.key, branch), ())) == {rule.source}

    def rivalry(self, scene: Scene, target: Target, facts: Facts) -> str | None:
        """Why the target can't be decided, as a sentence: somebody else claims the same."""
        if (scene.rule.source, target) not in self.contested:
            return None
        repository = scene.rule.repository_of(target.environment)
        for branch in _branches(scene, target):
            rules = self.branches[repository.key, branch]
            if len(rules) > 1:
                return f"claimed by {' and '.join(sorted(rules))}; leave it to one rule"
        question = reading_question(scene, target)
        for site in _sites(scene, target, facts.get(question) if question else None):
            others = [(rule, each) for rule, each in self.sites[site] if each != target]
            if others:
                rule, other = others[0]
                _, _, file, _, place = site
                pointer, _, name = place.partition(" ")
                return f"{name} at {file}#{pointer} is claimed by {other} of {rule} as well"
        return None


def gather(scenes: Sequence[Scene], facts: Facts) -> Claims:
    """The claims of all rules, as far as the facts go."""
    claims = Claims(defaultdict(list), defaultdict(list), set(), set(), [])
    claimants: dict[_Branch, list[tuple[str, Target]]] = defaultdict(list)
    for scene in scenes:
        for target in scene.targets.values():
            who = (scene.rule.source, target)
            repository = scene.rule.repository_of(target.environment)
            branch, *of_group = _branches(scene, target)
            claims.branches[repository.key, branch].append(scene.rule.source)
            for shared in of_group:
                rules = claims.branches[repository.key, shared]
                if scene.rule.source not in rules:
                    rules.append(scene.rule.source)
            for each in (branch, *of_group):
                claimants[repository.key, each].append(who)
            question = reading_question(scene, target)
            reading = facts.get(question) if question else None
            if question:
                claims.read.append((question, reading))
                if reading is None:
                    claims.unread.add(question)
            for site in _sites(scene, target, reading):
                claims.sites[site].append(who)
    for place, rules in claims.branches.items():
        if len(rules) > 1:
            claims.contested.update(claimants[place])
    for several in claims.sites.values():
        if len(several) > 1:
            claims.contested.update(several)
    return claims


def _branches(scene: Scene, target: Target) -> tuple[str, ...]:
    """Its own, and that of the group that it travels with."""
    own, rule = branch_name(target), scene.rule
    if rule.environment(target.environment).group == "application":
        return (own,)
    return own, group_branch(rule.name, target.environment)


def _sites(scene: Scene, target: Target, reading: Known[Reading] | Unknown | None) -> list[_Site]:
    if not isinstance(reading, Known):
        return []
    base = scene.base_of(target.environment)
    where = (base.repository.key, base.tip.branch)
    return [
        # An entry that is still to be made (`/images/-`) is told by its name.
        (*where, site.where.file, site.document, f"{site.pointer} {site.image.name}")
        for site in reading.value.sites
    ]
