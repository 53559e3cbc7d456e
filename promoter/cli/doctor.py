"""`promoter doctor`: who the bot is, what it may do, and what would stop it; nothing is written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence

from promoter.access.credentials import Credentials
from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli import exit_codes
from promoter.cli.console import Progress, paint_for
from promoter.cli.doctor_checks import (
    check_credential,
    check_git,
    check_registries,
    check_rules,
    check_targets,
)
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.decisions.advice import advise
from promoter.engine.observe import Observer
from promoter.model.facts import Facts, FootingOf, Known, TargetsOf, Tip, TipOf, Unknown
from promoter.model.plan import Plan, Trouble
from promoter.model.rule import RepositoryAddress, Rule
from promoter.texts.as_json import dump
from promoter.texts.doctor_formats import doctor_json, doctor_markdown
from promoter.texts.doctor_text import Diagnosis, Examined, Symptom, doctor_text

EXAMPLE = """\
  promoter doctor --rules rules/ --credentials /run/secrets/promoter.yaml
  promoter doctor --repository https://git.example.com/shop/manifests.git --no-registries"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_rules_or_repository(parser)
    add_world(parser)
    parser.add_argument(
        "--registries",
        dest="ask_registries",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="ask each registry for one artifact",
    )
    add_output(parser, ("text", "json", "markdown"))


def run(arguments: argparse.Namespace) -> int:
    app, progress = app_from(arguments), Progress()
    try:
        diagnosis = _diagnose(app, progress, ask_registries=arguments.ask_registries)
    finally:
        progress.done()
    output = app.settings.output
    if output == "json":
        text = dump(doctor_json(diagnosis)) + "\n"
    elif output == "markdown":
        text = doctor_markdown(diagnosis)
    else:
        text = doctor_text(diagnosis, paint_for(sys.stdout))
    sys.stdout.write(redact(text))
    symptoms = diagnosis.by_level()
    troubles = [Trouble(each.about, each.text, each.trouble) for each in symptoms if each.trouble]
    return exit_codes.of_troubles(Plan(()), troubles, broken_rules=False)


def _diagnose(app: App, progress: Progress, *, ask_registries: bool) -> Diagnosis:
    rules, found = check_rules(app)
    symptoms = [check_git(), *found]
    credentials = Credentials.load(app.settings.credentials, app.settings.pull_secrets)
    by_repository: dict[RepositoryAddress, list[Rule]] = {}
    for rule in rules:
        for address in rule.repositories:
            by_repository.setdefault(address, []).append(rule)
    observer, now = Observer(app.adapters), app.clock()
    progress("looking at the repositories")
    facts = Facts(observer.answer([TipOf(each) for each in by_repository], now))
    tips = _tips(by_repository, facts)
    progress("asking the forges")
    standing = [FootingOf(each, tip.branch) for each, tip in tips.items()]
    targets = [
        TargetsOf(rule, at, tip.commit) for at, tip in tips.items() for rule in by_repository[at]
    ]
    facts = facts.plus(observer.answer([*standing, *targets], now))
    examined: list[Examined] = []
    for address, mine in by_repository.items():
        one, more = _examine(credentials, address, mine, facts)
        examined.append(one)
        symptoms += more
    discovered = [(question.rule, facts.get(question)) for question in targets]
    for question in targets:
        answer = facts.get(question)
        symptoms += check_targets(question.rule, question.repository, answer)
    if ask_registries:
        progress("asking the registries")
        symptoms += check_registries(app, credentials, discovered, observer, now)
    return Diagnosis(tuple(symptoms), tuple(examined))


def _tips(addresses: Iterable[RepositoryAddress], facts: Facts) -> dict[RepositoryAddress, Tip]:
    answers = {each: facts.get(TipOf(each)) for each in addresses}
    return {each: tip.value for each, tip in answers.items() if isinstance(tip, Known)}


def _examine(
    credentials: Credentials, address: RepositoryAddress, rules: Sequence[Rule], facts: Facts
) -> tuple[Examined, list[Symptom]]:
    credential, symptoms = check_credential(credentials, address)
    tip = facts.get(TipOf(address))
    if not isinstance(tip, Known):
        return Examined(address, credential), [*symptoms, _unknown(address, tip)]
    branch = tip.value.branch
    readable = Symptom("ok", address.url, f"{branch} can be read, at {tip.value.commit[:12]}")
    footing = facts.get(FootingOf(address, branch))
    if not isinstance(footing, Known):
        symptoms += [readable, _unknown(address, footing)]
        return Examined(address, credential, branch), symptoms
    advice = advise(rules, address, branch, footing.value)
    return Examined(address, credential, branch, advice), [*symptoms, readable]


def _unknown(address: RepositoryAddress, answer: Unknown | None) -> Symptom:
    if answer is None:  # each question gets an answer
        return Symptom("problem", address.url, "a bug in promoter: nobody asked", "bug")
    return Symptom("problem", address.url, answer.why, answer.kind)
