"""What is written at a site: tag, digest or both, by the rule's pin and by what stands there.

Tag and digest name one image and are one unit: never a new one beside an old one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promoter.errors import InputError
from promoter.manifests.units import Unit, Version
from promoter.model.image import ImageReference

if TYPE_CHECKING:  # a command that edits files needs no rules, and starts faster without
    from promoter.model.rule import Pin


def version_for(unit: Unit, artifact: ImageReference, pin: Pin) -> Version:
    """The version to write; raises InputError (no place) that says why none can be."""
    name, stands = artifact.name, unit.image
    tag, digest = _parts(unit, artifact, pin)
    if not tag and not digest:
        if pin == "keep" and not stands.suffix:
            raise InputError(f"{name} has no version here that pin 'keep' could keep; write a tag")
        raise InputError(f"the release has no version of {name} that can be written here")
    if digest and not unit.carries_digest:
        raise InputError(
            f"no digest of {name} can be written here: there is no digest key;"
            " add `digest:` if the chart reads it, or pin tag"
        )
    if tag and not unit.carries_tag:
        raise InputError(f"no tag of {name} can be written here: there is no tag key; add `tag:`")
    if stands.digest and not (digest and artifact.digest):
        why = "pin is 'tag'" if not digest else "the release has none"
        raise InputError(
            f"would drop the digest of {name} ({why}), and none is ever removed or left beside"
            " another tag; pin tag-and-digest, or remove it by hand"
        )
    if digest and not artifact.digest:
        raise InputError(f"the release has no digest of {name}, and pin is '{pin}'")
    if tag and not artifact.tag:
        raise InputError(f"the release has no tag of {name}, only a digest; pin digest")
    return Version(artifact.tag if tag else None, artifact.digest if digest else None)


def _parts(unit: Unit, artifact: ImageReference, pin: Pin) -> tuple[bool, bool]:
    """Whether a tag, and whether a digest, is to stand here."""
    stands = unit.image
    if pin == "tag":
        return True, False
    if pin == "digest":
        return False, True
    if pin == "keep":
        return stands.tag is not None, stands.digest is not None
    return (
        unit.carries_tag and bool(artifact.tag or stands.tag),
        unit.carries_digest and bool(artifact.digest or stands.digest),
    )
