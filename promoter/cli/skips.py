"""`--skip NAME --reason TEXT`: what a hotfix goes past, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promoter.cli.find_target import Place
from promoter.decisions.gates import GATES, SKIPPABLE
from promoter.errors import InputError
from promoter.model.record import LONGEST_TEXT
from promoter.rules.wording import enumerate_words, find_nearest, quote


def check_together(skips: Sequence[str], reason: str | None, images: Sequence[str]) -> None:
    """Raises InputError where one of the flags stands without another that it needs."""
    if reason is not None and not skips:
        raise InputError("--reason: is why something is skipped: name that with --skip")
    if not skips:
        return
    if reason is None or not reason.strip():
        raise InputError("--skip: say why with --reason TEXT: it stands in the merge request")
    if len(" ".join(reason.split())) > LONGEST_TEXT:
        raise InputError(f"--reason: is longer than {LONGEST_TEXT} characters")
    if not images:
        raise InputError("--skip: name what goes past with --image NAME:TAG@DIGEST")


def read_skips(names: Sequence[str], place: Place) -> tuple[str, ...]:
    """The environments, upstream first, then the gates that a release need not pass on its way to
    the target, each once. A stage is all of its environments.

    Raises InputError for what is none of them, with what was probably meant.
    """
    found = {each for name in names for each in _meant(name, place)}
    order = [*reversed(place.rule.line(place.target.environment)), *_gates(place)]
    return tuple(each for each in order if each in found)


def _meant(name: str, place: Place) -> Iterator[str]:
    rule, target = place.rule, place.target
    line, gates = rule.line(target.environment), _gates(place)
    stages = {each: rule.environment(each).stage for each in line}
    if name in line or name in gates:
        yield name
    elif name in stages.values():
        yield from (each for each, stage in stages.items() if stage == name)
    else:
        known = (*line, *dict.fromkeys(filter(None, stages.values())), *gates)
        raise InputError(f"--skip: {_refusal(name, known, place)}")


def _gates(place: Place) -> tuple[str, ...]:
    """The gates of the target that may be skipped, by name."""
    require = place.rule.environment(place.target.environment).require
    return tuple(dict.fromkeys(each.gate for each in require if each.gate in SKIPPABLE))


def _refusal(name: str, known: Sequence[str], place: Place) -> str:
    environment = place.target.environment
    near = find_nearest(name, known)
    what = f"; it may skip {enumerate_words(known)}" if known else "; nothing may be skipped there"
    if name in GATES and name not in SKIPPABLE:
        return f"{name}: people, checks and registries are never skipped{what}"
    if name in SKIPPABLE:
        return f"{environment} requires no {name}{what}"
    if any(name in (each.name, each.stage) for each in place.rule.environments):
        return f"{name} does not stand before {environment}{what}"
    asked = f"; did you mean {quote(near)}?" if near else what
    return f"{quote(name)} is no environment before {environment}, and no gate of it{asked}"
