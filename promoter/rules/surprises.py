"""What is right in a rule file and yet rarely what its author meant.

Only what does harm without being noticed: a filter that no tag passes, a version that is never
left, a last environment that nothing guards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promoter.errors import Where
from promoter.model.address import GitAddress
from promoter.model.rule import Rule
from promoter.rules.document import read_document
from promoter.rules.wording import Location, enumerate_words, label, quote

_LIKE_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+/")
_LITERAL = re.compile(r"\^?(?P<text>[\w.-]+)\$?")
_LIKE_EXPRESSION = re.compile(r"\.\*|\A\^|\$\Z|\\|\(|\|")
_SET = re.compile(r"\[!?\]?[^\]]*\]")  # as fnmatch has them
_IN_TAGS = re.compile(r"[A-Za-z0-9._*?-]*")
_ONE_VERSION = re.compile(r"=?v?(?P<version>\d+\.\d+\.\d+[0-9A-Za-z.+-]*)")


@dataclass(frozen=True)
class Surprise:
    """`where` it stands and what it does, in the form of an error's message."""

    where: Where
    message: str


def find_surprises(rule: Rule, text: str) -> tuple[Surprise, ...]:
    """By place. `text` is that of the rule's file, which has no errors."""
    document, _ = read_document(rule.source, text)
    if document is None:
        return ()
    data: Mapping[str, Any] = document.data
    found: list[Surprise] = []
    told = (*_in_repository(rule), *_in_artifacts(data["artifacts"]), *_unguarded(rule))
    for location, message in told:
        at, place = document.find(location)
        found.append(Surprise(place.at, f"{label(at)}: {message}"))
    return tuple(sorted(found, key=lambda each: each.where))


def find_namesakes(rules: Iterable[Rule]) -> tuple[Surprise, ...]:
    """Rule files that share a name: by it the bot tells whose a merge request is."""
    first: dict[str, Rule] = {}
    found: list[Surprise] = []
    for rule in rules:
        other = first.setdefault(rule.name, rule)
        if other is not rule:
            message = (
                f"is named like {other.source}: merge requests of targets that are gone are closed"
                " for neither; rename one of the files"
            )
            found.append(Surprise(rule.where, message))
    return tuple(found)


def _in_repository(rule: Rule) -> Iterator[tuple[Location, str]]:
    url = rule.repository.url
    if _LIKE_HOST.match(url) and GitAddress.parse(url).scheme == "file":
        message = f"{quote(url)} is a path on this machine"
        yield ("repository", "url"), f"{message}; did you mean {quote(f'https://{url}')}?"


def _in_artifacts(artifacts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Location, str]]:
    for index, artifact in enumerate(artifacts):
        place: Location = ("artifacts", index)
        tags = artifact.get("tags")
        if tags and (literal := _LITERAL.fullmatch(tags)):
            message = f"a tag must match in full, and {quote(tags)} matches one tag only"
            yield (*place, "tags"), f"{message}; did you mean {quote(literal['text'] + '.*')}?"
        for number, glob in enumerate(artifact.get("ignore") or ()):
            if _LIKE_EXPRESSION.search(glob):
                yield (*place, "ignore", number), _looks_like_expression(glob)
            elif not _IN_TAGS.fullmatch(_SET.sub("x", glob)):
                message = (
                    f"{quote(glob)} matches no tag, which holds letters, digits, '.', '_', '-'"
                )
                yield (*place, "ignore", number), f"{message}; '*' stands for any text"
        wanted = artifact["select"].get("semver")
        if wanted is not None and (one := _ONE_VERSION.fullmatch(wanted.strip())):
            message = f"{quote(wanted)} is this one version, never a newer one"
            meant = quote("^" + one["version"])
            yield (*place, "select", "semver"), f"{message}; did you mean {meant}?"


def _looks_like_expression(glob: str) -> str:
    message = f"{quote(glob)} looks like a regular expression, and a glob is wanted"
    meant = glob.removeprefix("^").removesuffix("$").replace(".*", "*").replace("\\.", ".")
    if _LIKE_EXPRESSION.search(meant):
        return f"{message}: '*' stands for any text, '?' for one character"
    return f"{message}; did you mean {quote(meant)}?"


def _unguarded(rule: Rule) -> Iterator[tuple[Location, str]]:
    """The ends of the chain that merge by themselves whatever comes out of their upstream."""
    upstreams = {name for each in rule.environments for name in each.after.environments}
    stages: set[str] = set()
    for each in rule.environments:
        stage = each.stage or each.name  # as the file has it, and once for all of its environments
        if stage in stages or each.name in upstreams or not each.after.environments:
            continue
        if each.merge == "automatic" and not each.require:
            origin = enumerate_words(each.after.environments, "or")
            message = (
                f"no gate stands before {each.name}: what {origin} runs goes on at once; give it a"
                " `require`, such as [soak: 24h]"
            )
            stages.add(stage)
            yield ("environments", stage, "merge"), message
