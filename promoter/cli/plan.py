"""`promoter plan`: what a run would do, and why."""

from __future__ import annotations

import argparse
import sys

from promoter.access.redaction import redact
from promoter.cli import exit_codes
from promoter.cli.console import paint_for
from promoter.cli.flags import add_output, add_rules_or_repository, add_world
from promoter.cli.look import look
from promoter.texts.as_json import dump, plan_json
from promoter.texts.markdown import plan_markdown
from promoter.texts.plan_text import plan_text

EXAMPLE = "  promoter plan --rules rules/shop.yaml --detailed-exitcode"


def configure(parser: argparse.ArgumentParser) -> None:
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser, ("text", "json", "markdown"))
    parser.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help="exit with 2 where a run would change something, 3 where something waits",
    )


def run(arguments: argparse.Namespace) -> int:
    seen = look(arguments)
    plan, output = seen.plan, seen.app.settings.output
    if output == "json":
        text = dump(plan_json(plan)) + "\n"
    elif output == "markdown":
        text = plan_markdown(plan)
    else:
        text = plan_text(plan, paint_for(sys.stdout))
    sys.stdout.write(redact(text))
    trouble = exit_codes.of_troubles(plan, (), seen.broken)
    if trouble or not arguments.detailed_exitcode:
        return trouble
    if plan.actions:
        return exit_codes.CHANGES
    return exit_codes.WAITING if exit_codes.waits(plan) else exit_codes.DONE
