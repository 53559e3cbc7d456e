"""`promoter run`: one reconcile."""

from __future__ import annotations

import argparse
import sys

from promoter.access.redaction import redact
from promoter.cli import exit_codes
from promoter.cli.console import Progress, advise, paint_for, warn
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.look import read_rules
from promoter.engine.reconcile import Scope, reconcile
from promoter.texts.as_json import dump, outcome_json
from promoter.texts.plan_text import outcome_text, untold_warnings

EXAMPLE = "  promoter run --rules rules/ --credentials /run/secrets/promoter.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)
    parser.add_argument(
        "--waiting-is-done",
        action="store_true",
        help="end with 0, not 3, where all that is left waits for a gate or a block: for schedulers"
        " that take any other code for a failure, as a CronJob does",
    )


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    rules, broken = read_rules(app)
    progress = Progress()
    try:
        outcome = reconcile(Scope(rules), app.adapters, app.clock, progress)
    finally:
        progress.done()
    advise(outcome.plan)
    if app.settings.output == "json":
        text = dump(outcome_json(outcome)) + "\n"
    else:
        text = outcome_text(outcome, paint_for(sys.stdout))
    sys.stdout.write(redact(text))
    for each in untold_warnings(outcome):
        warn(each)
    trouble = exit_codes.of_troubles(outcome.plan, outcome.troubles, broken)
    if trouble:
        return trouble
    if exit_codes.waits(outcome.plan) and not arguments.waiting_is_done:
        return exit_codes.WAITING
    return exit_codes.DONE
