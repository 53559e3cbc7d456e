"""Every repository of the rules, with its targets and what is held there; and whom a hold of the
command line means."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from promoter.access.redaction import redact
from promoter.cli.find_target import no_target
from promoter.engine.ask import ask
from promoter.engine.observe import Observer
from promoter.errors import InputError, PromoterError, TransientError
from promoter.model.facts import (
    Facts,
    HoldsOf,
    NotKnown,
    TargetsOf,
    Tip,
    TipOf,
    Unknown,
    ask_together,
)
from promoter.model.hold import EVERYTHING, Globs, Hold, Holds, spell_globs
from promoter.model.rule import RepositoryAddress, Rule
from promoter.model.target import Target
from promoter.rules.holds import check_glob, check_release
from promoter.rules.wording import enumerate_words, quote

_SIGNS = frozenset("*?[")


@dataclass(frozen=True)
class Place:
    """A branch of a repository; `targets` are those of all rules that look at it."""

    address: RepositoryAddress
    tip: Tip
    targets: tuple[Target, ...]
    holds: Holds

    def held_by(self, hold: Hold) -> tuple[Target, ...]:
        return tuple(e for e in self.targets if hold.covers(e.application, e.environment))


@dataclass(frozen=True)
class Found:
    """`unseen`: what went wrong where a repository could not be looked at."""

    places: tuple[Place, ...]
    unseen: tuple[PromoterError, ...]


@dataclass(frozen=True)
class Named:
    """Whom and what a hold of the command line means."""

    applications: Globs
    environments: Globs
    releases: tuple[str, ...]

    @property
    def subject(self) -> str:
        what = spell_globs(self.applications, self.environments)
        return f"{', '.join(self.releases)} of {what}" if self.releases else what


def find_places(
    rules: Sequence[Rule], observer: Observer, now: datetime, report: Callable[[str], None]
) -> Found:
    """Looks at every repository of the rules, and at no registry."""
    homes = [(rule, address) for rule in rules for address in rule.repositories]
    looks = ask(partial(_look_at_all, homes), observer, now, report)
    unseen = [
        _trouble(rule, seen)
        for (rule, _), seen in zip(homes, looks, strict=True)
        if isinstance(seen, Unknown)
    ]
    places: dict[tuple[str, str], Place] = {}
    for seen in looks:
        if isinstance(seen, Unknown):
            continue
        key = seen.address.key, seen.tip.branch
        before = places.get(key)
        targets = (*(before.targets if before else ()), *seen.targets)
        places[key] = Place(seen.address, seen.tip, tuple(dict.fromkeys(targets)), seen.holds)
    return Found(tuple(places.values()), tuple(unseen))


def _look_at_all(
    homes: Sequence[tuple[Rule, RepositoryAddress]], facts: Facts
) -> list[Place | Unknown]:
    return ask_together(partial(_look, rule, address, facts) for rule, address in homes)


def _look(rule: Rule, address: RepositoryAddress, facts: Facts) -> Place | Unknown:
    try:
        tip = facts.need(TipOf(address))
        targets_of = TargetsOf(rule, address, tip.commit)
        holds_of = HoldsOf(address, tip.commit)
        facts.prefetch(targets_of, holds_of)
        return Place(address, tip, facts.need(targets_of).targets, facts.need(holds_of))
    except NotKnown as error:
        return error.unknown


def _trouble(rule: Rule, unknown: Unknown) -> PromoterError:
    message = redact(f"{rule.source}: {unknown.why}")
    if unknown.kind == "input":
        return InputError(message)
    return TransientError(message) if unknown.kind == "transient" else PromoterError(message)


# -- the words of the command line -----------------------------------------------------------


def add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "application",
        metavar="APPLICATION",
        nargs="?",
        help="a name or a glob, or several with commas between them",
    )
    parser.add_argument("environment", metavar="ENVIRONMENT", nargs="?", help="the same")
    parser.add_argument(
        "--all", dest="everything", action="store_true", help="everything, in place of the names"
    )
    parser.add_argument(
        "--release",
        dest="releases",
        action="append",
        default=[],
        metavar="RELEASE",
        help="this release alone: a version, a release's id, or IMAGE:TAG@DIGEST; may be repeated",
    )


def read_names(arguments: argparse.Namespace) -> Named:
    """Raises InputError for what names nobody, or no release."""
    named = [each for each in (arguments.application, arguments.environment) if each is not None]
    if len(named) != (0 if arguments.everything else 2):
        raise InputError(
            "name APPLICATION and ENVIRONMENT (globs are right), or --all in their place"
        )
    releases = tuple(dict.fromkeys(_read(each, check_release) for each in arguments.releases))
    if arguments.everything:
        return Named(EVERYTHING, EVERYTHING, releases)
    applications, environments = (
        tuple(dict.fromkeys(_read(name, check_glob) for name in text.split(","))) for text in named
    )
    return Named(applications, environments, releases)


def _read(text: str, check: Callable[[str], str]) -> str:
    try:
        text.encode()
        return check(text)
    except UnicodeEncodeError:
        raise InputError(f"{quote(text)} is not UTF-8 text") from None
    except ValueError as error:
        raise InputError(str(error)) from None


def no_such_target(named: Named, targets: Sequence[Target]) -> str:
    """What to say where nothing is held, with what was probably meant."""
    if not targets:
        return "the rules have no target at all: look at promoter validate, and at status"
    names = (*named.applications, *named.environments)
    if len(names) == 2 and not any(_SIGNS & set(each) for each in names):
        return no_target(names[0], names[1], targets)
    applications = sorted({each.application for each in targets})
    environments = list(dict.fromkeys(each.environment for each in targets))
    return (
        f"no target is {named.subject}: the applications are"
        f" {_meant(named.applications, applications)}, the environments"
        f" {_meant(named.environments, environments)}"
    )


def _meant(globs: Globs, names: Sequence[str]) -> str:
    words = ["".join(each for each in glob if each not in _SIGNS | {"]"}) for glob in globs]
    near = [each for word in words for each in difflib.get_close_matches(word, names, 3)]
    return enumerate_words(dict.fromkeys([*near, *names]))
