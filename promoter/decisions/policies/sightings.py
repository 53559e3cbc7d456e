"""What the ledger tells of an image's tags: what each named when it was first seen, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from promoter.decisions.policies.policy import Followed
from promoter.model.facts import Facts, Known, SightingsOf
from promoter.model.image import ImageName, short_digest
from promoter.model.ledger import Sighting
from promoter.model.spell import spell_time


def sightings_question(followed: Followed) -> SightingsOf | None:
    """What is to be asked before `Witness.of`; None where there is no ledger."""
    repository = followed.repository
    return SightingsOf(repository, followed.name) if repository else None


@dataclass(frozen=True)
class Witness:
    """The sightings of one image, oldest first. `why_none` tells why nothing can be read; then
    nothing is noted either, for nobody knows whether it would be the first sight."""

    name: ImageName
    now: datetime
    seen: tuple[Sighting, ...] = ()
    why_none: str = ""

    @classmethod
    def of(cls, followed: Followed, question: SightingsOf | None, facts: Facts) -> Witness:
        return cls.read(followed.name, followed.now, question, facts)

    @classmethod
    def read(
        cls, name: ImageName, now: datetime, question: SightingsOf | None, facts: Facts
    ) -> Witness:
        """What the answer tells. A ledger that can't be read is no obstacle: it is comfort."""
        if question is None:
            return cls(name, now, (), "no ledger was asked")
        answer = facts.get(question)
        if not isinstance(answer, Known):
            return cls(name, now, (), "the ledger can't be read")
        return cls(name, now, answer.value)

    def first_sight(self, tag: str | None, digest: str) -> Sighting | None:
        """When the tag (None: any tag) was first seen to name exactly this image."""
        return next((s for s in self.seen if s.digest == digest and tag in (None, s.tag)), None)

    def note(self, tag: str, digest: str) -> Sighting | None:
        """What is to be kept: the first sight of the tag at this digest, if this is it."""
        if self.why_none or self.first_sight(tag, digest) is not None:
            return None
        return Sighting(self.name, tag, digest, self.now)

    def moved(self, tag: str, digest: str) -> Sighting | None:
        """What the tag was first seen to name, where it never was this digest."""
        if self.first_sight(tag, digest) is not None:
            return None  # also where a person took the new image knowingly, and it was noted
        return next((each for each in self.seen if each.tag == tag), None)


def tell_moved(first: Sighting, digest: str) -> str:
    """A tag moved under a version: what was seen first, and what is there now."""
    return (
        f"the tag {first.tag} of {first.name} moved: it was first seen as"
        f" {short_digest(first.digest)} at {spell_time(first.at)} and is now"
        f" {short_digest(digest)}"
    )
