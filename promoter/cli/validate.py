"""`promoter validate`: check rule files; only the repository that they lie in is contacted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence

from promoter.access.redaction import redact
from promoter.app import read_rules
from promoter.cli.console import complain, paint_for
from promoter.cli.exit_codes import DONE, INPUT
from promoter.cli.flags import add_rules_or_repository, app_from
from promoter.errors import InputError, Where
from promoter.model.rule import EnvironmentRule, Rule
from promoter.rules.surprises import find_namesakes, find_surprises
from promoter.texts.annotations import Remark, github_text, gitlab_text, remark_json
from promoter.texts.as_json import dump

EXAMPLE = """\
  promoter validate --rules rules/shop.yaml
  promoter validate --output github    # annotations in the diff; gitlab: a code quality report"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_rules_or_repository(parser)
    # Not `output`: that setting's values are those of every verb.
    parser.add_argument(
        "--output",
        dest="report",
        choices=("text", "json", "github", "gitlab"),
        help="how to print (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    files, unread = app.rule_files()
    rules, broken = read_rules(files)
    errors = (*unread, *broken)
    remarks = [*map(_error, errors), *_warnings(rules, files)]
    report = arguments.report or app.settings.output
    if report == "github":
        text = github_text(remarks)
    elif report == "gitlab":
        text = gitlab_text(remarks)
    elif report == "json":
        text = _json(rules, remarks)
    else:
        text = "".join(f"{rule.source}: ok; {_environments(rule)}\n" for rule in rules)
        for each in remarks:
            _say(each)
    sys.stdout.write(redact(text))
    return INPUT if errors else DONE


def _error(error: InputError) -> Remark:
    return Remark("error", error.where or Where(""), error.message)


def _warnings(rules: Sequence[Rule], files: Mapping[str, str]) -> Iterator[Remark]:
    for rule in rules:
        for each in find_surprises(rule, files[rule.source]):
            yield Remark("warning", each.where, each.message)
    for each in find_namesakes(rules):
        yield Remark("warning", each.where, each.message)


def _say(remark: Remark) -> None:
    if remark.severity == "error":
        complain(str(remark))
    else:
        warning = paint_for(sys.stderr)("warning:", "yellow", "bold")
        print(f"{warning} {redact(str(remark))}", file=sys.stderr)


def _json(rules: Sequence[Rule], remarks: Sequence[Remark]) -> str:
    told = {
        kind: [remark_json(each) for each in remarks if each.severity == kind]
        for kind in ("error", "warning")
    }
    value = {"rules": [rule.source for rule in rules]}
    return dump({**value, "errors": told["error"], "warnings": told["warning"]}) + "\n"


def _environments(rule: Rule) -> str:
    return ", ".join(_spell(each) for each in rule.environments)


def _spell(environment: EnvironmentRule) -> str:
    """`dev`, `staging after dev`, `production after eu or us`."""
    after = environment.after
    joint = " or " if after.how == "any" else " and "
    upstream = f" after {joint.join(after.environments)}" if after.environments else ""
    return f"{environment.name}{upstream}"
