"""What the image behind a tag must be before it is taken: its platforms, and its age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from promoter.decisions.policies.policy import Followed
from promoter.decisions.policies.sightings import Witness
from promoter.model.facts import DetailsOf, Facts, NotKnown, Unknown
from promoter.model.image import short_digest
from promoter.model.platform import missing_platforms
from promoter.model.ports import ImageDetails
from promoter.model.spell import spell_duration, spell_time


@dataclass(frozen=True)
class Refusal:
    """Why an image is not taken now. `too_young`: it will be, when its time comes."""

    why: str
    too_young: bool = False


@dataclass(frozen=True)
class Admission:
    """Judges images of one followed artifact."""

    followed: Followed
    witness: Witness

    def looks_inside(self, tag: str, digest: str, is_new: bool) -> bool:
        """Whether the details of an image are needed, which cost more than its digest."""
        artifact = self.followed.artifact
        if artifact.platforms or not artifact.minimum_age:
            return bool(artifact.platforms)
        if not self.witness.has_watched(artifact.minimum_age):
            return True
        return not is_new and self.witness.first_sight(tag, digest) is None

    def refuse(self, tag: str, digest: str, facts: Facts, is_new: bool) -> Refusal | None:
        """None: it may be taken. `is_new`: an image that a ledger with a long memory does not
        know counts as seen now. Raises NotAsked, NotKnown."""
        artifact = self.followed.artifact
        if artifact.platforms:
            present = self._details(digest, facts).platforms
            missing = missing_platforms(artifact.platforms, present)
            if missing:
                holds = f"it holds {', '.join(present)}" if present else "it names no platform"
                return Refusal(f"lacks {', '.join(missing)} ({holds})")
        if not artifact.minimum_age:
            return None
        return self._refuse_age(tag, digest, facts, is_new)

    def _refuse_age(self, tag: str, digest: str, facts: Facts, is_new: bool) -> Refusal | None:
        now, wanted = self.followed.now, self.followed.artifact.minimum_age
        since, how = self._since(tag, digest, facts, is_new)
        if since is None:
            why = f"its age is unknown: it does not say when it was created, and {how}"
            return Refusal(why, too_young=True)
        if now - since >= wanted:
            return None
        return Refusal(
            f"too young: {how} {spell_duration(now - since)} ago, {spell_duration(wanted)} asked;"
            f" may be taken from {spell_time(since + wanted)} on",
            too_young=True,
        )

    def _since(
        self, tag: str, digest: str, facts: Facts, is_new: bool
    ) -> tuple[datetime | None, str]:
        """From when on the age counts. What was seen can't be backdated, so it goes before what
        the image says of itself, as soon as the ledger has a memory that is long enough."""
        now, witness = self.followed.now, self.witness
        sighting = witness.first_sight(tag, digest)
        if witness.has_watched(self.followed.artifact.minimum_age):
            if sighting is not None:
                return sighting.at, "first seen"
            if is_new:
                return now, "first seen"
        created = self._details(digest, facts).created
        if created is not None:
            return created, "created"
        if sighting is not None:
            return sighting.at, "first seen"
        return (None, witness.why_none) if witness.why_none else (now, "first seen")

    def _details(self, digest: str, facts: Facts) -> ImageDetails:
        name = self.followed.name
        question = DetailsOf(name, digest)
        details = facts.need(question)
        if details is None:
            gone = f"{name}@{short_digest(digest)} is gone from the registry, though a tag names it"
            raise NotKnown(question, Unknown(gone))
        return details
