"""`promoter hold APPLICATION ENVIRONMENT`: targets stay where they are, or a release stays out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli import exit_codes
from promoter.cli.asking import who_asks
from promoter.cli.console import Progress, complain, paint_for
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.held_places import (
    Named,
    Place,
    add_names,
    find_places,
    no_such_target,
    read_names,
)
from promoter.cli.look import read_rules
from promoter.cli.times import read_time_ahead
from promoter.engine.deliver import deliver
from promoter.engine.hold_files import write_hold
from promoter.engine.observe import Observer
from promoter.errors import InputError, PromoterError, Where
from promoter.model.delivery import How
from promoter.model.hold import Hold
from promoter.rules.holds import path_of
from promoter.texts.as_json import dump
from promoter.texts.hold_change import HoldChange, change_json, change_text, hold_delivery

EXAMPLE = """\
  promoter hold web production --reason "the sale" --until 2026-12-27
  promoter hold web '*' --release 1.4.0 --reason "loses carts, see INC-7"
  promoter hold --all --reason "the data center moves" --until 6h"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_names(parser)
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why; people read it")
    parser.add_argument(
        "--until",
        metavar="WHEN",
        help="a duration (6h, 7d), a time (2026-12-24T18:00:00Z) or a date: to its end, in UTC"
        " (default: until somebody takes it away)",
    )
    add_way(parser)
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def add_way(parser: argparse.ArgumentParser) -> None:
    """Who does it, and how it gets onto the branch."""
    parser.add_argument(
        "--as", dest="person", metavar="PERSON", help="who (default: whom the CI job names)"
    )
    parser.add_argument(
        "--merge-request",
        action="store_true",
        help="open a merge request, and let people merge it (default: a commit to the branch)",
    )


def run(arguments: argparse.Namespace) -> int:
    named, app = read_names(arguments), app_from(arguments)
    now = app.clock()
    hold = _hold(arguments, named, app, now)
    rules, broken = read_rules(app)
    progress = Progress()
    try:
        found = find_places(rules, Observer(app.adapters), now, progress)
        places = [each for each in found.places if each.held_by(hold)]
        if not places:
            if found.unseen:
                raise found.unseen[0]
            targets = [target for each in found.places for target in each.targets]
            raise InputError(no_such_target(named, targets))
        changes = [_write(app, each, hold, arguments.merge_request) for each in places]
    finally:
        progress.done()
    return tell_changes(app, changes, now, found.unseen, broken=bool(broken))


def _hold(arguments: argparse.Namespace, named: Named, app: App, now: datetime) -> Hold:
    reason = redact(" ".join(arguments.reason.split()))
    if not reason:
        raise InputError("--reason: is empty: say why, people read it")
    by = who_asks(app.settings.person, os.environ)
    until = (
        read_time_ahead("--until", arguments.until, now) if arguments.until is not None else None
    )
    where = Where(path_of(named.applications, named.environments))
    hold = Hold(named.applications, named.environments, by, reason, where, named.releases, until)
    try:
        f"{by}{reason}".encode()
    except UnicodeEncodeError:
        raise InputError("--reason or --as: is not UTF-8 text") from None
    return hold


def _write(app: App, place: Place, hold: Hold, by_request: bool) -> HoldChange:
    before = next((each for each in place.holds.standing if each.is_same(hold)), None)
    targets = place.held_by(hold)
    if before and (before.reason, before.until) == (hold.reason, hold.until):
        return HoldChange("hold", place.address.url, place.tip.branch, before, targets)
    tree = app.adapters.repository(place.address).tree(place.tip.commit)
    written, made = write_hold(tree, hold, before)
    change = HoldChange("hold", place.address.url, place.tip.branch, written, targets)
    delivery = hold_delivery(change, place.tip, {made.path: made.after})
    how: How = "merge-request" if by_request else "commit"
    return replace(change, delivered=deliver(app.adapters, place.address, delivery, how))


def tell_changes(
    app: App,
    changes: Sequence[HoldChange],
    now: datetime,
    unseen: Sequence[PromoterError],
    *,
    broken: bool,
) -> int:
    """Prints them, and complains of repositories that could not be looked at; what it all ends
    with. `broken`: there are rule files that could not be read."""
    if app.settings.output == "json":
        text = dump({"holds": [change_json(each) for each in changes]}) + "\n"
    else:
        paint = paint_for(sys.stdout)
        text = "".join(change_text(each, now, paint) for each in changes)
    sys.stdout.write(redact(text))
    for error in unseen:
        complain(str(error))
    codes = (exit_codes.of_error(each) for each in unseen)
    return exit_codes.worst(*codes, exit_codes.INPUT if broken else exit_codes.DONE)
