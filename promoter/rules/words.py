"""The words of the rule language: policies, gates, and what later versions will know.

A new policy or gate is one line in a table here, beside its line in `promoter.decisions`;
`parse` checks its argument and raises ValueError that says what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from promoter.decisions import status
from promoter.model.calendar import TOKENS, UnknownToken, parse_format
from promoter.model.image import is_tag
from promoter.model.image_prefix import ImagePrefix
from promoter.model.rule import Options
from promoter.rules.checks_shape import ChecksArgument, ChecksShape
from promoter.rules.duration import parse_duration
from promoter.rules.window import WindowShape, build_window
from promoter.rules.wording import guess, printable, quote

_LONGEST_RANGE = 256  # as in node's own implementation
_DIRECTIONS = ("asc", "desc")
_LONGEST_CHECK = 255


@dataclass(frozen=True)
class Word:
    """A policy or a gate: the type of its argument in YAML, its check, and how to describe it.

    `parse` of a policy gives the argument as text, that of a gate the options of `GateRule`.
    """

    kind: Any
    parse: Callable[[Any], Any]
    expected: str


def parse_semver_range(text: str) -> str:
    """A range of node's grammar: `>=1.0`, `~1.4`, `^2 || ^3`."""
    # Slow to import, and needed only where a rule asks for it.
    import nodesemver  # type: ignore[import-untyped]  # the library has no annotations

    if text.strip() and len(text) <= _LONGEST_RANGE:
        with suppress(ValueError):
            nodesemver.make_range(text, False)
            return text
    raise ValueError(
        f"{quote(text)} is not a range of versions: write it as npm does, such as"
        ' ">=1.0", "~1.4", "^2 || ^3" or "*"'
    )


def parse_tag(text: str) -> str:
    if not is_tag(text):
        raise ValueError(
            f"{quote(text)} is not a tag: letters, digits, '.', '_' and '-', at most 128"
        )
    return text


def parse_calver(text: str) -> str:
    """A format of calver.org: `YYYY.0M.MICRO`."""
    try:
        return parse_format(text).text
    except UnknownToken as error:
        why = f"{quote(error.word)} is not known{guess(error.word.upper(), TOKENS)}"
    except ValueError as error:
        why = str(error)
    raise ValueError(f"{quote(text)} is not a calendar format: {why}")


def parse_direction(text: str) -> str:
    if text not in _DIRECTIONS:
        raise ValueError(f"{quote(text)} is not known{guess(text, _DIRECTIONS)}")
    return text


def parse_newest(text: str) -> str:
    if text != "build":
        raise ValueError(f"{quote(text)} is not known; the only word here is 'build'")
    return text


def parse_gate_duration(text: str) -> Options:
    return (("duration", parse_duration(text)),)


def parse_approvals(count: int) -> Options:
    if count < 1:
        raise ValueError(f"{count} approvals are no gate: ask for 1 or more, or leave it out")
    return (("count", count),)


def parse_checks(shape: ChecksShape) -> Options:
    """The option `name`, once for each check, and `of` where it is not the request's head."""
    names = shape.names
    if not names:
        raise ValueError("is an empty list: name a check, or leave the gate out")
    for index, name in enumerate(names):
        if not name.strip() or name != name.strip():
            raise ValueError(f"{quote(name)} is no check's name: write it as the forge shows it")
        if not name.isprintable() or len(name) > _LONGEST_CHECK:
            raise ValueError(
                f"{quote(name)} is no check's name: one line of at most {_LONGEST_CHECK} characters"
            )
        if name == status.NAME:
            raise ValueError(f"{quote(name)} is the bot's own status, which waits for this gate")
        if name in names[:index]:
            raise ValueError(f"{quote(name)} stands twice: keep one")
    of = (("of", shape.of),) if shape.of else ()
    return (*(("name", name) for name in names), *of)


def parse_window(shape: WindowShape) -> Options:
    return (("window", build_window(shape)),)


def parse_registries(texts: list[str]) -> Options:
    """The option `registry`, once for each host or prefix, in normal spelling."""
    if not texts:
        raise ValueError("is an empty list: name a registry, or leave the gate out")
    prefixes: list[str] = []
    for text in texts:
        if "://" in text:
            raise ValueError(f"{quote(text)}: write the host without '://' and what is before it")
        try:
            prefix = str(ImagePrefix.parse(text))
        except ValueError as error:
            raise ValueError(
                f"{quote(text)} is no registry: write ghcr.io or harbor.example.com/apps/"
                if "names no registry" not in str(error)
                else printable(str(error))
            ) from None
        if prefix in prefixes:
            raise ValueError(f"{quote(text)} stands twice: keep one")
        prefixes.append(prefix)
    return tuple(("registry", prefix) for prefix in prefixes)


POLICIES: Mapping[str, Word] = {
    "semver": Word(str, parse_semver_range, 'a range in quotes such as ">=1.0"'),
    "calver": Word(str, parse_calver, "a format of calver.org such as YYYY.0M.MICRO"),
    "numeric": Word(str, parse_direction, "asc or desc"),
    "alphabetical": Word(str, parse_direction, "asc or desc"),
    "tag": Word(str, parse_tag, 'the name of a tag such as stable or "1.27"'),
    "newest": Word(str, parse_newest, "the word build"),
}
GATES: Mapping[str, Word] = {
    "soak": Word(str, parse_gate_duration, "a duration such as 30m, 24h or 7d"),
    "approvals": Word(int, parse_approvals, "a whole number such as 2"),
    "checks": Word(ChecksArgument, parse_checks, "a list of names such as [build, scan]"),
    "window": Word(WindowShape, parse_window, 'a mapping such as {allow: "0 9 * * 1-5", for: 8h}'),
    "registries": Word(
        list[str], parse_registries, "a list such as [ghcr.io, harbor.example.com/apps/]"
    ),
    "minimum-age": Word(str, parse_gate_duration, "a duration such as 30m, 24h or 7d"),
}

# Keys of the language that this version can't obey yet, by the shape that they stand in. They
# are refused by name: a rule that is half obeyed would promote what its author meant to hold.
NOT_YET: Mapping[str, frozenset[str]] = {
    "RuleShape": frozenset({"use"}),
    "RepositoryShape": frozenset(),
    "OwnRepositoryShape": frozenset(),
    "LimitsShape": frozenset(),
    "ArtifactShape": frozenset({"chart", "git", "at"}),
    "SelectShape": frozenset(),
    "EnvironmentShape": frozenset({"deliver"}),
    "MergeRequestShape": frozenset(),
    "CommitShape": frozenset({"sign"}),
    "UpstreamShape": frozenset(),
    "WindowShape": frozenset(),
    "WindowEntryShape": frozenset(),
    "ChecksShape": frozenset(),
    "GateShape": frozenset(
        {
            "rendered",
            "healthy",
            "query",
            "signed",
            "attested",
            "vulnerabilities",
            "when",
            "http",
        }
    ),
}
