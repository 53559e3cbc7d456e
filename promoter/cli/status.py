"""`promoter status`: applications by environments."""

from __future__ import annotations

import argparse
import sys

from promoter.access.redaction import redact
from promoter.cli.console import paint_for
from promoter.cli.exit_codes import of_troubles
from promoter.cli.flags import add_output, add_rules_or_repository, add_world
from promoter.cli.look import look
from promoter.texts.as_json import dump, plan_json
from promoter.texts.status_text import status_text

EXAMPLE = "  promoter status"


def configure(parser: argparse.ArgumentParser) -> None:
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    seen = look(arguments)
    if seen.app.settings.output == "json":
        text = dump(plan_json(seen.plan)) + "\n"
    else:
        text = status_text(seen.plan, seen.now, paint_for(sys.stdout))
    sys.stdout.write(redact(text))
    return of_troubles(seen.plan, (), seen.broken)
