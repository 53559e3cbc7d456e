"""`promoter why APPLICATION ENVIRONMENT`: one screen for one target."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable

from promoter.access.redaction import redact
from promoter.cli import exit_codes
from promoter.cli.console import paint_for
from promoter.cli.flags import add_output, add_rules_or_repository, add_world
from promoter.cli.look import look
from promoter.errors import InputError
from promoter.model.plan import Decision, Plan
from promoter.texts.as_json import decision_json, dump
from promoter.texts.plan_text import troubles_text
from promoter.texts.why_text import why_text

EXAMPLE = "  promoter why order-service production"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APPLICATION")
    parser.add_argument("environment", metavar="ENVIRONMENT")
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    seen = look(arguments)
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
        raise InputError(_no_target(arguments, seen.plan.decisions))
    for decision in found:
        if seen.app.settings.output == "json":
            text = dump({"decision": decision_json(decision)}) + "\n"
        else:
            text = why_text(decision, seen.now, paint)
        sys.stdout.write(redact(text))
    asked = Plan(tuple(found))
    trouble = exit_codes.of_troubles(asked, (), broken_rules=False)
    return trouble or (exit_codes.WAITING if exit_codes.waits(asked) else exit_codes.DONE)


def _no_target(arguments: argparse.Namespace, decisions: Iterable[Decision]) -> str:
    application, environment = arguments.application, arguments.environment
    targets = [each.target for each in decisions]
    names = sorted({each.application for each in targets})
    if application in names:
        present = [each.environment for each in targets if each.application == application]
        return f"{application} has no target in '{environment}'; it has {', '.join(present)}"
    near = difflib.get_close_matches(application, names, 1)
    hint = f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(names) or 'none'}"
    return f"no application is named '{application}'{hint}"
