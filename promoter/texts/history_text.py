"""How releases came to targets: for a terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from promoter.decisions.history import Chronicle, Entry, History
from promoter.model.spell import spell_duration, spell_time
from promoter.texts.as_json import Json, release_json, trouble_json
from promoter.texts.columns import align
from promoter.texts.inline import escaped
from promoter.texts.paint import Paint, printable
from promoter.texts.plan_text import troubles_text

_STYLES = {"rollback": "yellow", "revert": "yellow", "direct": "cyan", "unread": "red"}
_WHAT = {
    "first": "was there first",
    "promotion": "promotion",
    "rollback": "rollback",
    "revert": "went back by a direct commit",
    "direct": "a direct commit",
    "untold": "its merge request is not known",
    "unread": "mixed, absent or not readable",
}


def history_text(chronicle: Chronicle, limit: int, now: datetime, paint: Paint) -> str:
    """A block a target: a line for each release, and below it how it came."""
    blocks = [_block(each, limit, now, paint) for each in chronicle.histories]
    text = "\n\n".join("\n".join(lines) for lines in blocks)
    troubles = troubles_text(chronicle.troubles, paint)
    return "\n".join([*([text] if text else []), *troubles]) + "\n"


def _block(history: History, limit: int, now: datetime, paint: Paint) -> list[str]:
    shown = history.entries[:limit]
    lines = [paint(printable(str(history.target)), "bold")]
    rows = [_row(each, now) for each in shown]
    for each, line in zip(shown, align(rows, indent=2), strict=True):
        style = _STYLES.get(each.kind)
        lines.append(paint(printable(line), style) if style else printable(line))
        lines += [f"      {printable(detail)}" for detail in _details(each)]
    if not shown:
        lines.append("  nothing ran here yet")
    if older := len(history.entries) - len(shown):
        lines.append(f"  and {older} older; --limit {len(history.entries)} shows all")
    return lines


def _row(entry: Entry, now: datetime) -> tuple[str, ...]:
    label = entry.release.label if entry.release else "?"
    ran = spell_duration((entry.until or now) - entry.since)
    ran = f"ran {ran}" if entry.until else f"runs for {ran}"
    return (label, spell_time(entry.since), ran, _how(entry))


def _how(entry: Entry) -> str:
    what = _WHAT[entry.kind]
    source = f" from {entry.origin}" if entry.origin else ""
    return f"{what}{source}"


def _details(entry: Entry) -> Iterator[str]:
    """What is known beside the line itself; the manifests as they were first have no story."""
    if entry.url:
        merged = f", merged by {entry.by}" if entry.by else ""
        yield f"{entry.url}{merged}"
    elif entry.kind != "first":
        yield f"commit {entry.commit[:12]}" + (f" by {entry.by}" if entry.by else "")
    if entry.requested_by:
        yield f"asked for by {entry.requested_by}"
    if entry.rolls_back:
        yield f"rolls back {entry.rolls_back}"
    if entry.skips:
        yield f"skipped {', '.join(entry.skips)}"
    if entry.reason:
        yield f"because {entry.reason}"
    if entry.offered_at:
        yield f"offered {spell_time(entry.offered_at)}"
    for gate in entry.gates:
        yield f"{gate.gate} passed {spell_time(gate.at)}, after {spell_duration(gate.after)}"


def history_markdown(chronicle: Chronicle, limit: int, now: datetime) -> str:
    return "\n".join(_markdown(chronicle, limit, now)) + "\n"


def _markdown(chronicle: Chronicle, limit: int, now: datetime) -> Iterator[str]:
    for index, history in enumerate(chronicle.histories):
        if index:
            yield ""
        yield f"**{escaped(str(history.target))}**"
        yield ""
        yield "| release | since | for | how | merge request | by | gates |"
        yield "|---|---|---|---|---|---|---|"
        for each in history.entries[:limit]:
            release, since, ran, how = _row(each, now)
            gates = ", ".join(f"{g.gate} after {spell_duration(g.after)}" for g in each.gates)
            told = (release, since, ran, how, each.url or "-", each.by or "-", gates or "-")
            yield "| " + " | ".join(escaped(cell) for cell in told) + " |"
        if len(history.entries) > limit:
            yield ""
            yield f"and {len(history.entries) - limit} older"
    for trouble in chronicle.troubles:
        yield ""
        yield f"> error: {escaped(str(trouble))}"


def history_json(chronicle: Chronicle, limit: int) -> Json:
    return {
        "histories": [_history(each, limit) for each in chronicle.histories],
        "troubles": [trouble_json(each) for each in chronicle.troubles],
    }


def _history(history: History, limit: int) -> Json:
    return {
        "rule": history.rule,
        "repository": history.repository.url,
        "application": history.target.application,
        "environment": history.target.environment,
        "path": history.target.path,
        "entries": [_entry(each) for each in history.entries[:limit]],
        "older": max(len(history.entries) - limit, 0),
    }


def _entry(entry: Entry) -> Json:
    return {
        "release": release_json(entry.release),
        "since": spell_time(entry.since),
        "until": spell_time(entry.until) if entry.until else None,
        "seconds": int((entry.until - entry.since).total_seconds()) if entry.until else None,
        "kind": entry.kind,
        "back": entry.back,
        "origin": entry.origin,
        "commit": entry.commit,
        "merge_request": {"number": entry.number, "url": entry.url} if entry.number else None,
        "by": entry.by,
        "requested_by": entry.requested_by or None,
        "offered_at": spell_time(entry.offered_at) if entry.offered_at else None,
        "gates": [
            {
                "gate": each.gate,
                "passed_at": spell_time(each.at),
                "seconds": int(each.after.total_seconds()),
            }
            for each in entry.gates
        ],
        "rolls_back": entry.rolls_back or None,
        "skips": list(entry.skips),
        "reason": entry.reason or None,
    }
