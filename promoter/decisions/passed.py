"""Whether a target went past a release: what runs there now is later."""

from __future__ import annotations

from promoter.decisions.standing import Standing, compare_releases
from promoter.model.facts import Facts, PeriodsOf, TipOf
from promoter.model.plan import Decision
from promoter.model.release import Release
from promoter.model.rule import Rule


def has_passed(decision: Decision, asked: Release, rule: Rule, facts: Facts) -> bool:
    """Whether what runs is later than `asked`, whose artifacts may be fewer than the target's.

    Raises NotAsked, NotKnown.
    """
    if decision.running is None:
        return False
    target, artifacts = decision.target, rule.artifacts_for(decision.target.application)
    tip = facts.need(TipOf(rule.repository))
    periods = facts.need(PeriodsOf(rule.repository, tip.commit, target, tuple(artifacts)))
    kept = (each for each in decision.running.artifacts if asked.get(each.name) is None)
    release = Release.of((*kept, *asked.artifacts))
    before = [each.release for each in periods if each.release]
    standing = compare_releases(decision.running, release, before, artifacts, facts)
    return standing is Standing.BACKWARDS
