"""The one rule that has a target of the command line's."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from promoter.access.redaction import redact
from promoter.engine.ask import ask
from promoter.engine.observe import Observer
from promoter.errors import InputError, PromoterError, TransientError
from promoter.model.facts import Facts, NotKnown, TargetsOf, TipOf, Unknown, ask_together
from promoter.model.image import ImageReference
from promoter.model.release import Release
from promoter.model.rule import RepositoryAddress, Rule
from promoter.model.target import Target
from promoter.rules.wording import enumerate_words

Report = Callable[[str], None]
_IS_IT_SET = "is the variable set?"
_Found = tuple[Rule, list[Target], list[Unknown]]
"""Of a rule: its targets, and why not all of them may be known."""


@dataclass(frozen=True)
class Place:
    """A target with its rule. `rules` are all that look at the same repository: what they claim
    there matters, and nothing else does."""

    rule: Rule
    target: Target
    rules: tuple[Rule, ...]

    @property
    def repository(self) -> RepositoryAddress:
        return self.rule.repository_of(self.target.environment)

    @property
    def only(self) -> frozenset[tuple[str, str]]:
        return frozenset({(self.target.application, self.target.environment)})

    @property
    def upstream(self) -> tuple[str, ...]:
        """The environments that its releases come from; empty: the registry."""
        return self.rule.environment(self.target.environment).after.environments


def find_target(
    application: str,
    environment: str,
    rules: Sequence[Rule],
    observer: Observer,
    now: datetime,
    report: Report,
) -> Place:
    """Looks at every repository of the rules, and at no registry.

    Raises InputError where no rule has the target (with the name that was probably meant) or
    several have; what went wrong where a repository did not answer that might hold it.
    """
    found = ask(partial(_discover, rules), observer, now, report)
    places = [
        Place(rule, target, tuple(each for each in rules if _is_beside(each, rule)))
        for rule, targets, _ in found
        for target in targets
        if (target.application, target.environment) == (application, environment)
    ]
    if len(places) > 1:
        sources = enumerate_words(each.rule.source for each in places)
        raise InputError(
            f"{application} has a target in {environment} by {sources}: name one rule file with"
            " --rules PATH"
        )
    if places:
        return places[0]
    for rule, _, unknowns in found:
        for unknown in unknowns:
            raise _trouble(rule, unknown)
    known = [each for _, targets, _ in found for each in targets]
    raise InputError(no_target(application, environment, known))


def no_target(application: str, environment: str, targets: Iterable[Target]) -> str:
    """What to say of a target that is not there, with the name that was probably meant."""
    present = list(targets)
    names = sorted({each.application for each in present})
    if application in names:
        there = [each.environment for each in present if each.application == application]
        return f"{application} has no target in '{environment}'; it has {', '.join(there)}"
    near = difflib.get_close_matches(application, names, 1)
    hint = f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(names) or 'none'}"
    return f"no application is named '{application}'{hint}"


def read_release(images: Sequence[str], place: Place) -> Release:
    """The release that `--image` names. Raises InputError for what is no image of the target's."""
    parsed = [_read_image(each) for each in images]
    try:
        target = place.target
        followed = place.rule.artifacts_in(target.application, target.environment)
    except ValueError as error:
        raise InputError(str(error), where=place.rule.where) from None
    for each in parsed:
        if each.name not in followed:
            names = {str(name): name.written for name in followed}
            near = difflib.get_close_matches(str(each.name), list(names), 1)
            meant = f"; did you mean {names[near[0]]}?" if near else ""
            follows = "" if near else f"; it follows {enumerate_words(names.values())}"
            raise InputError(
                f"--image: {place.rule.source} follows no image {each.name.written} for"
                f" {place.target.application}{meant}{follows}"
            )
        if sum(other.name == each.name for other in parsed) > 1:
            raise InputError(f"--image: {each.name.written} is named twice: give one version")
    return Release.of(parsed)


def _read_image(text: str) -> ImageReference:
    name, at, digest = text.partition("@")
    if not text.strip():
        raise InputError(f"--image: is empty: {_IS_IT_SET}")
    if not name or name.startswith(":"):
        raise InputError(f"--image: {text}: no name stands before its version: {_IS_IT_SET}")
    if name.endswith(":") or (at and not digest):
        sign = ":" if name.endswith(":") else "@"
        raise InputError(f"--image: {text}: nothing stands behind '{sign}': {_IS_IT_SET}")
    try:
        image = ImageReference.parse(text)
    except ValueError as error:
        raise InputError(f"--image: {error}; write NAME:TAG@DIGEST") from None
    if image.tag is None and image.digest is None:
        raise InputError(
            f"--image: {text} names no version: write NAME:TAG@DIGEST, NAME:TAG or NAME@DIGEST"
        )
    return image


def _discover(rules: Sequence[Rule], facts: Facts) -> list[_Found]:
    return ask_together(partial(_look, rule, facts) for rule in rules)


def _look(rule: Rule, facts: Facts) -> _Found:
    targets: list[Target] = []
    unknowns: list[Unknown] = []

    def look(address: RepositoryAddress) -> None:
        try:
            tip = facts.need(TipOf(address))
            targets.extend(facts.need(TargetsOf(rule, address, tip.commit)).targets)
        except NotKnown as error:
            unknowns.append(error.unknown)

    ask_together(partial(look, each) for each in rule.repositories)
    return rule, targets, unknowns


def _is_beside(one: Rule, other: Rule) -> bool:
    mine = {each.key for each in one.repositories}
    return any(each.key in mine for each in other.repositories)


def _trouble(rule: Rule, unknown: Unknown) -> PromoterError:
    message = redact(f"{rule.source}: {unknown.why}")
    if unknown.kind == "input":
        return InputError(message)
    return TransientError(message) if unknown.kind == "transient" else PromoterError(message)
