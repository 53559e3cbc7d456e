"""One screen for one target: why is it not promoted?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from promoter.model.plan import Decision, PassedOver, State
from promoter.model.release import Release
from promoter.model.spell import spell_duration, spell_time
from promoter.model.verdict import HOLD, Verdict
from promoter.texts.columns import align
from promoter.texts.holds_text import hold_lines
from promoter.texts.next_step import next_step, remedy_of
from promoter.texts.paint import Paint, printable
from promoter.texts.plan_text import STYLES

_MOST_PASSED_OVER = 10
_MARKS = {"pass": ("+", "green"), "wait": ("~", "yellow"), "block": ("x", "red")}
_SKIPPED = ("!", "yellow")


@dataclass(frozen=True)
class Screen:
    """`now` is when it is looked at. `at` is the time that it is judged for, where somebody asks
    for another one."""

    now: datetime
    paint: Paint
    at: datetime | None = None

    @property
    def judged_at(self) -> datetime:
        return self.at or self.now


def why_text(decision: Decision, now: datetime, paint: Paint, at: datetime | None = None) -> str:
    """State and reason, what runs and what is offered, what has to happen next, each gate with its
    evidence, and what was passed over."""
    return "\n".join(_lines(decision, Screen(now, paint, at))) + "\n"


def _lines(decision: Decision, screen: Screen) -> Iterator[str]:
    now, paint = screen.judged_at, screen.paint
    state = paint(decision.state.value, STYLES[decision.state], "bold")
    if screen.at is not None:
        yield f"as of {spell_time(screen.at)}, if nothing else happens until then:"
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
    if not any(each.gate == HOLD for each in decision.verdicts):
        rows += [("hold", line) for line in hold_lines(decision.holds)]
    if step := next_step(decision, now):
        rows.append(("next", step))
    rows.append(("manifests", decision.target.path))
    rows.append(("rule", decision.rule))
    yield from (printable(line) for line in align(rows, indent=2))
    if decision.verdicts:
        yield ""
        yield "  gates"
        for verdict in decision.verdicts:
            yield from _verdict(verdict, decision, screen)
    yield from _passed_over("releases passed over", tuple(_others(decision)))
    for selection in decision.selections:
        title = f"tags of {selection.name} passed over by {selection.policy}"
        yield from _passed_over(title, selection.passed_over)


def _release(release: Release | None, since: datetime | None, now: datetime) -> str:
    if release is None:
        return "nothing that can be told"
    age = f", since {spell_time(since)} ({spell_duration(now - since)})" if since else ""
    return f"{release.label} (release {release.id}{age})"


def _others(decision: Decision) -> Iterator[PassedOver]:
    """What was passed over but for the release that the whole screen is about."""
    if decision.state is State.CURRENT:
        return
    offered = decision.offered.label if decision.offered else None
    for each in decision.passed_over:
        if each.what != offered or each.why not in decision.why:
            yield each


def _verdict(verdict: Verdict, decision: Decision, screen: Screen) -> Iterator[str]:
    now, paint = screen.judged_at, screen.paint
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
    if remedy := remedy_of(verdict, decision):
        word, command = remedy
        yield f"      {word}: {printable(command)}"
    if verdict.evidence:
        seen = ", ".join(f"{name} {value}" for name, value in verdict.evidence)
        yield f"      saw {printable(seen)}{_age(verdict, screen.now)}"


def _age(verdict: Verdict, now: datetime) -> str:
    """How old the evidence is, where it was looked up."""
    if verdict.seen_at is None:
        return ""
    age = spell_duration(now - verdict.seen_at)
    return " (just now)" if age == "0s" else f" ({age} ago)"


def _passed_over(title: str, entries: tuple[PassedOver, ...]) -> Iterator[str]:
    if not entries:
        return
    yield ""
    yield f"  {title}"
    rows = [(each.what, each.why) for each in entries[:_MOST_PASSED_OVER]]
    yield from (printable(line) for line in align(rows, indent=4))
    if len(entries) > _MOST_PASSED_OVER:
        yield f"    and {len(entries) - _MOST_PASSED_OVER} more"
