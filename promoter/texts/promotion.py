"""What became of one target's promotion: the answer of `promoter promote` and `promoter wait`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promoter.decisions.groups.shares import requests_of
from promoter.model.plan import Decision, Requested, State
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.target import Target
from promoter.model.trouble import TroubleKind
from promoter.rules.wording import enumerate_words
from promoter.texts.as_json import Json, release_json, request_json
from promoter.texts.inline import code, escaped
from promoter.texts.paint import Paint, printable
from promoter.texts.plan_text import STYLES, reason
from promoter.texts.requested import asked_by


@dataclass(frozen=True)
class Promotion:
    """Where a release stands in a target.

    `release` is the one that was asked for, else what is offered, else what runs. Where it is
    HELD_BACK, `superseded_by` is a later one that is on its way or runs. `merge_request` is the
    one that brings or brought `release`, else that of the later one. `trouble` tells who can mend
    what keeps the answer from being known.
    """

    target: Target
    rule: str
    state: State
    why: str
    release: Release | None = None
    superseded_by: Release | None = None
    merge_request: MergeRequest | None = None
    requested_by: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()
    """What it goes past or is not asked on its way, for the `reason`."""
    reason: str = ""
    trouble: TroubleKind | None = None


def conclude(
    decision: Decision, asked: Release | None, requests: Sequence[MergeRequest]
) -> Promotion:
    """The answer for `asked` (None: for what the rule offers). `requests` are the merge requests
    of the repository, ended ones as well, so that asking again gives the same answer."""
    answers = (each for each in decision.requested if asked and each.release.holds(asked))
    answer = next(answers, None)
    state, why, trouble = decision.state, reason(decision), decision.trouble
    if answer is not None and (answer.state, answer.why) != (decision.state, decision.why):
        state, why, trouble = answer.state, answer.why, None
    offered = None if state is State.CURRENT else decision.offered
    meant = asked or offered or decision.running
    recorded, request = _find_request(decision, meant, requests)
    known = (recorded, decision.offered, decision.running, meant)
    release = next((each for each in known if each and meant and each.holds(meant)), None)
    record = Record.parse(request.body) if request else None
    later = _superseding(decision, answer) if state is State.HELD_BACK else None
    if later is not None and request is None:
        _, request = _find_request(decision, later, requests)
    return Promotion(
        decision.target,
        decision.rule,
        state,
        why,
        release,
        later,
        request,
        asked_by(decision, release) if release else (),
        record.skips if record else (),
        record.reason if record else "",
        trouble,
    )


def _superseding(decision: Decision, answer: Requested | None) -> Release | None:
    return answer.superseded_by if answer is not None else decision.running


def _find_request(
    decision: Decision, meant: Release | None, requests: Sequence[MergeRequest]
) -> tuple[Release | None, MergeRequest | None]:
    """The merge request of what is meant, with the whole release that it holds: the open one, else
    the newest; never that of another release, which somebody might approve for this one."""
    found: list[tuple[bool, int, Release, MergeRequest]] = []
    for each in requests_of(decision.target, requests):
        record = Record.parse(each.body)
        if record and meant and record.release.holds(meant):
            found.append((each.state == "open", each.number, record.release, each))
    if found:
        _, _, release, request = max(found, key=lambda each: each[:2])
        return release, request
    return None, None


def promotion_text(promotion: Promotion, paint: Paint) -> str:
    """One line where nothing is to do any more, else the state, the reason and the address."""
    target, state = str(promotion.target), promotion.state
    spelled = paint(state.value, STYLES[state], "bold")
    head = f"{paint(target, 'bold')}: {spelled}"
    what = _label(promotion.release)
    if state is State.HELD_BACK:
        return f"{head}, nothing to do for {what}: {printable(promotion.why)}\n"
    lines = [f"{head} {what}", f"  {printable(promotion.why)}"]
    if promotion.skips:
        told = f"{enumerate_words(promotion.skips)}: {promotion.reason}"
        lines.append(f"  {paint('skips', 'yellow', 'bold')} {printable(told)}")
    if promotion.merge_request and promotion.merge_request.url not in promotion.why:
        lines.append(f"  {printable(promotion.merge_request.url)}")
    return "\n".join(lines) + "\n"


def _label(release: Release | None) -> str:
    return f"{printable(release.label)} (release {release.id})" if release else "no release"


def promotion_json(promotion: Promotion) -> Json:
    request = promotion.merge_request
    return {
        "application": promotion.target.application,
        "environment": promotion.target.environment,
        "rule": promotion.rule,
        "state": promotion.state.value,
        "why": promotion.why,
        "release": release_json(promotion.release),
        "superseded_by": release_json(promotion.superseded_by),
        "merge_request": request_json(request) if request else None,
        "requested_by": list(promotion.requested_by),
        "skips": list(promotion.skips),
        "reason": promotion.reason or None,
    }


def promotion_markdown(promotion: Promotion) -> str:
    """A section for a job's summary page."""
    release, request = promotion.release, promotion.merge_request
    label = f": {escaped(release.label)}" if release else ""
    lines = [
        f"### {escaped(str(promotion.target))}{label}",
        "",
        f"**{promotion.state.value}**: {escaped(promotion.why)}",
        "",
    ]
    if release:
        images = ", ".join(code(each.normal) for each in release.artifacts)
        lines.append(f"- release {code(release.id)}: {images}")
    if promotion.superseded_by:
        lines.append(f"- superseded by {escaped(promotion.superseded_by.label)}")
    if request:
        lines.append(f"- merge request {request.number}: {escaped(request.url)}")
    if promotion.skips:
        names = escaped(enumerate_words(promotion.skips))
        lines.append(f"- **skips** {names}: {escaped(promotion.reason)}")
    if promotion.requested_by:
        lines.append(f"- requested by {escaped(', '.join(promotion.requested_by))}")
    return "\n".join(lines).rstrip() + "\n"
