"""From the best tag downwards, until one may be taken.

Few questions where the best one passes, which is nearly always so: one HEAD. Where it does not,
the next ones are asked for in batches that grow, so that a long walk takes few rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promoter.decisions.policies.admission import Admission, needs_details
from promoter.decisions.policies.policy import Choice, Followed
from promoter.decisions.policies.sightings import Witness, sightings_question, tell_moved
from promoter.model.facts import (
    DetailsOf,
    DigestOf,
    Facts,
    Known,
    NotKnown,
    StillOf,
    TagsOf,
    Unknown,
)
from promoter.model.image import ImageReference
from promoter.model.ledger import Sighting
from promoter.model.plan import PassedOver

MOST_LOOKED_AT = 1000
"""Images of one artifact in one look; each costs a request, and two more where it is read."""
_MOST_NOTED = 100
"""Below the ledger's own limit, so that a long walk does not push out what it noted itself."""


def batches(tags: Sequence[str]) -> Iterator[Sequence[str]]:
    """One tag, then three times as many as came before."""
    start, end = 0, 1
    while start < len(tags):
        yield tags[start:end]
        start, end = end, 4 * end


def take_best(
    followed: Followed, tags: Sequence[str], facts: Facts, *, tags_may_move: bool
) -> Choice:
    """The first of `tags`, which come best first, whose image may be taken. What was passed over
    is told for the tags before it. A tag that moved though it may not ends the walk with `stop`.

    Raises NotAsked, NotKnown.
    """
    if not tags:
        return Choice(None)
    if not tags_may_move and (runs := _still_runs(followed, tags[0], facts)):
        return Choice(runs)
    is_watched = bool(followed.artifact.minimum_age) or not tags_may_move
    ledger = sightings_question(followed) if is_watched else None
    facts.prefetch(*([ledger] if ledger else []), DigestOf(followed.name, tags[0]))
    witness = Witness.of(followed, ledger, facts)
    admission = Admission(followed, witness)
    passed_over: list[PassedOver] = []
    notes: list[Sighting] = []
    refusal_of_best = ""
    for image in _images(followed, tags[:MOST_LOOKED_AT], facts):
        tag, digest = image.tag or "", image.digest or ""
        if not tags_may_move and (first := witness.moved(tag, digest)):
            stop = tell_moved(first, digest)
            return Choice(image, tuple(passed_over), tuple(notes), stop)
        refusal = admission.refuse(tag, digest, facts)
        if refusal is None:
            if not tags_may_move and (taken := witness.note(tag, digest)):
                notes.append(taken)
            return Choice(image, tuple(passed_over), tuple(notes))
        if refusal.note and len(passed_over) < _MOST_NOTED:
            notes.append(refusal.note)
        refusal_of_best = refusal_of_best or refusal.why
        passed_over.append(PassedOver(tag, refusal.reason))
    if len(tags) > MOST_LOOKED_AT:
        why = (
            f"the best {MOST_LOOKED_AT} of {len(tags)} tags of {followed.name} were looked at, and"
            f" none may be taken ({refusal_of_best}); narrow `tags`"
        )
        raise NotKnown(TagsOf(followed.name), Unknown(why, "input"))
    return Choice(None, tuple(passed_over), tuple(notes), refusal=refusal_of_best)


def _still_runs(followed: Followed, tag: str, facts: Facts) -> ImageReference | None:
    """What runs, where it is at this very tag, was seen under it, and still was when somebody
    looked lately; an image that is judged by more than that is looked at as any other. Raises
    NotAsked, NotKnown."""
    name, running, ledger = followed.name, followed.running, sightings_question(followed)
    if running is None or running.tag != tag or running.digest is None or ledger is None:
        return None
    if needs_details(followed.artifact):
        return None
    facts.prefetch(ledger)
    if Witness.of(followed, ledger, facts).first_sight(tag, running.digest) is None:
        return None
    named = facts.need(StillOf(name, tag, running.digest))
    return ImageReference(name, tag, named) if named == running.digest else None


def _images(followed: Followed, tags: Sequence[str], facts: Facts) -> Iterator[ImageReference]:
    """What each tag names now. Raises NotAsked with all that judging a batch will need; NotKnown
    only at the tag that it is about, which the walk may never reach."""
    name = followed.name
    for batch in batches(tags):
        questions = [DigestOf(name, tag) for tag in batch]
        facts.prefetch(*questions)
        if needs_details(followed.artifact):
            answers = [facts.get(question) for question in questions]
            facts.prefetch(
                *(DetailsOf(name, a.value) for a in answers if isinstance(a, Known) and a.value)
            )
        for question in questions:
            digest = facts.need(question)
            if digest is None:
                why = f"{name} lists the tag {question.tag} but has no such image"
                raise NotKnown(question, Unknown(why))
            yield ImageReference(name, question.tag, digest)
