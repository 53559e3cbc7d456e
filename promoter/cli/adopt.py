"""`promoter adopt`: today's mixture of versions becomes the baseline."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace

from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli import exit_codes
from promoter.cli.asking import who_asks
from promoter.cli.console import Progress, complain, paint_for
from promoter.cli.find_target import no_target
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.hold import add_way
from promoter.cli.look import read_rules
from promoter.engine.deliver import deliver
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.errors import InputError
from promoter.model.baseline import baseline_file
from promoter.model.delivery import Delivery, How
from promoter.model.facts import Facts, Known, Tip, TipOf
from promoter.model.plan import Decision, Plan, State
from promoter.model.release import Release
from promoter.model.rule import RepositoryAddress
from promoter.rules.baseline import write_baseline
from promoter.texts.adoption import (
    BRANCH,
    TITLE,
    Adopted,
    Adoption,
    adoption_body,
    adoption_json,
    adoption_message,
    adoption_text,
)
from promoter.texts.as_json import dump

EXAMPLE = """\
  promoter adopt --dry-run
  promoter adopt --environment staging --environment production"""

_AT_REST = (State.CURRENT, State.NOT_FOLLOWED, State.HELD_BACK)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "applications", metavar="APPLICATION", nargs="*", help="which (default: all)"
    )
    parser.add_argument(
        "--environment",
        dest="environments",
        action="append",
        default=[],
        metavar="ENVIRONMENT",
        help="where, may be repeated (default: everywhere)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what it would adopt, no more")
    add_way(parser)
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    by = who_asks(app.settings.person, os.environ)
    rules, broken = read_rules(app)
    progress, now = Progress(), app.clock()
    try:
        scope = Scope(rules)
        plan, facts = make_plan(scope, Observer(app.adapters), Facts.none(), now, progress)
        wanted = _wanted(plan, arguments.applications, arguments.environments)
        adoptions = [
            _adopt(app, address, tip, of, by, arguments)
            for address, tip, of in _by_repository(plan, wanted, facts)
        ]
    finally:
        progress.done()
    _print(app, adoptions)
    unknown = [each for each in wanted if each.state is State.UNKNOWN]
    for each in unknown:
        complain(f"{each.target} can't be adopted now: {each.why}")
    codes = [exit_codes.of_state(each.state, each.trouble) for each in unknown]
    return exit_codes.worst(*codes, exit_codes.of_troubles(Plan(()), plan.troubles, broken))


def _wanted(plan: Plan, applications: Sequence[str], environments: Sequence[str]) -> list[Decision]:
    """Raises InputError for a name that no target has."""
    for application in applications:
        if not any(each.target.application == application for each in plan.decisions):
            targets = (each.target for each in plan.decisions)
            raise InputError(no_target(application, "", targets))
    known = list(dict.fromkeys(each.target.environment for each in plan.decisions))
    for environment in environments:
        if environment not in known:
            raise InputError(f"no target is in '{environment}'; there are {', '.join(known)}")
    return [
        each
        for each in plan.decisions
        if (not applications or each.target.application in applications)
        and (not environments or each.target.environment in environments)
    ]


def _newest(decision: Decision) -> Release | None:
    """What is offered and would be proposed, now or once its gates open; None where nothing is, or
    where somebody sees it already: its merge request is open."""
    newest = decision.newest
    if newest is None or decision.merge_request is not None or decision.state in _AT_REST:
        return None
    return None if decision.running and decision.running.agrees(newest) else newest


def _by_repository(
    plan: Plan, wanted: Iterable[Decision], facts: Facts
) -> list[tuple[RepositoryAddress, Tip, tuple[Adopted, ...]]]:
    found: dict[RepositoryAddress, list[Adopted]] = {e.repository: [] for e in plan.decisions}
    for decision in wanted:
        newest = _newest(decision)
        if newest is not None and decision.state is not State.UNKNOWN:
            found[decision.repository].append(Adopted.of(decision, newest))
    tips = {address: facts.get(TipOf(address)) for address in found}
    return [
        (address, tip.value, tuple(found[address]))
        for address, tip in tips.items()
        if isinstance(tip, Known)
    ]


def _adopt(
    app: App,
    address: RepositoryAddress,
    tip: Tip,
    targets: tuple[Adopted, ...],
    by: str,
    arguments: argparse.Namespace,
) -> Adoption:
    adoption = Adoption(address, tip.branch, targets)
    if arguments.dry_run or not targets:
        return adoption
    by_environment: dict[str, dict[str, Release]] = {}
    for each in targets:
        of = by_environment.setdefault(each.target.environment, {})
        of[each.target.application] = each.newest
    tree = app.adapters.repository(address).tree(tip.commit)
    stands = tree.read([baseline_file(name) for name in by_environment])
    files = {
        path: write_baseline(stands.get(path, b""), releases)
        for name, releases in by_environment.items()
        if (path := baseline_file(name))
    }
    message, body = adoption_message(by, targets), adoption_body(targets)
    delivery = Delivery(tip, files, message, BRANCH, TITLE, body)
    how: How = "merge-request" if arguments.merge_request else "commit"
    return replace(adoption, delivered=deliver(app.adapters, address, delivery, how))


def _print(app: App, adoptions: Sequence[Adoption]) -> None:
    if app.settings.output == "json":
        text = dump({"adoptions": [adoption_json(each) for each in adoptions]}) + "\n"
    else:
        paint = paint_for(sys.stdout)
        text = "".join(adoption_text(each, paint) for each in adoptions)
    sys.stdout.write(redact(text))
