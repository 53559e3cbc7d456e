"""`promoter rollback APPLICATION ENVIRONMENT`: back to a release that ran there."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace

from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli import exit_codes
from promoter.cli.asking import who_asks
from promoter.cli.console import Progress, complain, paint_for, warn
from promoter.cli.find_target import Place, find_target
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.look import read_rules
from promoter.engine.deliver import deliver
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan, reconcile
from promoter.errors import InputError, PromoterError, TransientError
from promoter.model.delivery import Delivered, Delivery
from promoter.model.facts import Facts, Tip
from promoter.model.outcome import Outcome
from promoter.model.plan import Decision, Plan, Propose, State
from promoter.model.rollback import GoingBack, Rollback
from promoter.rules.holds import check_release
from promoter.telemetry import current
from promoter.texts.as_json import decision_json, dump
from promoter.texts.change import commit_message, request_title
from promoter.texts.plan_text import effects_text, untold_warnings
from promoter.texts.rollback import rollback_json, rollback_text

EXAMPLE = """\
  promoter rollback web production --reason "carts are lost, see INC-7"
  promoter rollback web production --to 1.4.0 --now --reason 'checkout is down'"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APPLICATION")
    parser.add_argument("environment", metavar="ENVIRONMENT")
    parser.add_argument(
        "--to",
        default="",
        metavar="RELEASE",
        help="a version, a release's id, or IMAGE:TAG@DIGEST that ran there (default: the last one"
        " that soaked there)",
    )
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why; people read it")
    parser.add_argument(
        "--now",
        action="store_true",
        help="commit it straight to the branch, without a merge request, gates or people",
    )
    parser.add_argument(
        "--as", dest="person", metavar="PERSON", help="who (default: whom the CI job names)"
    )
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    asked = _asked(app, arguments)
    rules, _ = read_rules(app)
    observer, progress = Observer(app.adapters), Progress()
    names = (asked.application, asked.environment)
    try:
        place = find_target(*names, rules, observer, app.clock(), progress)
        scope = Scope(place.rules, only=place.only, rollbacks=(asked,))
        plan, _ = make_plan(scope, observer, Facts.none(), app.clock(), progress)
        decision = _decision(plan, place)
        going = decision.rollback
        if going is None:
            raise _error(decision)
        if arguments.now:
            return _now(app, place, decision, going)
        # By its id: what is merged meanwhile is not taken for the next one to go.
        scope = replace(scope, rollbacks=(replace(asked, bad=going.bad.id),))
        outcome = reconcile(scope, app.adapters, app.clock, progress)
    finally:
        progress.done()
    return _tell(app, place, going, outcome)


def _asked(app: App, arguments: argparse.Namespace) -> Rollback:
    reason = redact(" ".join(arguments.reason.split()))
    if not reason:
        raise InputError("--reason: is empty: say why, people read it")
    if arguments.to:
        try:
            check_release(arguments.to)
        except ValueError as error:
            raise InputError(f"--to: {error}") from None
    by = who_asks(app.settings.person, os.environ)
    return Rollback(arguments.application, arguments.environment, by, reason, arguments.to)


def _decision(plan: Plan, place: Place) -> Decision:
    for each in plan.decisions:
        return each
    for trouble in plan.troubles:
        raise (InputError if trouble.kind == "input" else TransientError)(trouble.why)
    raise TransientError(f"{place.target} went away meanwhile; look again")


def _error(decision: Decision) -> PromoterError:
    """Why there is no way back."""
    message = f"{decision.target}: {decision.why}"
    kind = TransientError if decision.trouble == "transient" else InputError
    return kind(message, where=decision.where)


def _now(app: App, place: Place, decision: Decision, going: GoingBack) -> int:
    """Straight onto the branch, and said loudly."""
    action = _as_proposal(app, place, going)
    tip = Tip(action.base, action.base_commit)
    title = request_title(decision, action)
    files = {each.path: each.after for each in going.changes}
    message = commit_message(decision, action, current())
    author = place.rule.commit.author
    delivery = Delivery(tip, files, message, "", title, "", author, by_request="leave out --now")
    done = deliver(app.adapters, place.repository, delivery, "commit")
    decision = replace(decision, state=State.CURRENT, why=f"runs {going.good.label} from now on")
    _print(app, decision, going, [_loudly(done, action.base, place)], done)
    if decision.merge_request is not None:
        warn(f"{decision.merge_request.url} is still open; the next run closes it")
    return exit_codes.DONE


def _loudly(done: Delivered, base: str, place: Place) -> str:
    url = place.repository.url
    if not done.changed:
        return f"somebody else did the same on {base} of {url}"
    return f"COMMITTED straight to {base} of {url}: {done.commit[:12]}"


def _as_proposal(app: App, place: Place, going: GoingBack) -> Propose:
    """What the texts are made from, on the tip as it was looked at."""
    repository = app.adapters.repository(place.repository)
    branch = place.repository.branch or repository.default_branch()
    return Propose(
        going.record, "", branch, going.commit, going.changes, 0, commit=place.rule.commit
    )


def _tell(app: App, place: Place, going: GoingBack, outcome: Outcome) -> int:
    decision = next(iter(outcome.plan.decisions), None)
    if decision is None:
        raise TransientError(f"{place.target} went away meanwhile; look again")
    _print(app, decision, going, effects_text(outcome.effects), None)
    for each in untold_warnings(outcome):
        warn(each)
    for trouble in outcome.troubles:
        complain(str(trouble))
    code = exit_codes.of_troubles(Plan(()), outcome.troubles, broken_rules=False)
    return exit_codes.worst(code, exit_codes.of_state(decision.state, decision.trouble))


def _print(
    app: App, decision: Decision, going: GoingBack, done: list[str], landed: Delivered | None
) -> None:
    if app.settings.output == "json":
        value = {
            "rollback": rollback_json(going),
            "commit": landed.commit if landed else None,
            "decision": decision_json(decision),
        }
        text = dump(value) + "\n"
    else:
        text = rollback_text(decision, going, paint_for(sys.stdout), done)
    sys.stdout.write(redact(text))
