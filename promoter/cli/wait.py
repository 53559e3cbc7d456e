"""`promoter wait APPLICATION ENVIRONMENT`: until a release is where a job wants it.

It plans again and again and applies nothing; the promotion itself is somebody else's work.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli import exit_codes
from promoter.cli.ci_outputs import add_ci_outputs, write_ci_outputs
from promoter.cli.console import Progress, complain, paint_for
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.watch import Goal, Sight, Watch, ends
from promoter.errors import InputError, TransientError
from promoter.model.spell import spell_duration
from promoter.rules.duration import parse_duration
from promoter.texts.as_json import decision_json, dump
from promoter.texts.promotion import promotion_json, promotion_text
from promoter.texts.why_text import why_text

EXAMPLE = """\
  promoter wait web dev --for merged --timeout 15m
  promoter wait web production --for current --image ghcr.io/shop/web:1.5.0"""

_log = logging.getLogger(__name__)
_RELEASE_ID = re.compile(r"[0-9a-f]{8}")

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Patience:
    """How long is waited, and how long between two looks."""

    timeout: timedelta
    every: timedelta


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APPLICATION")
    parser.add_argument("environment", metavar="ENVIRONMENT")
    parser.add_argument(
        "--for",
        dest="goal",
        choices=("merged", "opened", "current"),
        default="merged",
        help="merged: it runs there by the manifests; opened: its merge request is open, or it is"
        " merged; current: merged, and nothing newer is on its way (default: merged)",
    )
    named = parser.add_mutually_exclusive_group()
    named.add_argument(
        "--release", metavar="ID", help="which release (default: what is offered at the first look)"
    )
    named.add_argument(
        "--image",
        dest="images",
        action="append",
        default=[],
        metavar="REF",
        help="which release, as promote has it; may be repeated",
    )
    parser.add_argument("--timeout", type=_duration, default="30m", help="(default: 30m)")
    parser.add_argument(
        "--every", type=_duration, default="15s", help="between two looks (default: 15s)"
    )
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)
    add_ci_outputs(parser)


def run(arguments: argparse.Namespace) -> int:
    return wait(app_from(arguments), arguments, time.sleep)


def wait(app: App, arguments: argparse.Namespace, sleep: Sleep) -> int:
    """Look until the goal is reached, can't be reached any more, or time is up; the exit code.

    Raises PromoterError where not even the target was found.
    """
    if arguments.release is not None and not _RELEASE_ID.fullmatch(arguments.release):
        raise InputError("--release: write the eight digits that promote and why show")
    goal = Goal(
        arguments.application,
        arguments.environment,
        arguments.goal,
        tuple(arguments.images),
        arguments.release,
    )
    progress = Progress()
    try:
        seen = _look_until(app, goal, Patience(arguments.timeout, arguments.every), sleep, progress)
    finally:
        progress.done()
    return _tell(app, seen, arguments)


def _look_until(
    app: App, goal: Goal, patience: Patience, sleep: Sleep, progress: Progress
) -> Sight:
    """The last look."""
    watch, deadline = Watch(app, goal, progress), app.clock() + patience.timeout
    while True:
        seen = _look(watch, deadline)
        left = deadline - app.clock()
        if seen is not None and (seen.is_reached or ends(seen) or left <= timedelta()):
            return seen
        progress(f"waiting for {goal}, for {spell_duration(left)} at most")
        _log.debug("sleeping until the next look")
        sleep(max(min(left, patience.every).total_seconds(), 0))


def _look(watch: Watch, deadline: datetime) -> Sight | None:
    """None where the world did not answer and there is time left to ask again."""
    try:
        return watch.look()
    except TransientError:
        if watch.app.clock() >= deadline:
            raise
        return None


def _tell(app: App, seen: Sight, arguments: argparse.Namespace) -> int:
    promotion = seen.promotion
    if app.settings.output == "json":
        value = {
            "reached": seen.is_reached,
            "promotion": promotion_json(promotion),
            "decision": decision_json(seen.decision),
        }
        text = dump(value) + "\n"
    elif seen.is_reached:
        text = promotion_text(promotion, paint_for(sys.stdout))
    else:
        text = why_text(seen.decision, app.clock(), paint_for(sys.stdout))
    sys.stdout.write(redact(text))
    written = exit_codes.DONE if write_ci_outputs(promotion, arguments) else exit_codes.INPUT
    if seen.is_reached:
        return written
    label = f"{promotion.release.label} is not" if promotion.release else "nothing is"
    late = "" if ends(seen) else f" within {spell_duration(arguments.timeout)}"
    complain(f"{label} {arguments.goal} in {promotion.target.environment}{late}: {promotion.why}")
    state = exit_codes.of_state(promotion.state, promotion.trouble)
    return exit_codes.worst(state, written, exit_codes.WAITING)


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
