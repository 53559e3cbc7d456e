"""One screen for one target: why is it not promoted?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from promoter.model.plan import Decision, PassedOver, State
from promoter.model.release import Release
from promoter.model.spell import spell_duration, spell_time
from promoter.model.verdict import Verdict
from promoter.texts.columns import align
from promoter.texts.holds_text import hold_lines
from promoter.texts.paint import Paint, printable
from promoter.texts.plan_text import STYLES

_MOST_PASSED_OVER = 10
_MARKS = {"pass": ("+", "green"), "wait": ("~", "yellow"), "block": ("x", "red")}
_SKIPPED = ("!", "yellow")


def why_text(decision: Decision, now: datetime, paint: Paint) -> str:
    """State and reason, what runs and what is offered, each gate with its evidence, and what was
    passed over."""
    return "\n".join(_lines(decision, now, paint)) + "\n"


def _lines(decision: Decision, now: datetime, paint: Paint) -> Iterator[str]:
    state = paint(decision.state.value, STYLES[decision.state], "bold")
    yield f"{paint(str(decision.target), 'bold')}: {state}"
    place = f"{decision.where}: " if decision.where else ""
    yield f"  {printable(place + decision.why)}"
    yield ""
    rows = [("running", _release(decision.running, decision.since, now))]
    if decision.offered:
        rows.append(("offered", f"{_release(decision.offered, None, now)} from {decision.origin}"))
    if decision.merge_request:
        rows.append(
            ("merge request", f"{decision.merge_request.url} {decision.merge_request.title}")
        )
    for each in decision.requested:
        told = f"{each.release.label} by {each.by}: {each.state.value}"
        rows.append(("requested", told if each.why == decision.why else f"{told}, {each.why}"))
    rows += [("hold", line) for line in hold_lines(decision.holds)]
    rows.append(("manifests", decision.target.path))
    rows.append(("rule", decision.rule))
    yield from (printable(line) for line in align(rows, indent=2))
    if decision.verdicts:
        yield ""
        yield "  gates"
        for verdict in decision.verdicts:
            yield from _verdict(verdict, now, paint)
    yield from _passed_over(
        "releases passed over", decision.passed_over if decision.state is not State.CURRENT else ()
    )
    for selection in decision.selections:
        title = f"tags of {selection.name} passed over by {selection.policy}"
        yield from _passed_over(title, selection.passed_over)


def _release(release: Release | None, since: datetime | None, now: datetime) -> str:
    if release is None:
        return "nothing that can be told"
    age = f", since {spell_time(since)} ({spell_duration(now - since)})" if since else ""
    return f"{release.label} (release {release.id}{age})"


def _verdict(verdict: Verdict, now: datetime, paint: Paint) -> Iterator[str]:
    mark, style = _SKIPPED if verdict.skipped else _MARKS[verdict.judgement]
    door = "merging" if verdict.guards == "merge" else "opening"
    yield (
        f"  {paint(mark, style)} {verdict.gate} ({verdict.judgement}, guards {door}):"
        f" {printable(verdict.why)}"
    )
    if verdict.opens_at:
        left = spell_duration(verdict.opens_at - now)
        yield f"      opens {spell_time(verdict.opens_at)}, in {left}"
    elif verdict.opened_by and not verdict.passes:
        yield f"      opened by {printable(verdict.opened_by)}"
    if verdict.remedy and not verdict.passes:
        yield f"      open it: {printable(verdict.remedy)}"
    if verdict.evidence:
        seen = ", ".join(f"{name} {value}" for name, value in verdict.evidence)
        yield f"      saw {printable(seen)}"


def _passed_over(title: str, entries: tuple[PassedOver, ...]) -> Iterator[str]:
    if not entries:
        return
    yield ""
    yield f"  {title}"
    rows = [(each.what, each.why) for each in entries[:_MOST_PASSED_OVER]]
    yield from (printable(line) for line in align(rows, indent=4))
    if len(entries) > _MOST_PASSED_OVER:
        yield f"    and {len(entries) - _MOST_PASSED_OVER} more"
