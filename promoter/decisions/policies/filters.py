"""Which tags take part, and what of each is compared."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator

from promoter.model.expression import compile_expression
from promoter.model.plan import PassedOver
from promoter.model.rule import ArtifactRule

# The referrers fallback tag (OCI distribution 1.1, "Referrers Tag Schema"), and cosign's tags.
_OF_ANOTHER_IMAGE = re.compile(r"sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{128})(?:\.[a-z0-9]+)?")


def filter_tags(
    artifact: ArtifactRule, tags: Iterable[str], passed_over: list[PassedOver]
) -> Iterator[tuple[str, str]]:
    """Tags that `tags` and `ignore` leave, each with the text that the policy compares. A tag
    that holds the signatures or the like of another image is never one."""
    for tag in sorted(set(tags)):
        if _OF_ANOTHER_IMAGE.fullmatch(tag):
            passed_over.append(PassedOver(tag, "holds what refers to another image"))
            continue
        glob = ignored_by(artifact, tag)
        if glob is not None:
            passed_over.append(PassedOver(tag, f"ignored by '{glob}'"))
            continue
        text = compared_text(artifact, tag)
        if text is None:
            passed_over.append(PassedOver(tag, f"does not match tags '{artifact.tags}'"))
        else:
            yield tag, text


def ignored_by(artifact: ArtifactRule, tag: str) -> str | None:
    """The glob of `ignore` that takes a tag out; None where none does."""
    return next((each for each in artifact.ignore if fnmatch.fnmatchcase(tag, each)), None)


def compared_text(artifact: ArtifactRule, tag: str) -> str | None:
    """What the policy compares of one tag; None where `tags` does not match it."""
    return compile_expression(artifact.tags).version_in(tag) if artifact.tags else tag
