"""`promoter validate`: check rule files; nothing is contacted."""

from __future__ import annotations

import argparse

from promoter.cli.console import complain
from promoter.cli.exit_codes import DONE, INPUT
from promoter.cli.flags import add_output, add_rules, app_from
from promoter.model.rule import EnvironmentRule
from promoter.texts.as_json import dump

EXAMPLE = "  promoter validate --rules rules/shop.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    add_rules(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    rules, errors = app.rules()
    if app.settings.output == "json":
        print(
            dump(
                {
                    "rules": [rule.source for rule in rules],
                    "errors": [
                        {"where": str(error.where), "message": error.message} for error in errors
                    ],
                }
            )
        )
    else:
        for rule in rules:
            environments = ", ".join(_spell(each) for each in rule.environments)
            print(f"{rule.source}: ok; {environments}")
        for error in errors:
            complain(str(error))
    return INPUT if errors else DONE


def _spell(environment: EnvironmentRule) -> str:
    """`dev`, `staging after dev`, `production after eu or us`."""
    after = environment.after
    joint = " or " if after.how == "any" else " and "
    upstream = f" after {joint.join(after.environments)}" if after.environments else ""
    return f"{environment.name}{upstream}"
