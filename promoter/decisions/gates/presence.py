"""Where images have another name here: a release waits until its very images are under that name.

No rule asks for this gate; it stands wherever `images` gives another name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promoter.model.facts import DetailsOf, DigestOf, Facts, NotKnown
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release
from promoter.model.rule import ArtifactRule
from promoter.model.target import Site
from promoter.model.verdict import Verdict

NAME = "images"


def judge_presence(
    release: Release,
    artifacts: Mapping[ImageName, ArtifactRule],
    sites: Sequence[Site],
    facts: Facts,
) -> Verdict:
    """Each image by its digest; by its tag as well where the tag is all that can be written.

    Raises NotAsked. A registry that does not answer is waited for.
    """
    by_digest = [DetailsOf(each.name, each.digest) for each in release.artifacts if each.digest]
    by_tag = {
        each: DigestOf(each.name, each.tag)
        for each in release.artifacts
        if each.tag and _is_written_by_tag(each, artifacts, sites)
    }
    facts.prefetch(*by_digest, *by_tag.values())
    evidence = tuple(("image", each.normal) for each in release.artifacts)
    try:
        absent = [
            f"{question.name}@{question.digest}"
            for question in by_digest
            if facts.need(question) is None
        ]
        found = {image: facts.need(question) for image, question in by_tag.items()}
    except NotKnown as error:
        unknown = error.unknown
        why = f"can't be evaluated: {unknown.why}"
        return Verdict(
            *(NAME, "open", "wait", why, evidence), unknown.retry_at, trouble=unknown.kind
        )
    absent += [f"{image.name}:{image.tag}" for image, named in found.items() if named is None]
    if absent:
        why = f"not there yet: {', '.join(absent)}"
        return Verdict(NAME, "open", "wait", why, evidence, opened_by="whoever copies it there")
    for image, named in found.items():
        if image.digest and named != image.digest:
            why = f"{image.name}:{image.tag} is another image there, {named}, not {image.digest}"
            return Verdict(NAME, "open", "block", why, evidence, opened_by="a new version")
    return Verdict(NAME, "open", "pass", f"{release.label} is there", evidence)


def _is_written_by_tag(
    image: ImageReference, artifacts: Mapping[ImageName, ArtifactRule], sites: Sequence[Site]
) -> bool:
    if artifacts[image.name].pin == "tag":
        return True
    return any(not each.carries_digest for each in sites if each.image.name == image.name)
