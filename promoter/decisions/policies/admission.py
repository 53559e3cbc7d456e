"""What the image behind a tag must be before it is taken: its platforms, and its age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from promoter.decisions.policies.age import find_age
from promoter.decisions.policies.policy import Followed
from promoter.decisions.policies.sightings import Witness, sightings_question
from promoter.model.facts import DetailsOf, Facts, NotKnown, Unknown
from promoter.model.image import short_digest
from promoter.model.ledger import Sighting
from promoter.model.platform import missing_platforms
from promoter.model.ports import ImageDetails
from promoter.model.rule import ArtifactRule


@dataclass(frozen=True)
class Refusal:
    """Why an image may not be taken yet; `reason` is what follows its name, `what`.

    `too_young`: it will be, when its time comes. `note`: the first sight that its age counts from
    and that the ledger does not hold yet; without it the age would start anew at each look.
    """

    what: str
    reason: str
    too_young: bool = False
    note: Sighting | None = None

    @property
    def why(self) -> str:
        """A sentence: `1.0.2 lacks linux/arm64 (it holds linux/amd64)`."""
        return f"{self.what} {self.reason}"


def needs_details(artifact: ArtifactRule) -> bool:
    """Whether images are judged by what they say of themselves, which costs more than a digest."""
    return bool(artifact.platforms or artifact.minimum_age)


def refuse_image(followed: Followed, tag: str | None, digest: str, facts: Facts) -> Refusal | None:
    """Why an image that somebody asked for by name may not be taken yet; None: it may.

    Raises NotAsked, NotKnown.
    """
    if not needs_details(followed.artifact):
        return None
    ledger = sightings_question(followed)
    facts.prefetch(*([ledger] if ledger else []), DetailsOf(followed.name, digest))
    return Admission(followed, Witness.of(followed, ledger, facts)).refuse(tag, digest, facts)


@dataclass(frozen=True)
class Admission:
    """Judges images of one followed artifact."""

    followed: Followed
    witness: Witness

    def refuse(self, tag: str | None, digest: str, facts: Facts) -> Refusal | None:
        """Why an image may not be taken yet; None: it may. Raises NotAsked, NotKnown."""
        artifact = self.followed.artifact
        if not needs_details(artifact):
            return None
        details = self._details(tag, digest, facts)
        missing = missing_platforms(artifact.platforms, details.platforms)
        if missing:
            present = ", ".join(details.platforms)
            holds = f"it holds {present}" if present else "it names no platform"
            return Refusal(_called(tag, digest), f"lacks {', '.join(missing)} ({holds})")
        if not artifact.minimum_age:
            return None
        return self._refuse_age(tag, digest, details.created)

    def _refuse_age(self, tag: str | None, digest: str, created: datetime | None) -> Refusal | None:
        called = _called(tag, digest)
        now, wanted = self.followed.now, self.followed.artifact.minimum_age
        age = find_age(self.witness, tag, digest, created)
        if isinstance(age, str):
            return Refusal(called, f"is of {age}", too_young=True)
        if not age.is_younger_than(wanted, now):
            return None
        return Refusal(called, age.why_too_young(wanted, now), too_young=True, note=age.note)

    def _details(self, tag: str | None, digest: str, facts: Facts) -> ImageDetails:
        name = self.followed.name
        question = DetailsOf(name, digest)
        details = facts.need(question)
        if details is None:
            named = f", though the tag {tag} names it" if tag else ""
            gone = f"{name}@{short_digest(digest)} is gone from the registry{named}"
            raise NotKnown(question, Unknown(gone))
        return details


def _called(tag: str | None, digest: str) -> str:
    return tag or short_digest(digest)
