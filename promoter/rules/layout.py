"""Layout discovery: which targets a rule's path patterns match in a repository's files."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from promoter.model.rule import EnvironmentRule, RepositoryAddress, Rule
from promoter.model.target import Discovery, Problem, Target
from promoter.rules.pattern import APPLICATION, ENVIRONMENT, Pattern
from promoter.rules.wording import enumerate_words, quote

# What can stand in a branch name and in a label without a second thought.
_APPLICATION_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?(?<!\.lock)")


def discover(rule: Rule, repository: RepositoryAddress, paths: Iterable[str]) -> Discovery:
    """The targets of those environments of `rule` that live in `repository`, among its file
    `paths`, by application, then in the order of the environments.

    A pattern matches whole path components. A directory matches where some file is below it;
    a file matches a pattern that ends in `.yaml` or `.yml`. A pattern without
    `{application}` names the application after the rule file. Targets that are found twice
    or lie in one another are left out and told as problems: an edit of one would touch the
    other.
    """
    files = sorted(set(paths))
    found: dict[Target, None] = {}
    problems: list[Problem] = []
    here = [each for each in rule.environments if rule.repository_of(each.name) == repository]
    for environments, patterns in _searches(rule, here):
        matched: set[str] = set()
        for pattern in patterns:
            for target in _match(pattern, environments, files, rule.name):
                matched.add(target.environment)
                if _APPLICATION_NAME.fullmatch(target.application):
                    found[target] = None
                else:
                    problems.append(_unfit(rule, target))
        problems.extend(
            _nothing_found(rule, environment, patterns)
            for environment in environments
            if environment not in matched
        )
    order = {each.name: index for index, each in enumerate(rule.environments)}
    targets = sorted(found, key=lambda each: (each.application, order[each.environment], each.path))
    bad: set[Target] = set()
    for one, other, problem in (*_doubles(rule, targets), *_overlaps(rule, targets)):
        problems.append(problem)
        bad |= {one, other}
    return Discovery(tuple(each for each in targets if each not in bad), tuple(problems))


def _searches(
    rule: Rule, environments: Sequence[EnvironmentRule]
) -> Iterator[tuple[tuple[str, ...], tuple[Pattern, ...]]]:
    """Which environments are searched with which patterns: an own path replaces the shared."""
    shared = tuple(each.name for each in environments if each.paths is None)
    if shared:
        yield shared, tuple(Pattern.parse(text) for text in rule.applications)
    for each in environments:
        if each.paths is not None:
            yield (each.name,), tuple(Pattern.parse(text) for text in each.paths)


def _match(
    pattern: Pattern, environments: tuple[str, ...], files: Sequence[str], default: str
) -> Iterator[Target]:
    expression = pattern.expression(environments)
    start = bisect_left(files, pattern.prefix)
    # Sorted files that share a prefix stand together, and those of one directory too.
    inside: str | None = None
    for index in range(start, len(files)):
        path = files[index]
        if not path.startswith(pattern.prefix):
            break
        if inside is not None and path.startswith(inside):
            continue
        match = expression.match(path)
        if match is None:
            continue
        is_file = match.end() == len(path)
        if is_file and not pattern.takes_files:
            continue
        inside = None if is_file else f"{match[0]}/"
        names = match.groupdict()
        yield Target(
            application=names.get(APPLICATION, default),
            environment=names.get(ENVIRONMENT, environments[0]),
            path=match[0],
        )


def _doubles(rule: Rule, targets: Sequence[Target]) -> Iterator[tuple[Target, Target, Problem]]:
    """One application twice in one environment: which of the two is meant can't be known."""
    for one, other in pairwise(targets):
        if (one.application, one.environment) == (other.application, other.environment):
            message = (
                f"{one} is found twice, at {one.path} and at {other.path}:"
                " change the patterns so that one is left"
            )
            yield one, other, Problem(message, rule.where)


def _overlaps(rule: Rule, targets: Sequence[Target]) -> Iterator[tuple[Target, Target, Problem]]:
    by_path: Mapping[str, list[Target]] = _by_path(targets)
    for path, here in by_path.items():
        for one, other in pairwise(here):
            message = f"{other} overlaps {one}: both are {path}"
            yield one, other, Problem(f"{message}: give each a path of its own", rule.where)
        slash = path.rfind("/")
        while slash > 0:
            for outer in by_path.get(path[:slash], ()):
                message = f"{here[0]} overlaps {outer}: {path} lies in {outer.path}"
                yield outer, here[0], Problem(f"{message}: give each a path of its own", rule.where)
            slash = path.rfind("/", 0, slash)


def _by_path(targets: Sequence[Target]) -> dict[str, list[Target]]:
    by_path: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        by_path[target.path].append(target)
    return dict(by_path)


def _unfit(rule: Rule, target: Target) -> Problem:
    message = (
        f"{quote(target.path)}: {quote(target.application)} can't name an application: letters,"
        " digits, '.', '_' and '-', beginning with a letter or digit"
    )
    return Problem(message, rule.where)


def _nothing_found(rule: Rule, environment: str, patterns: Sequence[Pattern]) -> Problem:
    spelled = enumerate_words((pattern.text for pattern in patterns), "or")
    message = f"{environment} has no target: nothing in the repository matches {spelled}"
    return Problem(message, rule.where)
