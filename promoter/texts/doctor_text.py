"""What `promoter doctor` found, for a terminal; and the short form for the head of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from promoter.model.plan import Advice
from promoter.model.rule import RepositoryAddress
from promoter.model.trouble import TroubleKind
from promoter.texts.columns import align
from promoter.texts.paint import Paint, printable

Level = Literal["problem", "contradictory", "warning", "ok"]
_STYLES = {"problem": "red", "contradictory": "red", "warning": "yellow", "ok": "green"}
_STANDINGS = {"enforced": "green", "advisory": "yellow", "contradictory": "red"}
_COUNTED: Mapping[Level, tuple[str, str]] = {
    "problem": ("problem", "problems"),
    "contradictory": ("contradiction", "contradictions"),
    "warning": ("warning", "warnings"),
}


_UNSEEN = "can't be seen"


@dataclass(frozen=True)
class Symptom:
    """One thing that was looked at. `about` names it (a file with its line, a host, a repository);
    `text` says how it is and what to do. `trouble` tells who can mend a problem."""

    level: Level
    about: str
    text: str
    trouble: TroubleKind | None = None


@dataclass(frozen=True)
class Examined:
    """One repository. `credential` tells where the one in use came from, never its value; `base`
    and `advice` are None where the repository or its forge could not be asked: a symptom says
    why."""

    repository: RepositoryAddress
    credential: str
    base: str | None = None
    advice: Advice | None = None


@dataclass(frozen=True)
class Diagnosis:
    symptoms: tuple[Symptom, ...]
    repositories: tuple[Examined, ...] = ()

    def by_level(self) -> list[Symptom]:
        """What was looked at and what the advice says, the worst first."""
        advised = (
            symptom
            for each in self.repositories
            if each.advice
            for symptom in advice_symptoms(each.advice)
        )
        order = list(_STYLES)
        return sorted((*self.symptoms, *advised), key=lambda each: order.index(each.level))


def advice_symptoms(advice: Advice) -> Iterator[Symptom]:
    """Problems, contradictions and warnings."""
    about = advice.repository.url
    for text in advice.problems:
        yield Symptom("problem", about, text, "input")
    for each in advice.stances:
        if each.standing == "contradictory":
            yield Symptom("contradictory", f"{each.rule}: {each.environment}", each.why, "input")
    for text in advice.warnings:
        yield Symptom("warning", about, text)


def advice_lines(advice: Advice, environment: str | None = None) -> list[str]:
    """A line for each problem, contradiction and warning, as it is printed; nothing where all is
    well. What a token may not see is the doctor's to tell: at each run it would be noise. With an
    environment, contradictions are those of that one."""
    stances = tuple(e for e in advice.stances if environment in (None, e.environment))
    return [
        printable(f"{each.level}: {each.about}: {each.text}")
        for each in advice_symptoms(replace(advice, stances=stances))
        if each.text not in advice.footing.problems
    ]


def doctor_text(diagnosis: Diagnosis, paint: Paint) -> str:
    """What is wrong first; then how the bot stands in each repository; a count at the end."""
    symptoms = diagnosis.by_level()
    width = max((len(each.level) for each in symptoms), default=0)
    lines = [
        f"{paint(each.level, _STYLES[each.level])}{' ' * (width - len(each.level))}"
        f"  {printable(f'{each.about}: {each.text}')}"
        for each in symptoms
    ]
    for each in diagnosis.repositories:
        lines += ["", *_examined(each, paint)]
    return "\n".join([*lines, "", counts(diagnosis)]) + "\n"


def counts(diagnosis: Diagnosis) -> str:
    """`2 problems, 1 warning, 1 environment advisory`."""
    found = Counter(each.level for each in diagnosis.by_level())
    told = [
        f"{found[level]} {one if found[level] == 1 else many}"
        for level, (one, many) in _COUNTED.items()
        if found[level]
    ]
    advices = [each.advice for each in diagnosis.repositories if each.advice]
    standings = [stance.standing for advice in advices for stance in advice.stances]
    if advisory := standings.count("advisory"):
        told.append(f"{advisory} {'environment' if advisory == 1 else 'environments'} advisory")
    return ", ".join(told) or "all is well"


def _examined(examined: Examined, paint: Paint) -> Iterator[str]:
    address, advice = examined.repository, examined.advice
    at = f" {examined.base}" if examined.base else ""
    yield paint(printable(f"{address.url}{at}"), "bold")
    rows = [("forge", address.forge), ("credential", examined.credential)]
    if advice:
        rows += footing_rows(advice)
    yield from (printable(line) for line in align(rows, indent=2))
    if advice and advice.stances:
        yield ""
        yield from _stances(advice, paint)


def _stances(advice: Advice, paint: Paint) -> Iterator[str]:
    head = ("ENVIRONMENT", "RULE", "STANDING", "WHY")
    rows = [(each.environment, each.rule, each.standing, each.why) for each in advice.stances]
    first, *others = align([head, *rows], indent=2)
    yield paint(first, "bold")
    for each, line in zip(advice.stances, others, strict=True):
        # Painted after it was aligned: codes have a length, too.
        named, why = line[: -len(each.why)], each.why
        before, standing, gap = named.rpartition(each.standing)
        yield f"{printable(before)}{paint(standing, _STANDINGS[standing])}{gap}{printable(why)}"


def footing_rows(advice: Advice) -> list[tuple[str, str]]:
    """Who the bot is, each right with yes, no, or that it can't be told, and what the forge
    insists on before anything gets into the branch."""
    rights, protection = advice.footing.rights, advice.footing.protection
    approvals, checks = protection.approvals, protection.checks
    bypass = "there is none" if protection.is_on is False else _yes(rights.bypass)
    return [
        ("bot", rights.bot),
        ("may push branches", _yes(rights.push)),
        ("may open merge requests", _yes(rights.open)),
        ("may merge", _yes(rights.merge)),
        ("sees approvals", _yes(rights.see_approvals)),
        ("may publish statuses", _yes(rights.publish)),
        ("may bypass the protection", bypass),
        ("starts pipelines", _yes(rights.starts_pipelines)),
        (f"{advice.base} is protected", _yes(protection.is_on)),
        ("required approvals", _UNSEEN if approvals is None else str(approvals)),
        ("required checks", _UNSEEN if checks is None else ", ".join(checks) or "none"),
        ("must be up to date", _yes(protection.up_to_date)),
        ("merge queue or train", _yes(protection.queue)),
    ]


def _yes(value: bool | None) -> str:
    return _UNSEEN if value is None else "yes" if value else "no"
