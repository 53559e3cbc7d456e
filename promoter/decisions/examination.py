"""What a policy makes of one image's tags now, for people who debug a rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from promoter.decisions.hints import near_tags, no_such_tag, what_was_seen, why_none_matches
from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.policy import Choice, Followed
from promoter.model.facts import DetailsOf, DigestOf, Facts, Known, NotKnown, TagsOf, Unknown
from promoter.model.image import ImageName
from promoter.model.plan import PassedOver
from promoter.model.ports import ImageDetails
from promoter.model.version import SemanticVersion

_RUNS = re.compile(r"[0-9]+|[^0-9]+")


@dataclass(frozen=True)
class Reason:
    """Why one tag is chosen or not, as what follows its name."""

    chosen: bool
    why: str


@dataclass(frozen=True)
class Examination:
    """A policy's choice; `created` and `platforms` of the chosen image as far as it says them.

    `listed` is what the registry lists; None where the policy does not ask for a list. `ages` are
    the creation times that the policy went by. `hint`: why no tag fits at all, where more can be
    said. `unknown`: the policy looked at so many that it gave up; `choice` tells what it saw.
    """

    choice: Choice
    created: datetime | None = None
    platforms: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None
    ages: Mapping[str, datetime] = field(default_factory=dict)
    hint: str = ""
    unknown: Unknown | None = None

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
        if self.listed is None or (self.hint and tag in self.listed):
            return Reason(False, "is not looked at by this policy")
        if tag in self.listed:
            return Reason(False, "is listed, and the policy says nothing of it")
        return Reason(False, f"is not listed by the registry{near_tags(tag, self.listed)}")


def examine(followed: Followed, facts: Facts) -> Examination:
    """Raises NotAsked and NotKnown as policies do; what the chosen image says of itself is asked
    for as well, but its absence stops nothing. `followed` names no repository: without a ledger
    no tag is known to have moved, so the policy's choice has no `stop`."""
    unknown, hint = None, ""
    try:
        choice = POLICIES[followed.artifact.select.policy].select(followed, facts)
    except NotKnown as error:
        if _is_no_such_tag(followed, error, facts):
            facts.prefetch(TagsOf(followed.name))  # for what comes near
            choice, hint = Choice(None), no_such_tag(followed, _listed(followed.name, facts))
        elif error.unknown.kind == "input" and _listed(followed.name, facts):
            choice, unknown = what_was_seen(followed, facts), error.unknown
        else:
            raise
    listed = _listed(followed.name, facts)
    if choice.image is None and not choice.refusal and not hint and listed:
        hint = why_none_matches(followed.artifact, listed)
    ages = _ages(followed, choice, facts)
    found = Examination(choice, listed=listed, ages=ages, hint=hint, unknown=unknown)
    if choice.image is None or choice.image.digest is None:
        return found
    question = DetailsOf(followed.name, choice.image.digest)
    facts.prefetch(question)
    details = _details(followed.name, choice.image.digest, facts)
    if details is None:
        return found
    return replace(found, created=details.created, platforms=details.platforms)


def _listed(name: ImageName, facts: Facts) -> tuple[str, ...] | None:
    answer = facts.get(TagsOf(name))
    return answer.value if isinstance(answer, Known) else None


def _is_no_such_tag(followed: Followed, error: NotKnown, facts: Facts) -> bool:
    """Whether a policy names a tag of which the registry says that there is none."""
    if followed.artifact.select.policy != "tag" or not isinstance(error.question, DigestOf):
        return False
    answer = facts.get(error.question)
    return isinstance(answer, Known) and answer.value is None


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
