"""`minimum-age: DURATION`: every image of the release has existed that long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from promoter.decisions.gates.gate import Case
from promoter.decisions.policies.age import Age, find_age
from promoter.decisions.policies.sightings import Witness
from promoter.model.facts import (
    DetailsOf,
    DigestOf,
    Facts,
    NotKnown,
    SightingsOf,
    Unknown,
    ask_together,
)
from promoter.model.image import ImageReference, short_digest
from promoter.model.rule import GateRule
from promoter.model.spell import spell_duration, spell_time
from promoter.model.verdict import Door, Verdict


class MinimumAgeGate:
    def door(self, rule: GateRule) -> Door:  # noqa: ARG002 - always the same
        return "open"

    def judge(self, rule: GateRule, case: Case, facts: Facts, now: datetime) -> Verdict:
        wanted = rule.option("duration")
        if not isinstance(wanted, timedelta):
            raise TypeError(f"minimum-age needs a duration, not {wanted!r}")
        images = case.release.artifacts
        ages = ask_together(partial(_find, each, case, facts, now) for each in images)
        return _judge(rule, wanted, list(zip(images, ages, strict=True)), now)


def _find(image: ImageReference, case: Case, facts: Facts, now: datetime) -> Age | str:
    """The age of an image, or why nobody knows it. Raises NotAsked, NotKnown."""
    digest = image.digest
    if digest is None and image.tag is not None:  # manifests that carry tags only
        digest = facts.need(DigestOf(image.name, image.tag))
    if digest is None:
        question = DigestOf(image.name, image.tag or "")
        raise NotKnown(question, Unknown(f"the registry has no {image.normal}"))
    asked = DetailsOf(image.name, digest)
    details = facts.need(asked)
    if details is None:
        why = f"{image.name}@{short_digest(digest)} is gone from the registry"
        raise NotKnown(asked, Unknown(why))
    if details.created is not None:
        return Age("created", details.created)
    ledger = SightingsOf(case.repository, image.name)
    facts.need(ledger)  # a policy can do without it, this has nothing else to go by
    return find_age(Witness.read(image.name, now, ledger, facts), image.tag, digest, None)


def _judge(
    rule: GateRule,
    wanted: timedelta,
    found: Sequence[tuple[ImageReference, Age | str]],
    now: datetime,
) -> Verdict:
    known = [(image, age) for image, age in found if isinstance(age, Age)]
    unknown = [(image, why) for image, why in found if isinstance(why, str)]
    evidence = tuple(
        (str(image.name), f"{age.how} {spell_time(age.since)}") for image, age in known
    ) + tuple((str(image.name), "unknown") for image, _ in unknown)
    notes = tuple(age.note for _, age in known if age.note)
    bare = partial(Verdict, rule.text, "open", evidence=evidence, notes=notes)
    if unknown:
        why = "; ".join(f"{image.name.short} {image.version} is of {why}" for image, why in unknown)
        return bare("wait", f"can't be evaluated: {why}", trouble="transient")
    young = [(image, age) for image, age in known if age.is_younger_than(wanted, now)]
    if not young:
        oldest = min(now - age.since for _, age in known) if known else wanted
        return bare("pass", f"no image is younger than {spell_duration(oldest)}")
    why = "; ".join(
        f"{image.name.short} {image.version} {age.why_too_young(wanted, now)}"
        for image, age in young
    )
    opens_at = max(age.since for _, age in young) + wanted
    return bare("wait", why, opens_at=opens_at, opened_by="time")
