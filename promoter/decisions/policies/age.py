"""How long an image has existed: since it was created, as it says, or since it was first seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from promoter.decisions.policies.sightings import Witness
from promoter.model.ledger import Sighting
from promoter.model.spell import spell_duration, spell_time


@dataclass(frozen=True)
class Age:
    """`note`: the first sight that the age counts from and that the ledger does not hold yet;
    without it the age would start anew at each look."""

    how: Literal["created", "first seen"]
    since: datetime
    note: Sighting | None = None

    def is_younger_than(self, wanted: timedelta, now: datetime) -> bool:
        return now - self.since < wanted

    def why_too_young(self, wanted: timedelta, now: datetime) -> str:
        """What follows an image's name in a sentence."""
        return (
            f"is too young: {self.how} {spell_duration(now - self.since)} ago,"
            f" {spell_duration(wanted)} asked;"
            f" may be taken from {spell_time(self.since + wanted)} on"
        )


def find_age(witness: Witness, tag: str | None, digest: str, created: datetime | None) -> Age | str:
    """The age; or why it is not known, as what follows `is of` (`unknown age: ...`)."""
    if created is not None:
        return Age("created", created)
    sighting = witness.first_sight(tag, digest)
    if sighting is not None:
        return Age("first seen", sighting.at)
    why_none = witness.why_none
    if tag is None and not why_none:
        why_none = "the ledger knows images by their tags: name its tag, too"
    if tag is None or why_none:
        return f"unknown age: it does not say when it was created, and {why_none}"
    return Age("first seen", witness.now, witness.note(tag, digest))
