"""What the image behind a tag must be before it is taken: its platforms, and its age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from promoter.decisions.policies.policy import Followed
from promoter.decisions.policies.sightings import Witness, sightings_question
from promoter.model.facts import DetailsOf, Facts, NotKnown, Unknown
from promoter.model.image import short_digest
from promoter.model.ledger import Sighting
from promoter.model.platform import missing_platforms
from promoter.model.ports import ImageDetails
from promoter.model.rule import ArtifactRule
from promoter.model.spell import spell_duration, spell_time


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
        if details.created is not None:
            return self._refuse_age(tag, digest, "created", details.created)
        return self._refuse_age_by_sight(tag, digest)

    def _refuse_age_by_sight(self, tag: str | None, digest: str) -> Refusal | None:
        """The age of an image that does not say when it was created: from its first sight on."""
        witness = self.witness
        sighting = witness.first_sight(tag, digest)
        if sighting is not None:
            return self._refuse_age(tag, digest, "first seen", sighting.at)
        why_none = witness.why_none
        if tag is None and not why_none:
            why_none = "the ledger knows images by their tags: name its tag, too"
        if tag is None or why_none:
            reason = f"is of unknown age: it does not say when it was created, and {why_none}"
            return Refusal(_called(tag, digest), reason, too_young=True)
        note = witness.note(tag, digest)
        return self._refuse_age(tag, digest, "first seen", self.followed.now, note)

    def _refuse_age(
        self, tag: str | None, digest: str, how: str, since: datetime, note: Sighting | None = None
    ) -> Refusal | None:
        now, wanted = self.followed.now, self.followed.artifact.minimum_age
        if now - since >= wanted:
            return None
        reason = (
            f"is too young: {how} {spell_duration(now - since)} ago, {spell_duration(wanted)}"
            f" asked; may be taken from {spell_time(since + wanted)} on"
        )
        return Refusal(_called(tag, digest), reason, too_young=True, note=note)

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
