"""What has to happen next for one target: by itself and when, or by whom, with the exact command or
link."""

from __future__ import annotations

import shlex
from datetime import datetime

from promoter.decisions.gates import SKIPPABLE
from promoter.decisions.person import HOLD as HOLD_LABEL
from promoter.model.plan import Decision, State
from promoter.model.spell import spell_duration, spell_time
from promoter.model.verdict import Verdict


def next_step(decision: Decision, now: datetime) -> str:
    """One line; empty where there is nothing that anybody could do."""
    failing = [each for each in decision.verdicts if not each.passes]
    request = decision.merge_request
    if request is not None and decision.hand == "hold":
        return f"take the label {HOLD_LABEL} off {request.url}"
    if request is not None and decision.hand == "branch":
        return f"merge {request.url}, or delete its branch and it is proposed anew"
    if failing:
        return _opening(failing, now)
    if decision.state is State.PROPOSED and request is not None:
        return f"a person merges it: {by_hand(decision, 'merge') or request.url}"
    if decision.state is State.REJECTED and request is None:
        return "a newer release, or the closed merge request is reopened"
    return ""


def _opening(failing: list[Verdict], now: datetime) -> str:
    """When all of them are open, or who must open those that don't open by themselves."""
    times = [each.opens_at for each in failing if each.opens_at is not None]
    people = [each for each in failing if each.opens_at is None]
    if not people:
        at = max(times)
        return f"opens by itself {spell_time(at)}, in {spell_duration(at - now)}"
    who = "; ".join(f"{each.opened_by or 'somebody'} ({each.gate})" for each in people)
    if times:
        at = max(times)
        return f"by {who}, and not before {spell_time(at)}, in {spell_duration(at - now)}"
    return f"by {who}"


def remedy_of(verdict: Verdict, decision: Decision) -> tuple[str, str] | None:
    """How a gate that does not pass is opened: a word, and the command or link."""
    if verdict.passes:
        return None
    name = verdict.gate.partition(":")[0]
    if name == "approvals" and (command := by_hand(decision, "approve")):
        return "open it", command
    if verdict.remedy:
        return "open it", verdict.remedy
    if name in SKIPPABLE and (command := skip_command(decision, name)):
        return "skip it", command
    return None


def skip_command(decision: Decision, gate: str) -> str:
    """How somebody goes past a gate that only wants time; empty where nothing is offered."""
    release, target = decision.offered, decision.target
    if release is None:
        return ""
    images = [word for each in release.artifacts for word in ("--image", each.normal)]
    names = [target.application, "--to", target.environment]
    words = ["promoter", "promote", *names, *images, "--skip", gate, "--reason"]
    return f"{shlex.join(words)} TEXT"


def by_hand(decision: Decision, verb: str) -> str:
    """The command of the local forge, which has no page to click on."""
    request = decision.merge_request
    if request is None or decision.repository.forge != "local":
        return ""
    return (
        f"promoter mr {verb} {request.number} --repository {shlex.quote(decision.repository.url)}"
    )
