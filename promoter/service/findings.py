"""What a look says of the next ones. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from promoter.access.redaction import redact
from promoter.engine.branches import name_of
from promoter.model.facts import (
    DetailsOf,
    DigestOf,
    MergeRequestsOf,
    Question,
    TagsOf,
    TipOf,
    Unknown,
)
from promoter.model.image import ImageName
from promoter.model.outcome import Outcome
from promoter.model.plan import Decision
from promoter.model.rule import Rule
from promoter.service.agenda import Applications, Appointment, Failure, Findings
from promoter.service.shards import Shard

Followers = Mapping[ImageName, Applications]
"""The applications of a shard by the images that they follow, under every name that these have."""


def find_followers(rules: Iterable[Rule], decisions: Iterable[Decision]) -> Followers:
    by_source = {each.source: each for each in rules}
    found: dict[ImageName, set[str]] = defaultdict(set)
    for each in decisions:
        target = each.target
        try:
            names = by_source[each.rule].artifacts_in(target.application, target.environment)
        except (KeyError, ValueError):  # no image name comes of it: the decision says so
            continue
        for name in names:
            found[name].add(target.application)
    return {name: frozenset(applications) for name, applications in found.items()}


def find_next(shard: Shard, outcome: Outcome, followers: Followers, now: datetime) -> Findings:
    """When to look again, and at what, beside the polls."""
    unanswered = outcome.unanswered
    silent = all(
        TipOf(each) in unanswered or MergeRequestsOf(each) in unanswered
        for each in shard.repositories
    )
    return Findings(
        tuple(_appointments(outcome.plan.decisions, now)),
        {**_failed(unanswered, followers), **_undone(outcome)},
        is_silent=silent and bool(shard.repositories),
    )


def _appointments(decisions: Iterable[Decision], now: datetime) -> Iterator[Appointment]:
    """The times at which gates open by themselves, and holds end."""
    found: dict[tuple[datetime, str], set[str]] = defaultdict(set)
    for decision in decisions:
        for verdict in decision.verdicts:
            at = verdict.opens_at
            if at is not None and at > now and not verdict.passes and verdict.trouble is None:
                found[at, verdict.gate].add(decision.target.application)
    for (at, gate), applications in found.items():
        yield Appointment(at, gate, frozenset(applications))


def _failed(
    unanswered: Mapping[Question[Any], Unknown], followers: Followers
) -> Mapping[str, Failure]:
    """The servers that did not answer. What only a person can mend is left to the polls."""
    failed: dict[str, Failure] = {}
    for question, unknown in unanswered.items():
        if unknown.kind == "transient":
            source, applications = _source(question, followers)
            failure = Failure(unknown.why, applications, unknown.retry_at)
            failed[source] = failure.plus(failed[source]) if source in failed else failure
    return failed


def _source(question: Question[Any], followers: Followers) -> tuple[str, Applications | None]:
    """Who was asked, and which applications wait for the answer; None: all of them."""
    if isinstance(question, TagsOf | DigestOf | DetailsOf):
        return question.name.registry, followers.get(question.name)
    address = getattr(question, "repository", None)
    return redact(address.url) if address is not None else "promoter", None


def _undone(outcome: Outcome) -> Mapping[str, Failure]:
    """What was to be done and could not be, each with the one application that it is about; what
    is about a whole repository is tried again with all of it."""
    applications = {
        name_of(each): frozenset({each.target.application}) for each in outcome.plan.decisions
    }
    return {
        each.rule: Failure(each.why, applications.get(each.rule))
        for each in outcome.troubles
        if each.kind == "transient"
    }
