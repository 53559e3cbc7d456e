"""The same application in another environment: what ran there, in the words of this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from promoter.decisions.scene import Scene
from promoter.model.facts import Facts, MergeRequestsOf, Period, PeriodsOf
from promoter.model.image import ImageName
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.rule import ArtifactRule
from promoter.model.target import Target


@dataclass(frozen=True)
class Elsewhere:
    """`requests` are all merge requests of the branch there; `names` are the images' names there
    and here, None where they are the same."""

    environment: str
    periods: PeriodsOf
    requests: tuple[MergeRequest, ...]
    names: Mapping[ImageName, ImageName] | None = None

    @classmethod
    def of(
        cls,
        scene: Scene,
        target: Target,
        environment: str,
        artifacts: Mapping[ImageName, ArtifactRule],
    ) -> Elsewhere:
        """`artifacts` are those of `target`, by their names there. Raises NotKnown where the
        repository of the environment does not answer."""
        rule, base = scene.rule, scene.base_of(environment)
        there = scene.targets[target.application, environment]
        names = tuple(rule.artifacts_in(target.application, environment))
        renamed = dict(zip(names, artifacts, strict=True)) if names != tuple(artifacts) else None
        question = PeriodsOf(base.repository, base.tip.commit, there, names)
        return cls(environment, question, base.requests_of(there), renamed)

    def read(self, facts: Facts) -> tuple[Period, ...]:
        """What ran there, newest first. Raises NotAsked; NotKnown also where the merge requests
        there are not known: they tell since when a commit is in force, and what a tag named."""
        facts.need(MergeRequestsOf(self.periods.repository))
        periods = as_merged(facts.need(self.periods), self.requests)
        if self.names is None:
            return periods
        return tuple(
            replace(each, release=self.here(each.release)) if each.release else each
            for each in periods
        )

    def promoted(self) -> tuple[Release, ...]:
        """What merge requests brought there, newest first."""
        merged = [each for each in self.requests if each.state == "merged"]
        merged.sort(key=lambda each: -each.number)
        records = (Record.parse(each.body) for each in merged)
        return tuple(self.here(each.release) for each in records if each)

    def here(self, release: Release) -> Release:
        """A release from there in the words of here."""
        names = self.names or {}
        return Release.of(
            replace(each, name=names.get(each.name, each.name)) for each in release.artifacts
        )


def as_merged(periods: tuple[Period, ...], requests: Sequence[MergeRequest]) -> tuple[Period, ...]:
    """A fast-forward lands the very commit that was proposed, made perhaps days before: it runs
    since the forge merged it."""
    merged = {each.head: each.ended_at for each in requests if each.state == "merged"}
    return tuple(
        replace(each, since=max(each.since, at)) if (at := merged.get(each.commit)) else each
        for each in periods
    )
