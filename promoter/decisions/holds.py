"""Holds at the door: what keeps a target where it is, and what keeps a release out of it.

A hold without a release is the first verdict of every release that could enter: nothing is opened,
updated, merged or closed there while it lasts. One with releases bans these alone: they are passed
over, and an open request with one of them is closed or brings something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from promoter.decisions.candidates import ArtifactsByName, Offers
from promoter.model.facts import Facts, HoldsOf
from promoter.model.hold import BrokenHold, Hold, Holds, is_image
from promoter.model.image import ImageName, ImageReference
from promoter.model.plan import Decision, PassedOver, Selection
from promoter.model.release import Release
from promoter.model.spell import spell_time
from promoter.model.target import Target
from promoter.model.verdict import HOLD, Verdict


def holds_over(target: Target, questions: Iterable[HoldsOf], facts: Facts, now: datetime) -> Holds:
    """What holds a target now, by all repositories that are asked. Raises NotAsked, NotKnown."""
    return Holds.together(facts.need_all(tuple(questions))).over(target, now)


def judge_stops(holds: Holds) -> tuple[Verdict, ...]:
    """The verdicts because of which nothing is done; none where the target is free."""
    return tuple(judge_hold(each) for each in holds.stops)


def judge_hold(hold: Hold | BrokenHold) -> Verdict:
    if isinstance(hold, BrokenHold):
        file = hold.where.file
        return Verdict(
            HOLD,
            "open",
            "block",
            hold.told,
            (("place", str(hold.where)),),
            opened_by="whoever mends the file",
            trouble="input",
            remedy=f"mend or delete {file} on the branch",
        )
    evidence = (("by", hold.by), ("reason", hold.reason), ("file", hold.where.file))
    until = (("until", spell_time(hold.until)),) if hold.until else ()
    releases = (("release", ", ".join(hold.releases)),) if hold.releases else ()
    return Verdict(
        HOLD,
        "open",
        "wait" if hold.until else "block",
        hold.told,
        (*releases, *evidence, *until),
        opens_at=hold.until,
        opened_by=hold.by,
        remedy=hold.release_command,
    )


def tell_holds(decided: Decision, holds: Holds) -> Decision:
    """The decision with the holds over its target. Nothing is done where one stops it, and the
    answer tells of it also where nothing wants to enter."""
    decided = replace(decided, holds=holds)
    stops = judge_stops(holds)
    if not stops or decided.rollback:
        return decided  # who goes back knows why, and a freeze is no reason to stay broken
    trouble = decided.trouble or next((each.trouble for each in stops if each.trouble), None)
    decided = replace(decided, action=None, trouble=trouble)
    if any(each.told == decided.why for each in stops):
        return decided
    verdicts = decided.verdicts if any(map(_is_hold, decided.verdicts)) else stops
    return replace(decided, why=f"{decided.why}; {stops[0].told}", verdicts=verdicts)


def _is_hold(verdict: Verdict) -> bool:
    return verdict.gate == HOLD


# -- the registry -----------------------------------------------------------------------------


def without_banned(artifacts: ArtifactsByName, holds: Holds) -> ArtifactsByName:
    """What is followed, without the tags that are banned: a policy then chooses another one."""
    if not holds.bans:
        return artifacts
    return {
        name: replace(artifact, ignore=(*artifact.ignore, *_banned_tags(name, holds)))
        for name, artifact in artifacts.items()
    }


def tell_banned(offers: Offers, holds: Holds) -> Offers:
    """The offers, with the hold as the reason why a banned tag was not chosen."""
    if not holds.bans:
        return offers
    selections = tuple(_tell_of(each, holds) for each in offers.selections)
    return replace(offers, selections=selections)


def _tell_of(selection: Selection, holds: Holds) -> Selection:
    banned = _banned_tags(selection.name, holds)
    passed_over = tuple(
        PassedOver(each.what, judge_hold(banned[each.what]).told) if each.what in banned else each
        for each in selection.passed_over
    )
    return replace(selection, passed_over=passed_over)


def _banned_tags(name: ImageName, holds: Holds) -> Mapping[str, Hold]:
    """The tags of an image that a ban names as such; an image that is banned by its digest, and a
    release by its id, are known only once they are looked at."""
    tags: dict[str, Hold] = {}
    for hold in holds.bans:
        for text in hold.releases:
            image = ImageReference.parse(text) if is_image(text) else None
            if image is None:
                tags[text] = hold
            elif image.name == name and image.tag and not image.digest:
                tags[image.tag] = hold
    return tags


def closing_reason(opened: Release | None, holds: Holds) -> str | None:
    """Why an open request is closed whatever else may be decided: its release is banned here."""
    hold = holds.ban_of(opened)
    if hold is None or opened is None:
        return None
    return f"{opened.label} is not proposed any more: {judge_hold(hold).told}"
