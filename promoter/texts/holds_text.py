"""Holds for a terminal: over one target, and all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from promoter.model.hold import EVERYTHING, BrokenHold, Globs, Hold, Holds
from promoter.model.spell import spell_duration, spell_time
from promoter.model.target import Target
from promoter.texts.as_json import Json, broken_hold_json, hold_json
from promoter.texts.columns import align
from promoter.texts.paint import Paint, printable

_HEAD = ("APPLICATION", "ENVIRONMENT", "RELEASE", "BY", "UNTIL", "TARGETS", "FILE", "REASON")


@dataclass(frozen=True)
class HeldPlace:
    """What the hold files on one branch of a repository say, and the targets that are there now."""

    repository: str
    branch: str
    holds: Holds
    targets: tuple[Target, ...]

    def held_by(self, hold: Hold | BrokenHold) -> list[Target]:
        return [e for e in self.targets if hold.covers(e.application, e.environment)]


def hold_lines(holds: Holds) -> list[str]:
    """A line for each hold over a target, those that stop it first."""
    return [hold_line(each) for each in (*holds.stops, *holds.bans)]


def hold_line(hold: Hold | BrokenHold) -> str:
    """What it says, with its file."""
    return f"{hold.told} ({hold.where.file})" if isinstance(hold, Hold) else hold.told


def holds_text(places: Sequence[HeldPlace], now: datetime, paint: Paint, *, expired: bool) -> str:
    """A table for each repository that has holds, and below it what can't be read."""
    lines: list[str] = []
    for each in places:
        lines += _place(each, now, paint, expired)
    lines = lines or ["nothing is held"]
    over = sum(1 for place in places for each in place.holds.standing if each.is_over(now))
    if over and not expired:
        count = f"{over} hold is over" if over == 1 else f"{over} holds are over"
        lines.append(f"{count}: --expired lists {'it' if over == 1 else 'them'}")
    return "\n".join(lines) + "\n"


def _place(of: HeldPlace, now: datetime, paint: Paint, expired: bool) -> Iterator[str]:
    shown = [each for each in of.holds.standing if expired or not each.is_over(now)]
    if not shown and not of.holds.broken:
        return
    yield paint(printable(f"{of.repository} ({of.branch})"), "bold")
    if shown:
        rows = [_row(each, len(of.held_by(each)), now) for each in shown]
        head, *table = align([_HEAD, *rows], indent=2)
        yield paint(head, "bold")
        for hold, line in zip(shown, table, strict=True):
            yield paint(printable(line), "dim") if hold.is_over(now) else printable(line)
    for broken in of.holds.broken:
        held = len(of.held_by(broken))
        count = "1 target" if held == 1 else f"{held} targets"
        yield f"  {paint('broken', 'red', 'bold')}  holds {count} until it is mended:"
        yield from (f"    {printable(str(each))}" for each in broken.problems)


def _row(hold: Hold, targets: int, now: datetime) -> tuple[str, ...]:
    return (
        _names(hold.applications),
        _names(hold.environments),
        ", ".join(hold.releases) or "-",
        hold.by,
        spell_end(hold.until, now),
        str(targets) if targets else "none",
        f"{hold.where.file}:{hold.where.line}",
        hold.reason,
    )


def _names(globs: Globs) -> str:
    return "*" if globs == EVERYTHING else ",".join(globs)


def spell_end(until: datetime | None, now: datetime) -> str:
    """`2026-12-24T00:00:00Z (2d 3h)`, or that it is over, or that it has no end."""
    if until is None:
        return "it is taken away"
    left = "over" if now >= until else spell_duration(until - now)
    return f"{spell_time(until)} ({left})"


def holds_json(places: Sequence[HeldPlace], now: datetime, *, expired: bool) -> Json:
    """Those that are broken are among them, with what is wrong as their `problems`."""
    rows: list[Json] = []
    for place in places:
        for hold in place.holds.standing:
            if expired or not hold.is_over(now):
                value = {**hold_json(hold), "expired": hold.is_over(now)}
                rows.append(_with_targets(value, place, hold))
        for broken in place.holds.broken:
            value = {**broken_hold_json(broken), "expired": False}
            rows.append(_with_targets(value, place, broken))
    return {"holds": rows}


def _with_targets(value: Json, place: HeldPlace, hold: Hold | BrokenHold) -> Json:
    targets = [
        {"application": each.application, "environment": each.environment}
        for each in place.held_by(hold)
    ]
    return {"repository": place.repository, "branch": place.branch, **value, "targets": targets}
