"""`promoter promote APPLICATION --to ENVIRONMENT`: what a CI job calls right after a build."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace

from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli import exit_codes
from promoter.cli.asking import who_asks
from promoter.cli.ci_outputs import add_ci_outputs, write_ci_outputs
from promoter.cli.console import Progress, advise, complain, paint_for, warn
from promoter.cli.find_target import Place, find_target, read_release
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.look import read_rules
from promoter.cli.skips import check_together, read_skips
from promoter.engine.ask import ask
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, reconcile
from promoter.errors import TransientError
from promoter.model.facts import MergeRequestsOf, NotKnown
from promoter.model.ledger import Wish
from promoter.model.outcome import Outcome
from promoter.model.plan import Decision, Plan, State, Trouble
from promoter.model.ports import MergeRequest
from promoter.texts.as_json import decision_json, dump
from promoter.texts.plan_text import effects_text, untold_warnings
from promoter.texts.promotion import Promotion, conclude, promotion_json, promotion_text

EXAMPLE = """\
  promoter promote web --to dev --image ghcr.io/shop/web:1.5.0@sha256:0d1e...
  promoter promote web --to staging --repository https://git.example.com/shop/manifests.git
  promoter promote web --to production --image ghcr.io/shop/web:1.5.1 --skip staging --reason P1"""

_FORGOTTEN_IF_NOT_KEPT = (State.WAITING, State.BLOCKED)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APPLICATION")
    parser.add_argument("--to", dest="environment", metavar="ENVIRONMENT", required=True)
    parser.add_argument(
        "--image",
        dest="images",
        action="append",
        default=[],
        metavar="REF",
        help="the release: NAME:TAG@DIGEST for each image that was built, may be repeated"
        " (default: what the rule offers)",
    )
    parser.add_argument(
        "--skip",
        dest="skips",
        action="append",
        default=[],
        metavar="NAME",
        help="a hotfix: an environment that --image need not have run in before, or a gate of time"
        " (soak, window, minimum-age) that it is not asked; may be repeated",
    )
    parser.add_argument("--reason", metavar="TEXT", help="why something is skipped")
    parser.add_argument(
        "--as", dest="person", metavar="PERSON", help="who asks (default: whom the CI job names)"
    )
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)
    add_ci_outputs(parser)


def run(arguments: argparse.Namespace) -> int:
    check_together(arguments.skips, arguments.reason, arguments.images)
    app = app_from(arguments)
    rules, _ = read_rules(app)
    observer, progress = Observer(app.adapters), Progress()
    names = (arguments.application, arguments.environment)
    try:
        place = find_target(*names, rules, observer, app.clock(), progress)
        wish = _wish(app, arguments, place)
        scope = Scope(place.rules, (wish,) if wish else (), place.only, limited=False)
        outcome = reconcile(scope, app.adapters, app.clock, progress)
        requests = _merge_requests(app, place, observer, progress)
    finally:
        progress.done()
    decision = _decision(outcome)
    if decision is None:
        return _stopped(outcome, place)
    promotion = conclude(decision, wish.release if wish else None, requests)
    if wish and wish.skips:
        promotion = replace(promotion, skips=wish.skips, reason=wish.reason)
    if outcome.troubles:
        promotion = _stopped_by(outcome.troubles[0], promotion)
    _print(app, promotion, decision, outcome)
    is_unkept = any(isinstance(note, Wish) for note in decision.notes) and bool(outcome.warnings)
    trouble = _complain(outcome, promotion, is_unkept)
    written = write_ci_outputs(promotion, arguments)
    state = exit_codes.of_state(promotion.state, promotion.trouble)
    return exit_codes.worst(trouble, state, exit_codes.DONE if written else exit_codes.INPUT)


def _wish(app: App, arguments: argparse.Namespace, place: Place) -> Wish | None:
    """Raises InputError for an image that the target does not have, and for what it can't skip."""
    if not arguments.images:
        return None
    release = read_release(arguments.images, place)
    by = who_asks(app.settings.person, os.environ)
    target, reason = place.target, " ".join((arguments.reason or "").split())
    skips = read_skips(arguments.skips, place)
    return Wish(target.application, target.environment, release, app.clock(), by, skips, reason)


def _merge_requests(
    app: App, place: Place, observer: Observer, progress: Progress
) -> tuple[MergeRequest, ...]:
    """Also those that ended; none where the forge does not answer any more."""
    question = MergeRequestsOf(place.repository)
    try:
        return ask(lambda facts: facts.need(question), observer, app.clock(), progress)
    except NotKnown:
        return ()


def _decision(outcome: Outcome) -> Decision | None:
    return next(iter(outcome.plan.decisions), None)


def _stopped(outcome: Outcome, place: Place) -> int:
    """The whole rule could not be decided."""
    troubles = (*outcome.plan.troubles, *outcome.troubles)
    for each in troubles:
        complain(str(each))
    if not troubles:
        raise TransientError(f"{place.target} went away meanwhile; look again")
    return exit_codes.of_troubles(outcome.plan, outcome.troubles, broken_rules=False)


def _stopped_by(trouble: Trouble, promotion: Promotion) -> Promotion:
    """The plan stands, but it could not be carried out."""
    state = State.BLOCKED if trouble.kind == "input" else State.UNKNOWN
    return replace(promotion, state=state, why=trouble.why, trouble=trouble.kind)


def _print(app: App, promotion: Promotion, decision: Decision, outcome: Outcome) -> None:
    if app.settings.output == "json":
        value = {"promotion": promotion_json(promotion), "decision": decision_json(decision)}
        text = dump(value) + "\n"
    else:
        done = "".join(f"{line}\n" for line in effects_text(outcome.effects))
        text = done + promotion_text(promotion, paint_for(sys.stdout))
    sys.stdout.write(redact(text))


def _complain(outcome: Outcome, promotion: Promotion, is_unkept: bool) -> int:
    """Tells what went wrong on the error stream; the exit code for it."""
    advise(outcome.plan, promotion.target.environment)
    for each in untold_warnings(outcome):
        warn(each)
    for trouble in outcome.troubles[1:]:  # the first is the answer
        complain(str(trouble))
    code = exit_codes.of_troubles(Plan(()), outcome.troubles, broken_rules=False)
    if is_unkept and promotion.state in _FORGOTTEN_IF_NOT_KEPT:
        complain(
            f"{promotion.target} waits, and nobody but this call knows what was asked for: let the"
            " bot write refs/promoter/*, and promote again"
        )
        return exit_codes.worst(code, exit_codes.LATER)
    return code
