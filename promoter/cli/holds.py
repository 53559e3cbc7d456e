"""`promoter holds`: who holds what, why, and until when."""

from __future__ import annotations

import argparse
import sys

from promoter.access.redaction import redact
from promoter.cli import exit_codes
from promoter.cli.console import Progress, complain, paint_for
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.held_places import find_places
from promoter.cli.look import read_rules
from promoter.engine.observe import Observer
from promoter.texts.as_json import dump
from promoter.texts.holds_text import HeldPlace, holds_json, holds_text

EXAMPLE = "  promoter holds --expired"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--expired", action="store_true", help="those that are over, too: they hold nothing"
    )
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    now = app.clock()
    rules, broken = read_rules(app)
    progress = Progress()
    try:
        found = find_places(rules, Observer(app.adapters), now, progress)
    finally:
        progress.done()
    places = [
        HeldPlace(each.address.url, each.tip.branch, each.holds, each.targets)
        for each in found.places
    ]
    if app.settings.output == "json":
        text = dump(holds_json(places, now, expired=arguments.expired)) + "\n"
    else:
        text = holds_text(places, now, paint_for(sys.stdout), expired=arguments.expired)
    sys.stdout.write(redact(text))
    for error in found.unseen:
        complain(str(error))
    is_broken = broken or any(each.holds.broken for each in found.places)
    codes = (exit_codes.of_error(each) for each in found.unseen)
    return exit_codes.worst(*codes, exit_codes.INPUT if is_broken else exit_codes.DONE)
