"""`replace: unless-approved`: what a person has approved is not taken from under their hands by a
newer release, as long as it may still enter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from promoter.decisions.candidates import Offers
from promoter.decisions.gates.gate import Skips
from promoter.decisions.search import Search, judge_opening, refusal_by_person
from promoter.decisions.situation import Situation
from promoter.decisions.standing import Standing, compare_releases
from promoter.model.facts import ApprovalsOf, DetailsOf, Facts
from promoter.model.plan import PassedOver
from promoter.model.release import Release


def keep_approved(
    this: Situation,
    running: Release,
    offers: Offers,
    found: Search,
    skips_of: Callable[[Release], Skips],
    facts: Facts,
    now: datetime,
) -> Search:
    """The search with the open request's release in the place of a newer one, where somebody has
    approved that. Raises NotAsked; NotKnown where nobody tells whether somebody has."""
    chosen, opened, request = found.chosen, this.opened_release, this.opened
    if chosen is None or opened is None or request is None or this.head is None:
        return found
    if this.environment.replace == "always" or chosen.release.agrees(opened):
        return found
    people = facts.need(ApprovalsOf(this.repository, request.number, this.head))
    if not people or not _may_still_enter(this, running, opened, offers, facts):
        return found
    judged = judge_opening(this, opened, facts, now, skips_of(opened))
    if any(each.judgement == "block" for each in judged.verdicts):
        return found
    who = " and ".join(people)
    why = f"{who} approved {opened.label} on {request.url}: it goes first"
    found.passed_over.insert(0, PassedOver(chosen.release.label, why))
    if all(each.passes for each in judged.verdicts):
        found.chosen = judged
    else:
        found.chosen = None
        found.waiting.insert(0, judged)
    return found


def _may_still_enter(
    this: Situation, running: Release, opened: Release, offers: Offers, facts: Facts
) -> bool:
    """Whether it is still later than what runs, refused and banned by nobody, and what it came from
    has not gone back from it."""
    if this.holds.ban_of(opened) is not None:
        return False
    standing = compare_releases(running, opened, this.ran, this.artifacts, facts)
    if standing is not Standing.LATER or refusal_by_person(opened, this.periods, this.requests):
        return False
    if this.environment.after.environments:
        return any(each.agrees(opened) for each in offers.releases)
    # A registry offers its newest only: what is still there was not taken back.
    questions = [DetailsOf(each.name, each.digest) for each in opened.artifacts if each.digest]
    return None not in facts.need_all(questions)
