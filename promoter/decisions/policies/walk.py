"""From the best tag downwards, until one may be taken.

Few questions where the best one passes, which is nearly always so: one HEAD. Where it does not,
the next ones are asked for in batches that grow, so that a long walk takes few rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promoter.decisions.policies.admission import Admission
from promoter.decisions.policies.policy import Choice, Followed
from promoter.decisions.policies.sightings import Witness, sightings_question, tell_moved
from promoter.model.facts import DetailsOf, DigestOf, Facts, Known, NotKnown, TagsOf, Unknown
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


def take_best(followed: Followed, tags: Sequence[str], facts: Facts, versions: bool) -> Choice:
    """The first of `tags`, which come best first, whose image may be taken. What was passed over
    is told for the tags before it; of a tag that moved, `stop` tells, and it is the last.

    `versions`: a tag names one image for ever. Raises NotAsked, NotKnown.
    """
    artifact, name = followed.artifact, followed.name
    if not tags:
        return Choice(None)
    is_witnessed = versions or bool(artifact.minimum_age)
    ledger = sightings_question(followed) if is_witnessed else None
    facts.prefetch(*([ledger] if ledger else []), DigestOf(name, tags[0]))
    witness = Witness.of(followed, ledger, facts)
    admission = Admission(followed, witness)
    passed_over: list[PassedOver] = []
    notes: list[Sighting] = []
    for batch in batches(tags[:MOST_LOOKED_AT]):
        _ask(admission, batch, len(passed_over), facts)
        for tag in batch:
            digest = _digest(followed, tag, facts)
            if versions and (first := witness.moved(tag, digest)):
                passed_over.append(PassedOver(tag, "names another image than it did at first"))
                return Choice(None, tuple(passed_over), tuple(notes), tell_moved(first, digest))
            is_new = len(passed_over) < _MOST_NOTED
            refusal = admission.refuse(tag, digest, facts, is_new)
            # An image whose platforms are not all there yet may be pushed again, complete: it
            # is not this one that the version will be known by.
            if is_new and (refusal is None or refusal.too_young):
                notes.extend(witness.note(tag, digest))
            if refusal is None:
                image = ImageReference(name, tag, digest)
                return Choice(image, tuple(passed_over), tuple(notes))
            passed_over.append(PassedOver(tag, refusal.why))
    if len(tags) > MOST_LOOKED_AT:
        why = (
            f"the best {MOST_LOOKED_AT} of {len(tags)} tags of {name} were looked at, and none may"
            f" be taken ({passed_over[0].what}: {passed_over[0].why}); narrow `tags`"
        )
        raise NotKnown(TagsOf(name), Unknown(why, "input"))
    return Choice(None, tuple(passed_over), tuple(notes))


def _ask(admission: Admission, batch: Sequence[str], before: int, facts: Facts) -> None:
    """Raises NotAsked with all that the batch will need, so that it takes two rounds at most.
    `before` is how many tags came before it."""
    name = admission.followed.name
    facts.prefetch(*(DigestOf(name, tag) for tag in batch))
    inside: list[DetailsOf] = []
    for index, tag in enumerate(batch, before):
        answer = facts.get(DigestOf(name, tag))
        digest = answer.value if isinstance(answer, Known) else None
        if digest and admission.looks_inside(tag, digest, is_new=index < _MOST_NOTED):
            inside.append(DetailsOf(name, digest))
    facts.prefetch(*inside)


def _digest(followed: Followed, tag: str, facts: Facts) -> str:
    question = DigestOf(followed.name, tag)
    digest = facts.need(question)
    if digest is None:
        why = f"{followed.name} lists the tag {tag} but has no such image"
        raise NotKnown(question, Unknown(why))
    return digest
