"""`promoter release-hold APPLICATION ENVIRONMENT`: a hold is taken away again."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace

from promoter.app import App
from promoter.cli.asking import who_asks
from promoter.cli.console import Progress
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.held_places import Named, Place, add_names, find_places, read_names
from promoter.cli.hold import add_way, tell_changes
from promoter.cli.look import read_rules
from promoter.engine.deliver import deliver
from promoter.engine.observe import Observer
from promoter.errors import InputError
from promoter.model.delivery import How
from promoter.model.hold import BrokenHold, Hold
from promoter.rules.hold_edits import remove_hold, replace_hold
from promoter.rules.holds import path_of
from promoter.rules.wording import enumerate_words
from promoter.texts.hold_change import HoldChange, hold_delivery

EXAMPLE = """\
  promoter release-hold web production
  promoter release-hold web '*' --release 1.4.0
  promoter release-hold --all"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_names(parser)
    add_way(parser)
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    named, app = read_names(arguments), app_from(arguments)
    now, by = app.clock(), who_asks(app.settings.person, os.environ)
    rules, broken = read_rules(app)
    progress = Progress()
    try:
        found = find_places(rules, Observer(app.adapters), now, progress)
        pairs = [(place, hold) for place in found.places if (hold := _find(place, named))]
        if not pairs:
            if found.unseen:
                raise found.unseen[0]
            raise InputError(_nothing_to_release(named, found.places))
        changes = [
            _take_away(app, place, hold, named, by, arguments.merge_request)
            for place, hold in pairs
        ]
    finally:
        progress.done()
    return tell_changes(app, changes, now, found.unseen, broken=bool(broken))


def _find(place: Place, named: Named) -> Hold | None:
    """The very hold that is named; of a ban of several releases some of them may be."""
    wanted = set(named.releases)
    of_these = [
        each
        for each in place.holds.standing
        if (each.applications, each.environments) == (named.applications, named.environments)
        and bool(each.releases) == bool(wanted)
    ]
    exact = (each for each in of_these if set(each.releases) == wanted)
    return next(exact, None) or next((e for e in of_these if wanted <= set(e.releases)), None)


def _take_away(
    app: App, place: Place, hold: Hold, named: Named, by: str, by_request: bool
) -> HoldChange:
    path = hold.where.file
    content = app.adapters.repository(place.address).tree(place.tip.commit).read([path])[path]
    rest = tuple(each for each in hold.releases if each not in named.releases)
    made: bytes | None
    if rest:
        made = replace_hold(content, hold, replace(hold, releases=rest))
    else:
        made = remove_hold(content, hold)
    gone = replace(hold, releases=tuple(each for each in hold.releases if each not in rest))
    banned = [each for each in place.holds.bans if set(each.releases) & set(gone.releases)]
    others = [each for each in (*place.holds.stops, *banned) if each != hold]
    others = [each for each in others if _overlaps(each, place, hold)]
    change = HoldChange(
        *("release", place.address.url, place.tip.branch),
        *(replace(gone, by=by), place.held_by(hold)),
        still=tuple(others),
    )
    delivery = hold_delivery(change, place.tip, {path: made})
    how: How = "merge-request" if by_request else "commit"
    return replace(change, delivered=deliver(app.adapters, place.address, delivery, how))


def _overlaps(other: Hold | BrokenHold, place: Place, hold: Hold) -> bool:
    return any(other.covers(e.application, e.environment) for e in place.held_by(hold))


def _nothing_to_release(named: Named, places: Sequence[Place]) -> str:
    """Names what stands instead: for these targets, or at all."""
    path = path_of(named.applications, named.environments)
    broken = next((e for p in places for e in p.holds.broken if e.where.file == path), None)
    if broken is not None:
        return f"{broken.problems[0]}: mend the file, or delete it"
    holds = [hold for each in places for hold in each.holds.standing]
    if not holds:
        return f"no hold is of {named.subject}: nothing is held"
    names = [(a, e) for a in named.applications for e in named.environments]
    near = [each for each in holds if any(each.covers(*pair) for pair in names)]
    commands = enumerate_words(each.release_command for each in near or holds)
    where = "it is held by others" if near else "other holds stand"
    return f"no hold is of {named.subject}; {where}, to be taken away with: {commands}"
