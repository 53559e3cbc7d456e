"""`promoter tags IMAGE`: what a policy would choose, and why every other tag lost."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli import exit_codes
from promoter.cli.console import Progress, complain, paint_for
from promoter.cli.flags import add_output, add_rules_or_repository, add_world, app_from
from promoter.cli.look import read_rules
from promoter.cli.tags_subject import Subject, from_flags, from_rules, read_image
from promoter.decisions.examination import examine
from promoter.decisions.policies.policy import Followed
from promoter.engine.ask import ask
from promoter.engine.observe import Observer
from promoter.errors import InputError
from promoter.model.facts import NotKnown, Unknown
from promoter.model.image import ImageName
from promoter.model.plan import Plan, Trouble
from promoter.texts.as_json import dump
from promoter.texts.tags_text import Finding, tag_text, tags_json, tags_text

EXAMPLE = """\
  promoter tags ghcr.io/shop/web
  promoter tags ghcr.io/shop/web:1.4.2                      # why did this tag lose?
  promoter tags nginx --policy 'semver: ~1.27' --tags '(?P<version>.*)-alpine'"""

_MOST_LINES = 20  # on a terminal, so that the chosen tag stays in sight


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="its name, or NAME:TAG to ask of one tag")
    what_if = parser.add_argument_group(
        "what if", "over the values of the rules that follow the image, or without any rule"
    )
    what_if.add_argument(
        "--policy", metavar="POLICY", help="such as 'semver: >=1.0'; needs no rule file"
    )
    what_if.add_argument("--tags", metavar="REGEX", help="what a tag must match in full")
    what_if.add_argument(
        "--ignore", action="append", metavar="GLOB", help="tags never taken, may be repeated"
    )
    what_if.add_argument(
        "--prereleases", action=argparse.BooleanOptionalAction, help="take -rc.1 and the like"
    )
    what_if.add_argument(
        "--platform",
        dest="platforms",
        action="append",
        metavar="PLATFORM",
        help="such as linux/arm64; the image must hold it, may be repeated",
    )
    what_if.add_argument(
        "--minimum-age", metavar="AGE", help="how long a version must exist, such as 3d"
    )
    parser.add_argument("--all", action="store_true", help="show every tag on a terminal, too")
    add_rules_or_repository(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    image = read_image(arguments.image)
    app = app_from(arguments)
    findings = _find(app, _subjects(image.name, app, arguments))
    if app.settings.output == "json":
        sys.stdout.write(redact(dump(tags_json(findings, image.tag)) + "\n"))
    else:
        _print(findings, image.tag, None if arguments.all else _most_lines())
    return _exit_code(findings, image.tag)


def _subjects(name: ImageName, app: App, arguments: argparse.Namespace) -> Sequence[Subject]:
    """Raises InputError where nothing says how to select."""
    # With a policy no rule is needed; rules that are named all the same keep their other values.
    is_named = arguments.rules is not None or arguments.rules_at is not None
    if arguments.policy is not None and not is_named:
        return (from_flags(name, arguments),)
    try:
        rules, _ = read_rules(app)
    except InputError as error:
        hint = "without a rule, give --policy such as 'semver: >=1.0'"
        raise InputError(f"{error.message}; {hint}", where=error.where) from None
    return from_rules(name, rules, arguments)


def _find(app: App, subjects: Sequence[Subject]) -> list[Finding]:
    """One finding for each; a registry that does not answer is a finding, too."""
    observer, now, progress = Observer(app.adapters), app.clock(), Progress()
    findings: list[Finding] = []
    try:
        for each in subjects:
            followed = Followed(each.artifact, each.name, None, now)
            source = each.rule.source if each.rule else ""
            try:
                found = ask(partial(examine, followed), observer, now, progress)
            except NotKnown as error:
                findings.append(Finding(followed, error.unknown, source, each.application))
            else:
                findings.append(Finding(followed, found, source, each.application))
    finally:
        progress.done()
    return findings


def _print(findings: Sequence[Finding], tag: str | None, most: int | None) -> None:
    paint = paint_for(sys.stdout)
    texts: list[str] = []
    for each in findings:
        if unknown := each.unknown:
            name = str(each.followed.name)
            complain(unknown.why if name in unknown.why else f"{name}: {unknown.why}")
        if isinstance(each.found, Unknown):
            continue
        if tag is not None:
            texts.append(tag_text(each, each.found, tag, paint))
        else:
            texts.append(tags_text(each, each.found, most, paint))
    sys.stdout.write(redact("\n".join(texts)))


def _most_lines() -> int | None:
    return _MOST_LINES if sys.stdout.isatty() else None


def _exit_code(findings: Sequence[Finding], tag: str | None) -> int:
    """The worst of what was not known; else whether a tag was chosen (the one that was asked of)
    in every rule."""
    troubles = [
        Trouble(each.source, unknown.why, unknown.kind)
        for each in findings
        if (unknown := each.unknown)
    ]
    if troubles:
        return exit_codes.of_troubles(Plan(()), troubles, broken_rules=False)
    found = [each.found for each in findings if not isinstance(each.found, Unknown)]
    if tag is not None:
        fits = all(each.reason(tag).chosen for each in found)
    else:
        fits = all(each.choice.image is not None for each in found)
    return exit_codes.DONE if fits else exit_codes.WAITING
