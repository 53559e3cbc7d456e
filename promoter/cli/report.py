"""`promoter report --since 90d`: how often, how fast and how well releases are delivered."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from promoter.access.redaction import redact
from promoter.cli import exit_codes
from promoter.cli.console import Progress, paint_for
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.history import check_found, is_named
from promoter.cli.look import read_rules
from promoter.decisions.history import Chronicle, read_chronicle
from promoter.decisions.report import Report, make_report
from promoter.engine.ask import ask
from promoter.engine.observe import Observer
from promoter.errors import InputError
from promoter.model.facts import Facts
from promoter.model.plan import Plan
from promoter.model.rule import Rule
from promoter.model.target import Target
from promoter.rules.duration import parse_duration
from promoter.rules.wording import quote
from promoter.texts.as_json import dump
from promoter.texts.report_text import report_json, report_markdown, report_text

EXAMPLE = """\
  promoter report --since 90d
  promoter report --since 2026-01-01 --environment production --output markdown"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        default="90d",
        metavar="TIME",
        help="how far back: a duration such as 90d, or a date such as 2026-01-01"
        " (its beginning in UTC); default: 90d",
    )
    parser.add_argument("--application", metavar="NAME", help="of this application alone")
    parser.add_argument("--environment", metavar="NAME", help="in this environment alone")
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser, ("text", "json", "markdown"))


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    now = app.clock()
    since = read_since(arguments.since, now)
    rules, broken = read_rules(app)
    observer, progress = Observer(app.adapters), Progress()
    is_wanted = partial(is_named, arguments.application, arguments.environment)
    try:
        chronicle, report = ask(
            partial(_look, rules, is_wanted, app.settings.bot_email, since, now),
            observer,
            now,
            progress,
        )
    finally:
        progress.done()
    check_found(chronicle, arguments.application, arguments.environment)
    if app.settings.output == "json":
        text = dump(report_json(report)) + "\n"
    elif app.settings.output == "markdown":
        text = report_markdown(report)
    else:
        text = report_text(report, paint_for(sys.stdout))
    sys.stdout.write(redact(text))
    return exit_codes.of_troubles(Plan(()), report.troubles, broken)


def _look(
    rules: Sequence[Rule],
    is_wanted: Callable[[Target], bool],
    bot: str,
    since: datetime,
    now: datetime,
    facts: Facts,
) -> tuple[Chronicle, Report]:
    chronicle = read_chronicle(rules, is_wanted, bot, facts)
    return chronicle, make_report(chronicle, since, now, facts)


def read_since(text: str, now: datetime) -> datetime:
    """A duration back from now, or the beginning of a day in UTC. Raises InputError."""
    try:
        since = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        try:
            return now - parse_duration(text)
        except ValueError as error:
            raise InputError(f"--since: {error}; or a date such as 2026-01-31") from None
    if since >= now:
        raise InputError(f"--since: {quote(text)} is not in the past")
    return since
