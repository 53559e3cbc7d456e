"""What can be said of an image's tags where a policy chooses none."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.filters import filter_tags
from promoter.decisions.policies.policy import Choice, Followed
from promoter.model.expression import compile_expression
from promoter.model.facts import DigestOf, Facts, Known, TagsOf
from promoter.model.plan import PassedOver
from promoter.model.rule import ArtifactRule

_MOST_NEAR = 3


def no_such_tag(followed: Followed, listed: Sequence[str] | None) -> str:
    """For a policy that names one tag, which the registry does not have."""
    tag = followed.artifact.select.argument
    return f"the registry has no tag {tag}{near_tags(tag, listed or ())}"


def near_tags(tag: str, listed: Sequence[str]) -> str:
    """`; it lists 1.4.1, 1.4.2`: what is spelled alike or holds the same word; or nothing."""
    near = difflib.get_close_matches(tag, listed, _MOST_NEAR)
    near = near or sorted((each for each in listed if tag in each), reverse=True)[:_MOST_NEAR]
    return f"; it lists {', '.join(near)}" if near else ""


def why_none_matches(artifact: ArtifactRule, listed: Sequence[str]) -> str:
    """Where `tags` matches no tag in full but stands within some; else empty."""
    if artifact.tags is None:
        return ""
    whole = compile_expression(artifact.tags)
    if any(whole.version_in(tag) is not None for tag in listed):
        return ""
    inner = f"(?:{artifact.tags})" if "|" in artifact.tags else artifact.tags
    for wider in (f"{inner}.*", f".*{inner}", f".*{inner}.*"):
        expression = compile_expression(wider)
        found = sorted(tag for tag in listed if expression.version_in(tag) is not None)
        if found:
            return (
                f"tags '{artifact.tags}' must match the whole tag, and it is only a part of"
                f" {found[0]}: write '{wider}' to take that"
            )
    return ""


def what_was_seen(followed: Followed, facts: Facts) -> Choice:
    """What a policy tells of the images that it looked at before it gave up; of the others
    whether they take part at all."""
    question = TagsOf(followed.name)
    answer = facts.get(question)
    if not isinstance(answer, Known):
        return Choice(None)
    tags = answer.value
    seen = tuple(tag for tag in tags if facts.get(DigestOf(followed.name, tag)) is not None)
    passed_over: list[PassedOver] = []
    if seen:
        narrowed = facts.plus({question: replace(answer, value=seen)})
        choice = POLICIES[followed.artifact.select.policy].select(followed, narrowed)
        passed_over.extend(choice.passed_over)
    rest = set(tags) - {each.what for each in passed_over}
    waiting = [tag for tag, _ in filter_tags(followed.artifact, rest, passed_over)]
    passed_over.extend(PassedOver(tag, "was not looked at") for tag in waiting)
    return Choice(None, tuple(passed_over))
