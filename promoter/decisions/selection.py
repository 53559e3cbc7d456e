"""What the policies select for an application: each artifact on its own, or in lockstep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.policy import Choice, Followed, Order, listed_tags
from promoter.model.facts import Facts, ask_together
from promoter.model.image import ImageReference
from promoter.model.release import Release


def select_each(followed: Sequence[Followed], facts: Facts) -> list[Choice]:
    """What each policy selects on its own. Raises NotAsked, NotKnown."""
    return ask_together(
        partial(POLICIES[each.artifact.select.policy].select, each, facts) for each in followed
    )


def select_together(followed: Sequence[Followed], facts: Facts) -> list[Choice]:
    """The best tag that every image has and every policy takes. Where there is none, what each
    policy says of the tags that all have. Raises NotAsked, NotKnown.

    A tag that one policy refuses (too young, a platform missing) is out of the question for all;
    the walk goes on below it.
    """
    tags = ask_together(partial(listed_tags, each.name, facts) for each in followed)
    among = frozenset.intersection(*map(frozenset, tags))
    while True:
        choices = select_each([replace(each, among=among) for each in followed], facts)
        chosen = {each.image.tag for each in choices if each.image}
        if len(chosen) == 1 or any(each.image is None for each in choices):
            return choices
        above = _above_another(followed, choices, facts)
        if not above:
            return [Choice(None, each.passed_over, each.sightings, refusal="") for each in choices]
        among -= above


def _above_another(
    followed: Sequence[Followed], choices: Sequence[Choice], facts: Facts
) -> frozenset[str]:
    """The chosen tags that by their own policy are later than what another one had to choose."""
    pairs = [
        (one, mine.image, theirs.image)
        for one, mine in zip(followed, choices, strict=True)
        for theirs in choices
        if mine.image and theirs.image and mine.image.tag != theirs.image.tag
    ]
    orders = ask_together(
        partial(
            POLICIES[one.artifact.select.policy].order,
            one.artifact,
            ImageReference(one.name, theirs.tag),
            mine,
            facts,
        )
        for one, mine, theirs in pairs
    )
    return frozenset(
        mine.tag or ""
        for (_, mine, _), order in zip(pairs, orders, strict=True)
        if order is Order.HIGHER
    )


def broken_by(release: Release) -> str:
    """Why a release is none where all its images must be at one tag; empty where it is one. What
    has no tag tells nothing."""
    tags = {each.tag for each in release.artifacts}
    if len(tags) < 2 or None in tags:
        return ""
    return f"its images are at different tags: {release.label} (lockstep)"
