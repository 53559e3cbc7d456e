"""What a policy makes of one image's tags now, for people who debug a rule."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.policy import Choice, Followed
from promoter.model.facts import DetailsOf, DigestOf, Facts, Known, TagsOf
from promoter.model.image import ImageName
from promoter.model.plan import PassedOver
from promoter.model.ports import ImageDetails
from promoter.model.version import SemanticVersion

_RUNS = re.compile(r"[0-9]+|[^0-9]+")
_MOST_NEAR = 3


@dataclass(frozen=True)
class Reason:
    """Why one tag is chosen or not, as what follows its name."""

    chosen: bool
    why: str


@dataclass(frozen=True)
class Examination:
    """A policy's choice; `created` and `platforms` of the chosen image as far as it says them.

    `listed` is what the registry lists; None where the policy does not ask for a list. `ages` are
    the creation times that the policy went by.
    """

    choice: Choice
    created: datetime | None = None
    platforms: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None
    ages: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def passed_over(self) -> tuple[PassedOver, ...]:
        """Every tag that was not chosen, newest first: by age where the policy goes by it, else as
        far as versions tell."""
        ages = self.ages
        aged = [each for each in self.choice.passed_over if each.what in ages]
        aged.sort(key=lambda each: (ages[each.what], each.what), reverse=True)
        rest = (each for each in self.choice.passed_over if each.what not in ages)
        return (*aged, *_newest_first(rest))

    def reason(self, tag: str) -> Reason:
        """Why `tag` is chosen or not."""
        image = self.choice.image
        if image is not None and image.tag == tag:
            return Reason(True, "is chosen")
        for each in self.choice.passed_over:
            if each.what == tag:
                return Reason(False, each.why)
        if self.listed is None:
            return Reason(False, "is not looked at by this policy")
        if tag in self.listed:
            return Reason(False, "is listed, and the policy says nothing of it")
        near = difflib.get_close_matches(tag, self.listed, _MOST_NEAR)
        hint = f"; it lists {', '.join(near)}" if near else ""
        return Reason(False, f"is not listed by the registry{hint}")


def examine(followed: Followed, facts: Facts) -> Examination:
    """Raises NotAsked and NotKnown as policies do; what the chosen image says of itself is asked
    for as well, but its absence stops nothing. `followed` names no repository: without a ledger
    no tag is known to have moved, so the policy's choice has no `stop`."""
    choice = POLICIES[followed.artifact.select.policy].select(followed, facts)
    tags = facts.get(TagsOf(followed.name))
    found = Examination(
        choice,
        listed=tags.value if isinstance(tags, Known) else None,
        ages=_ages(followed, choice, facts),
    )
    if choice.image is None or choice.image.digest is None:
        return found
    question = DetailsOf(followed.name, choice.image.digest)
    facts.prefetch(question)
    details = _details(followed.name, choice.image.digest, facts)
    if details is None:
        return found
    return replace(found, created=details.created, platforms=details.platforms)


def _ages(followed: Followed, choice: Choice, facts: Facts) -> Mapping[str, datetime]:
    if followed.artifact.select.policy != "newest":
        return {}
    ages: dict[str, datetime] = {}
    for each in choice.passed_over:
        digest = facts.get(DigestOf(followed.name, each.what))
        if isinstance(digest, Known) and digest.value is not None:
            details = _details(followed.name, digest.value, facts)
            if details is not None and details.created is not None:
                ages[each.what] = details.created
    return ages


def _details(name: ImageName, digest: str, facts: Facts) -> ImageDetails | None:
    """None where they are not known, too."""
    answer = facts.get(DetailsOf(name, digest))
    return answer.value if isinstance(answer, Known) else None


def _newest_first(passed_over: Iterable[PassedOver]) -> list[PassedOver]:
    """Semantic versions from the highest down, then the rest as people sort numbered names."""
    versions: list[tuple[SemanticVersion, str, PassedOver]] = []
    others: list[tuple[list[tuple[int, str]], PassedOver]] = []
    for each in passed_over:
        version = SemanticVersion.parse(each.what)
        if version is not None:
            versions.append((version, each.what, each))
        else:
            others.append((_natural(each.what), each))
    versions.sort(key=lambda entry: entry[:2], reverse=True)
    others.sort(key=lambda entry: entry[0], reverse=True)
    return [*(entry[2] for entry in versions), *(entry[1] for entry in others)]


def _natural(text: str) -> list[tuple[int, str]]:
    """`build-9` before `build-10`: runs of digits compare as numbers, by length and then text."""
    pieces: list[tuple[int, str]] = []
    for run in _RUNS.findall(text):
        digits = run.lstrip("0")
        pieces.append((len(digits) + 1, digits) if run[0] in "0123456789" else (0, run))
    return pieces
