"""`promoter history APPLICATION [ENVIRONMENT]`: how each release came there."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from promoter.access.redaction import redact
from promoter.cli import exit_codes
from promoter.cli.console import Progress, complain, paint_for
from promoter.cli.find_target import no_target
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.look import read_rules
from promoter.decisions.history import Chronicle, read_chronicle
from promoter.engine.ask import ask
from promoter.engine.observe import Observer
from promoter.errors import InputError
from promoter.model.plan import Plan
from promoter.model.target import Target
from promoter.texts.as_json import dump
from promoter.texts.history_text import history_json, history_markdown, history_text

EXAMPLE = """\
  promoter history order-service production
  promoter history order-service --limit 100 --output json"""

_MOST = 20


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APPLICATION")
    parser.add_argument("environment", metavar="ENVIRONMENT", nargs="?")
    parser.add_argument(
        "--limit",
        type=_count,
        default=_MOST,
        metavar="N",
        help=f"show the newest N releases of each environment (default: {_MOST})",
    )
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser, ("text", "json", "markdown"))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of releases: give 1 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    rules, broken = read_rules(app)
    observer, now, progress = Observer(app.adapters), app.clock(), Progress()
    is_wanted = partial(is_named, arguments.application, arguments.environment)
    step = partial(read_chronicle, rules, is_wanted, app.settings.bot_email)
    try:
        chronicle = ask(step, observer, now, progress)
    finally:
        progress.done()
    check_found(chronicle, arguments.application, arguments.environment)
    if app.settings.output == "json":
        text = dump(history_json(chronicle, arguments.limit)) + "\n"
    elif app.settings.output == "markdown":
        text = history_markdown(chronicle, arguments.limit, now)
    else:
        text = history_text(chronicle, arguments.limit, now, paint_for(sys.stdout))
    sys.stdout.write(redact(text))
    return exit_codes.of_troubles(Plan(()), chronicle.troubles, broken)


def is_named(application: str | None, environment: str | None, target: Target) -> bool:
    """None: any."""
    return application in (None, target.application) and environment in (None, target.environment)


def check_found(chronicle: Chronicle, application: str | None, environment: str | None) -> None:
    """Raises InputError where no target has these names, with the one that was probably meant; not
    where something did not answer that might have it."""
    if chronicle.histories or chronicle.troubles:
        return
    names = sorted({each.application for each in chronicle.targets})
    if application is not None and (environment is not None or application not in names):
        raise InputError(no_target(application, environment or "", chronicle.targets))
    there = list(dict.fromkeys(each.environment for each in chronicle.targets))
    if environment is not None and environment not in there:
        known = ", ".join(there) or "none"
        raise InputError(f"no target is in an environment named '{environment}'; there are {known}")
    if not chronicle.targets:
        complain("the rules match no target in the manifest repository")
