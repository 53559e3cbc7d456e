"""`promoter why APPLICATION ENVIRONMENT`: one screen for one target."""

from __future__ import annotations

import argparse
import sys

from promoter.access.redaction import redact
from promoter.cli import exit_codes
from promoter.cli.console import paint_for
from promoter.cli.find_target import no_target
from promoter.cli.flags import add_output, add_rules_or_repository, add_world
from promoter.cli.look import look
from promoter.errors import InputError
from promoter.model.plan import Plan
from promoter.texts.as_json import decision_json, dump
from promoter.texts.plan_text import troubles_text
from promoter.texts.why_text import why_text

EXAMPLE = """\
  promoter why order-service production
  promoter why order-service production --at 2026-12-24T09:00:00Z"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APPLICATION")
    parser.add_argument("environment", metavar="ENVIRONMENT")
    parser.add_argument(
        "--at",
        metavar="WHEN",
        help="how it will stand then, if nothing else happens: a duration from now (6h), a time"
        " (2026-12-24T18:00:00Z) or a date",
    )
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    seen = look(arguments, arguments.at)
    paint = paint_for(sys.stdout)
    found = [
        each
        for each in seen.plan.decisions
        if each.target.application == arguments.application
        and each.target.environment == arguments.environment
    ]
    if not found:
        for line in troubles_text(seen.plan.troubles, paint):
            print(redact(line), file=sys.stderr)
        if seen.plan.troubles and not seen.plan.decisions:
            return exit_codes.of_troubles(seen.plan, (), seen.broken)
        targets = (each.target for each in seen.plan.decisions)
        raise InputError(no_target(arguments.application, arguments.environment, targets))
    for decision in found:
        if seen.app.settings.output == "json":
            text = dump({"decision": decision_json(decision)}) + "\n"
        else:
            text = why_text(decision, seen.now, paint, seen.at)
        sys.stdout.write(redact(text))
    asked = Plan(tuple(found))
    trouble = exit_codes.of_troubles(asked, (), broken_rules=False)
    return trouble or (exit_codes.WAITING if exit_codes.waits(asked) else exit_codes.DONE)
