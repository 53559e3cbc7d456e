"""Stages that are written once for several environments: `each` and `waves`.

`production` with `each: {region: [eu, us]}` is the environments `production-eu` and
`production-us`; `waves` says which of them come first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from promoter.rules.pattern import PLACEHOLDERS
from promoter.rules.wording import Location, enumerate_words, guess, quote

ALL_LEFT = "*"
"""In a wave: every value that no wave before it took."""
_REQUIRE = "require"
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_VALUE = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9])?")
_MOST = 100

Each = Mapping[str, Sequence[str]]
Wave = Mapping[str, object]
Problem = tuple[Location, str]


@dataclass(frozen=True)
class Member:
    """One environment of a stage: its values by key, and the wave that it is in, from 0."""

    name: str
    values: tuple[tuple[str, str], ...] = ()
    wave: int = 0

    def fill(self, path: str, stage: str) -> str:
        """A path pattern with its values in; `{environment}` is the stage's name there."""
        for key, value in self.values:
            path = path.replace(f"{{{key}}}", value)
        return path.replace("{environment}", stage) if self.values else path


def members(stage: str, each: Each | None, waves: Sequence[Wave] | None) -> tuple[Member, ...]:
    """The environments of a stage in the order of its waves, then of its values. A stage without
    `each` is one environment. Of what is wrong (`find_problems`) as much as makes sense."""
    if not each:
        return (Member(stage),)
    found = [
        Member("-".join((stage, *values)), tuple(zip(each, values, strict=True)))
        for values in product(*each.values())
    ]
    placed = [
        Member(one.name, one.values, at)
        for one in found
        if (at := _wave_of(one, waves)) is not None
    ]
    return tuple(sorted(placed, key=lambda one: one.wave))


def _wave_of(member: Member, waves: Sequence[Wave] | None) -> int | None:
    """The first wave that takes it; None: no wave does."""
    if waves is None:
        return 0
    takes = (at for at, wave in enumerate(waves) if _takes(wave, member))
    return next(takes, None)


def _takes(wave: Wave, member: Member) -> bool:
    values = dict(member.values)
    wanted = {key: _listed(value) for key, value in wave.items() if key != _REQUIRE}
    return all(ALL_LEFT in each or values.get(key) in each for key, each in wanted.items())


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def find_problems(
    stage: str, each: Each, waves: Sequence[Wave] | None, paths: Collection[str]
) -> Iterator[Problem]:
    """What is wrong with a stage, by its location inside of it; `paths` are its own patterns."""
    if not each:
        yield ("each",), 'is empty: name what differs, such as {region: ["eu", "us"]}'
        return
    problems = list(_check_each(each, paths))
    yield from problems
    if problems:
        return
    found = members(stage, each, None)
    if len(found) > _MOST:
        yield ("each",), f"makes {len(found)} environments, more than {_MOST}"
        return
    if waves is not None:
        yield from _check_waves(waves, each, found)


def _check_each(each: Each, paths: Collection[str]) -> Iterator[Problem]:
    for key, values in each.items():
        place: Location = ("each", key)
        if not _KEY.fullmatch(key) or key in PLACEHOLDERS or key == _REQUIRE:
            why = "use lower-case letters, digits, '_' and '-', and no word of the language"
            yield place, f"{quote(key)} can't be a key here: {why}"
            continue
        if not values:
            yield place, "is an empty list: give it a value, or leave the key out"
        for index, value in enumerate(values):
            if not _VALUE.fullmatch(value):
                why = "use lower-case letters, digits, '.', '_' and '-', at most 32"
                yield (*place, index), f"{quote(value)} can't be part of a name: {why}"
            elif value in values[:index]:
                yield (*place, index), f"{quote(value)} stands twice: keep one"
        if not paths:
            yield place, f"give this environment a `path` that holds {{{key}}}"
        elif any(f"{{{key}}}" not in path for path in paths):
            yield place, f"`path` must hold {{{key}}}: else its values share one place"


def _check_waves(waves: Sequence[Wave], each: Each, found: Sequence[Member]) -> Iterator[Problem]:
    if not waves:
        yield ("waves",), "is an empty list: give it a wave, or leave the key out"
        return
    problems: list[Problem] = []
    for index, wave in enumerate(waves):
        problems += _check_wave(("waves", index), wave, each)
    yield from problems
    if problems:
        return
    taken = [_wave_of(one, waves) for one in found]
    for index in range(len(waves)):
        if index not in taken:
            yield ("waves", index), "takes no environment that a wave before it did not take"
    if left := [one.name for one, at in zip(found, taken, strict=True) if at is None]:
        key = next(iter(each))
        why = f'is in no wave: add {{{key}: "{ALL_LEFT}"}} for the rest'
        yield ("waves",), f"{enumerate_words(left)} {why}"


def _check_wave(place: Location, wave: Wave, each: Each) -> Iterator[Problem]:
    keys = [key for key in wave if key != _REQUIRE]
    if not keys:
        yield place, f"say whom it takes, such as {{{next(iter(each))}: ...}}"
    for key in keys:
        if key not in each:
            yield (*place, key), f"{quote(key)} is no key of `each`{guess(key, tuple(each))}"
            continue
        for value in _listed(wave[key]):
            if isinstance(value, str) and value != ALL_LEFT and value not in each[key]:
                yield (*place, key), f"{quote(value)} is no {key}{guess(value, each[key])}"
