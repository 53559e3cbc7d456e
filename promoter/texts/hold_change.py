"""A hold that is set or taken away: the commit, the merge request, and what the command says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from promoter.decisions.branches import target_path
from promoter.model.delivery import Delivered, Delivery
from promoter.model.facts import Tip
from promoter.model.hold import EVERYTHING, BrokenHold, Globs, Hold
from promoter.model.target import Target
from promoter.texts.as_json import Json, broken_hold_json, hold_json, request_json
from promoter.texts.holds_text import hold_line, spell_end
from promoter.texts.inline import code, escaped_line, unmarked
from promoter.texts.paint import Paint, printable

PREFIX = "promoter-hold/"
"""Of the branches that set or release holds: outside of the promotions' own prefix."""
_MOST_TARGETS = 50
_ALL = "_all"


@dataclass(frozen=True)
class HoldChange:
    """What a command did, or is about to do, in one repository. `targets` are those that the hold
    covers now. A hold that is released carries who released it. `delivered` None: it stood there
    already. `still`: what goes on to hold some of the targets."""

    what: Literal["hold", "release"]
    repository: str
    base: str
    hold: Hold
    targets: tuple[Target, ...]
    delivered: Delivered | None = None
    still: tuple[Hold | BrokenHold, ...] = ()


def hold_delivery(change: HoldChange, tip: Tip, files: Mapping[str, bytes | None]) -> Delivery:
    """The commit and the merge request that bring it onto the branch."""
    verb = "Hold" if change.what == "hold" else "Release"
    title = unmarked(f"{verb} {change.hold.subject}")
    said = unmarked(_sentence(change))
    body = _body(change, f"promoter {'hold' if change.what == 'hold' else 'release-hold'}")
    message = f"{title}\n\n{said}\n"
    return Delivery(tip, files, message, _branch(change.hold), title, body)


def _sentence(change: HoldChange) -> str:
    hold = change.hold
    if change.what == "hold":
        return f"{hold.told[0].upper()}{hold.told[1:]}"
    return f"Released by {hold.by}; it was held for: {hold.reason}"


def _body(change: HoldChange, command: str) -> str:
    hold = change.hold
    names = [str(each) for each in change.targets[:_MOST_TARGETS]]
    rest = len(change.targets) - len(names)
    lines = [escaped_line(_sentence(change)), ""]
    if hold.releases:
        lines += [f"Releases: {', '.join(map(code, hold.releases))}", ""]
    lines += ["It concerns:", "", *(f"- {escaped_line(each)}" for each in names)]
    if rest > 0:
        lines.append(f"- and {rest} more")
    lines += [
        "",
        f"File: {code(hold.where.file)}. It counts once this is merged ({code(command)}).",
    ]
    return "\n".join(lines) + "\n"


def _branch(hold: Hold) -> str:
    """One for each thing that can be held, so that it is found again."""
    name = f"{PREFIX}{target_path(_name(hold.environments), _name(hold.applications))}"
    if not hold.releases:
        return name
    releases = "\0".join(sorted(hold.releases))
    return f"{name}-{hashlib.sha256(releases.encode()).hexdigest()[:6]}"


def _name(globs: Globs) -> str:
    return _ALL if globs == EVERYTHING else ",".join(globs)


# -- what the command says ---------------------------------------------------------------------


def change_text(change: HoldChange, now: datetime, paint: Paint) -> str:
    hold = change.hold
    lines = [paint(printable(_deed(change)), "bold")]
    if change.what == "hold":
        end = f", until {spell_end(hold.until, now)}" if hold.until else ""
        lines.append(f"  {hold.subject}: held by {hold.by}{end}: {hold.reason}")
    else:
        lines.append(f"  {hold.subject}: released")
    lines.append(f"  {_concerns(change.targets)}")
    lines += [f"  still {hold_line(each)}" for each in change.still]
    if change.what == "hold":
        lines.append(f"  take it away: {hold.release_command}")
    return "\n".join([lines[0], *map(printable, lines[1:])]) + "\n"


def _deed(change: HoldChange) -> str:
    file, delivered = change.hold.where.file, change.delivered
    if delivered is None:
        return f"stands already on {change.base} of {change.repository}: {file}"
    if delivered.request is not None:
        asks = "is open" if not delivered.changed else "opened"
        return (
            f"merge request {delivered.request.url} {asks} ({file}):"
            f" {'nothing is held' if change.what == 'hold' else 'it is held'} until it is merged"
        )
    if not delivered.changed:
        return f"somebody else did the same on {change.base} of {change.repository}: {file}"
    return (
        f"COMMITTED straight to {change.base} of {change.repository}:"
        f" {delivered.commit[:12]} ({file})"
    )


def _concerns(targets: Sequence[Target]) -> str:
    names = [str(each) for each in targets[:_MOST_TARGETS]]
    more = f", and {len(targets) - len(names)} more" if len(targets) > len(names) else ""
    count = "1 target" if len(targets) == 1 else f"{len(targets)} targets"
    return f"{count} now{': ' if names else ''}{', '.join(names)}{more}"


def change_json(change: HoldChange) -> Json:
    delivered = change.delivered
    done = "unchanged"
    if delivered is not None and delivered.changed:
        done = "proposed" if delivered.request else "committed"
    return {
        "repository": change.repository,
        "branch": change.base,
        "hold": hold_json(change.hold),
        "targets": [
            {"application": each.application, "environment": each.environment}
            for each in change.targets
        ],
        "done": done,
        "commit": delivered.commit if delivered else None,
        "merge_request": (
            request_json(delivered.request) if delivered and delivered.request else None
        ),
        "still_held_by": [
            hold_json(each) if isinstance(each, Hold) else broken_hold_json(each)
            for each in change.still
        ],
    }
